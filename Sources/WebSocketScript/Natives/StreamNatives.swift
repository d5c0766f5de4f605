import WebSocketProtocol
import WebSocketTransport
import WebSockets

extension ScriptHost {
    func defineStreams(_ define: Definer) {
        // (number, url, protocols) → [handle, url]. Throws a SyntaxError.
        define("openStream") { host, call in
            let stream = try WebSocketStream(
                call.text(1),
                protocols: call.texts(2),
                environment: host.options.environment
            )
            let native = ScriptStream(call.integer(0), stream, host.loop)
            host.streams[native.number] = native
            native.start()
            let context = host.context
            return try context.array([context.handle(native), context.value(stream.url)])
        }
        // (url, protocols) → url, without connecting. Throws a SyntaxError.
        define("checkStream") { host, call in
            let environment = host.options.environment
            let request = try SocketRequest(call.text(0), protocols: call.texts(1), environment: environment)
            return host.context.value(request.url.href)
        }
        // (handle): the next message is told when it comes.
        define("readStream") { host, call in
            guard let stream: ScriptStream = call.handle(0) else { return nil }
            host.streamTasks += 1
            stream.read()
            return nil
        }
        // (handle, text or Uint8Array): that it was written is told.
        define("writeStream") { host, call in
            guard let stream: ScriptStream = call.handle(0) else { return nil }
            host.streamTasks += 1
            let isText = call.isString(1)
            stream.write(
                isText ? Message(checked: .text, bytes: call.utf8(1)) : Message(host.bytes(call, 1))
            )
            return nil
        }
        // (handle, code or undefined, reason). Throws an InvalidAccessError or a SyntaxError.
        define("closeStream") { _, call in
            let code = call.isUndefined(1) ? nil : UInt16(clamping: call.integer(1))
            let stream: ScriptStream? = call.handle(0)
            if let stream {
                try stream.stream.close(closeCode: code, reason: call.text(2))
            } else {
                _ = try CloseArguments.check(code: code, reason: call.text(2))
            }
            return nil
        }
    }

    fileprivate func tell(
        _ stream: Int,
        _ event: String,
        _ details: (ScriptContext) throws(ScriptError) -> [ScriptValue] = { _ in [] }
    ) {
        reporting { () throws(ScriptError) in
            let values = [context.value(stream), context.value(event)] + (try details(context))
            _ = callBack("stream", values)
        }
    }
}

/// A stream of a script's. What happens to it is told on the host's event loop.
final class ScriptStream: Sendable {
    let number: Int
    let stream: WebSocketStream
    private let loop: EventLoop

    init(_ number: Int, _ stream: WebSocketStream, _ loop: EventLoop) {
        self.number = number
        self.stream = stream
        self.loop = loop
    }

    /// Closes without a code, if it is not closed.
    func abandon() { try? stream.close() }

    /// Tells of the opening, and of the end.
    func start() {
        Task { [self] in
            let info: WebSocketStream.Info
            do {
                info = try await stream.opened
            } catch {
                let message = (error as? WebSocketError)?.message ?? "\(error)"
                return ended("failed") { context in [context.value(message)] }
            }
            let (extensions, subprotocol) = (info.extensions, info.protocol)
            loop.enqueue { [number] host in
                host.tell(number, "opened") { [$0.value(extensions), $0.value(subprotocol)] }
            }
            do {
                let end = try await stream.closed
                ended("closed") { [$0.value(true), $0.value(Int(end.closeCode)), $0.value(end.reason)] }
            } catch let error as WebSocketError {
                ended("closed") { context in
                    [
                        context.value(false), context.value(Int(error.closeCode ?? 1006)),
                        context.value(error.reason), context.value(error.message),
                    ]
                }
            } catch {
                ended("closed") { [$0.value(false), $0.value(1006), $0.value("")] }
            }
        }
    }

    private func ended(_ event: String, _ details: @escaping @Sendable (ScriptContext) -> [ScriptValue]) {
        loop.enqueue { [number] host in
            host.streams[number] = nil
            host.tell(number, event) { details($0) }
        }
    }

    func read() {
        Task { [self] in
            let message = try? await next()
            loop.enqueue { [number] host in
                host.streamTasks -= 1
                guard let message else { return host.tell(number, "end") }
                host.tell(number, "message") { context throws(ScriptError) in
                    switch message.kind {
                    case .text: [context.text(message.bytes)]
                    case .binary: [try context.arrayBuffer(message.bytes)]
                    }
                }
            }
        }
    }

    private func next() async throws -> Message? {
        var messages = try await stream.opened.readable.makeAsyncIterator()
        return try await messages.next()
    }

    func write(_ message: Message) {
        Task { [self] in
            let isWritten: Bool
            do {
                try await stream.opened.writable.write(message)
                isWritten = true
            } catch {
                isWritten = false
            }
            loop.enqueue { [number] host in
                host.streamTasks -= 1
                host.tell(number, "written") { [$0.value(isWritten)] }
            }
        }
    }
}
