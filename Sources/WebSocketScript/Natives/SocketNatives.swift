import WebSocketProtocol
import WebSocketTransport
import WebSockets

extension ScriptHost {
    func defineSockets(_ define: Definer) {
        // (number, url, protocols) → [handle, url, origin]. Throws a SyntaxError.
        define("openSocket") { host, call in
            let environment = host.options.environment
            let request = try SocketRequest(call.text(1), protocols: call.texts(2), environment: environment)
            let core = ClientSocket(request)
            let number = call.integer(0)
            let sink = ScriptSocket(number, core, host)
            host.sockets[number] = sink
            core.start(sink, isolation: host.loop.owner)
            // The script holds the socket by its handle, and this holds what tells the script.
            core.listenersChanged(isLive: true)
            let context = host.context
            return try context.array([
                context.handle(SocketHandle(core)), context.value(request.url.href),
                context.value(request.url.origin),
            ])
        }
        define("sendText") { host, call in
            try host.send(Message(checked: .text, bytes: call.utf8(1)), call)
        }
        define("sendBytes") { host, call in
            try host.send(Message(host.bytes(call, 1)), call)
        }
        // (handle, code or undefined, reason or undefined). Throws an InvalidAccessError or a SyntaxError.
        define("closeSocket") { host, call in
            let code = call.isUndefined(1) ? nil : UInt16(clamping: call.integer(1))
            let reason = call.isUndefined(2) ? nil : call.text(2)
            let payload = try CloseArguments.check(code: code, reason: reason)
            call.handle(0, as: SocketHandle.self)?.core.close(payload)
            return nil
        }
        define("readyState") { host, call in
            host.value(call) { Double($0.readyState.rawValue) }
        }
        define("bufferedAmount") { host, call in
            guard let handle: SocketHandle = call.handle(0) else { return nil }
            host.touched(handle.core)
            return host.context.value(handle.core.bufferedAmount)
        }
        define("socketProtocol") { host, call in
            call.handle(0, as: SocketHandle.self).map { host.context.value($0.core.subprotocol) }
        }
        define("socketExtensions") { host, call in
            call.handle(0, as: SocketHandle.self).map { host.context.value($0.core.extensions) }
        }
        // How many sockets have listeners that may be called yet.
        define("setHeard") { host, call in
            host.heardSockets = call.integer(0)
            return nil
        }
    }

    private func value(_ call: NativeCall, _ read: (ClientSocket) -> Double) -> ScriptValue? {
        call.handle(0, as: SocketHandle.self).map { context.value(read($0.core)) }
    }

    private func send(_ message: Message, _ call: NativeCall) throws -> ScriptValue? {
        guard let handle: SocketHandle = call.handle(0) else { return nil }
        try handle.core.send(message)
        touched(handle.core)
        return nil
    }

    /// What the script knows of the socket's buffer stays so until its turn is over.
    private func touched(_ core: ClientSocket) {
        if touchedInTurn.last !== core { touchedInTurn.append(core) }
    }
}

/// What a script's WebSocket holds: once that is collected, the connection closes without a code (WebSockets §7).
private final class SocketHandle: Sendable {
    let core: ClientSocket

    init(_ core: ClientSocket) { self.core = core }
    deinit { core.abandon() }
}

/// Tells a script's WebSocket what happens to it.
final class ScriptSocket: SocketSink {
    private let number: Int
    /// Weak: the socket holds this, while it has something to tell.
    private weak var core: ClientSocket?
    private weak var host: ScriptHost?

    init(_ number: Int, _ core: ClientSocket, _ host: ScriptHost) {
        self.number = number
        self.core = core
        self.host = host
    }

    func abandon() { core?.abandon() }

    private func tell(_ event: String, _ details: (ScriptContext) throws(ScriptError) -> [ScriptValue]) {
        host?.turn { host in
            let context = host.context
            host.reporting { () throws(ScriptError) in
                let values = [context.value(number), context.value(event)] + (try details(context))
                // A call for each listener: microtasks run when a call returns (HTML, "clean up after running script").
                var isMore = host.callBack("socket", values)?.flag ?? false
                while isMore { isMore = host.callBack("proceed")?.flag ?? false }
            }
        }
    }

    func opened() { tell("open") { _ in [] } }

    func received(_ message: Message) -> Bool {
        tell("message") { context throws(ScriptError) in
            switch message.kind {
            case .text: [context.text(message.bytes)]
            case .binary: [try context.arrayBuffer(message.bytes)]
            }
        }
        return true
    }

    func closed(_ code: UInt16, _ reason: String, wasClean: Bool, failed: Bool) {
        core?.listenersChanged(isLive: false)
        host?.sockets[number] = nil
        if failed, let core, let host, let failure = core.failure {
            host.options.console(.error, "WebSocket connection to \(core.url) failed: \(failure)")
        }
        tell("close") { context in
            [context.value(Int(code)), context.value(reason), context.value(wasClean), context.value(failed)]
        }
    }

    func rechecked() {}
}
