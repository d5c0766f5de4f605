import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@testable import WebSockets

/// The web's `WebSocketStream`, for `async` code.
@Suite("WebSocketStream", .timeLimit(.minutes(3)))
struct WebSocketStreamTests {
    @Test("Opens, writes, reads, closes")
    func echo() async throws {
        try await withEcho { url in
            let stream = try WebSocketStream(url, protocols: ["chat"], environment: .patient())
            #expect(stream.url == url)
            let info = try await within { try await stream.opened }
            #expect(info.protocol == "chat")
            #expect(info.extensions.hasPrefix("permessage-deflate"))
            let (readable, writable) = info.streams
            try await writable.write("hello")
            try await writable.write([1, 2])
            try await writable.write(Message("again"))
            var received: [Message] = []
            for try await message in readable {
                received.append(message)
                if received.count == 3 { break }
            }
            #expect(received == [Message("hello"), Message([1, 2]), Message("again")])
            try stream.close(closeCode: 3456, reason: "enough")
            let closed = try await within { try await stream.closed }
            #expect(closed == .init(closeCode: 3456, reason: "enough"))
        }
    }

    @Test("The server closes: reading ends, closed tells its code and reason, writing is refused")
    func serverCloses() async throws {
        try await serving { server in
            server.route("/") { socket, _ in
                try await socket.send("last")
                try await socket.close(code: CloseCode(4000), reason: "robot")
            }
        } _: { port in
            let stream = try WebSocketStream("ws://127.0.0.1:\(port)/", environment: .patient())
            let (readable, writable) = try await within { try await stream.opened }.streams
            var texts: [String?] = []
            for try await message in readable { texts.append(message.text) }
            #expect(texts == ["last"])
            let closed = try await within { try await stream.closed }
            #expect(closed == .init(closeCode: 4000, reason: "robot"))
            let refusal = await thrownError(SendError.self) { try await writable.write("late") }
            guard case .ended(let end) = refusal else {
                Issue.record("not \(String(describing: refusal))")
                return
            }
            #expect(end.code.rawValue == 4000)
        }
    }

    @Test("close() without arguments sends an empty close frame; a reason alone brings the code 1000")
    func closeCodes() async throws {
        try await withEcho { url in
            for (reason, expected) in [(nil, 1005), ("", 1005), ("why", 1000)] as [(String?, UInt16)] {
                let stream = try WebSocketStream(url, environment: .patient())
                _ = try await within { try await stream.opened }
                try stream.close(reason: reason)
                let closed = try await within { try await stream.closed }
                #expect(closed == .init(closeCode: expected, reason: reason ?? ""))
            }
            let stream = try WebSocketStream(url, environment: .patient())
            #expect(throws: DOMException.self) { try stream.close(closeCode: 1001) }
            #expect(throws: DOMException.self) {
                try stream.close(reason: String(repeating: "x", count: 124))
            }
            try stream.close()
        }
    }

    @Test("It does not open: opened and closed throw, with the cause")
    func refused() async throws {
        let port = try await RawServer.unusedPort()
        let stream = try WebSocketStream("ws://127.0.0.1:\(port)/", environment: .patient())
        for wait in [{ _ = try await stream.opened }, { _ = try await stream.closed }]
            as [@Sendable () async throws -> Void]
        {
            let error = await thrownError(WebSocketError.self) { try await within { try await wait() } }
            #expect(error?.failure?.cause == .connectionRefused)
            #expect(error?.closeCode == nil && error?.reason == "")
        }
    }

    @Test("The connection breaks: reading throws, closed throws a WebSocketError with 1006")
    func broken() async throws {
        try await RawServer.run { peer in
            try await peer.accept(and: .text("one"))
            try await peer.reset()
        } _: { server in
            let stream = try WebSocketStream(server.url, environment: .patient())
            let info = try await within { try await stream.opened }
            let error = await thrownError(ReceiveError.self) { for try await _ in info.readable {} }
            guard case .ended(let end) = error else {
                Issue.record("not \(String(describing: error))")
                return
            }
            #expect(end.code == .abnormalClosure)
            let closed = await thrownError(WebSocketError.self) {
                _ = try await within { try await stream.closed }
            }
            #expect(closed?.closeCode == 1006)
        }
    }

    @Test("What was not sent any more makes a close unclean, whatever the server said")
    func unsent() async throws {
        try await RawServer.run { peer in
            try await peer.accept()
            // Until something has come: then the rest is under way.
            _ = try? await peer.readFrame()
            try await peer.stopReading()
            try await peer.write(.close(4567))
            _ = try await peer.channel.closeFuture.get()
        } _: { server in
            let environment = WebSocketEnvironment.patient {
                $0.compression = nil
                $0.connection.closeTimeout = .milliseconds(500)
            }
            let stream = try WebSocketStream(server.url, environment: environment)
            let info = try await within { try await stream.opened }
            let writing = Task {
                try await info.writable.write("first")
                for _ in 0..<64 { try await info.writable.write([UInt8](repeating: 1, count: 1 << 20)) }
            }
            #expect(await writing.result.isFailure)
            let error = await thrownError(WebSocketError.self) {
                _ = try await within { try await stream.closed }
            }
            #expect(error?.closeCode == 4567)
        }
    }

    @Test("Backpressure: whoever does not read has the server wait")
    func backpressureOfReading() async throws {
        let sent = Log<Int>()
        try await serving { server in
            server.route("/") { socket, _ in
                for number in 0..<400 {
                    try await socket.send([UInt8](repeating: 1, count: 100_000))
                    sent.add(number)
                }
            }
        } _: { port in
            let environment = WebSocketEnvironment.patient { $0.compression = nil }
            let stream = try WebSocketStream("ws://127.0.0.1:\(port)/", environment: environment)
            let info = try await within { try await stream.opened }
            // 40 MB do not fit any buffer on the way: the server comes to a halt.
            var last = -1
            while sent.entries.count != last {
                last = sent.entries.count
                let clock = ContinuousClock.now + .milliseconds(300)
                while ContinuousClock.now < clock { await Task.yield() }
            }
            #expect(last < 400)
            var count = 0
            for try await message in info.readable { count += message.bytes.count }
            #expect(count == 400 * 100_000)
        }
    }

    @Test("Backpressure: writing to a server that does not read suspends")
    func backpressureOfWriting() async throws {
        let mayRead = Promised<Void>()
        try await RawServer.run { peer in
            try await peer.accept()
            try await peer.stopReading()
            try await mayRead.value
            try await peer.channel.setOption(.autoRead, value: true).get()
            await peer.readToEnd()
        } _: { server in
            let environment = WebSocketEnvironment.patient { $0.compression = nil }
            let stream = try WebSocketStream(server.url, environment: environment)
            let info = try await within { try await stream.opened }
            let isDone = Log<Bool>()
            let writing = Task {
                for _ in 0..<64 { try await info.writable.write([UInt8](repeating: 1, count: 1 << 20)) }
                isDone.add(true)
            }
            let limit = ContinuousClock.now + .milliseconds(500)
            while ContinuousClock.now < limit { await Task.yield() }
            #expect(isDone.entries.isEmpty)
            mayRead.fulfil(())
            try await within { try await writing.value }
            #expect(isDone.entries == [true])
        }
    }

    @Test("A signal aborted before: nothing is connected, and its reason is what is thrown")
    func abortedBefore() async throws {
        let arrived = Log<Bool>()
        try await RawServer.run { peer in
            arrived.add(true)
            await peer.readToEnd()
        } _: { server in
            struct Reason: Error {}
            let stream = try WebSocketStream(server.url, signal: .abort(Reason()), environment: .patient())
            #expect(await thrownError(Reason.self) { _ = try await stream.opened } != nil)
            #expect(await thrownError(Reason.self) { _ = try await stream.closed } != nil)
            #expect(arrived.entries.isEmpty)
        }
    }

    @Test("A signal aborted during the handshake ends it; aborted later it has no effect")
    func abortedDuring() async throws {
        let sawHead = Promised<Void>()
        let ended = Promised<Void>()
        try await RawServer.run { peer in
            _ = try await peer.readHead()
            sawHead.fulfil(())
            await peer.readToEnd()
            ended.fulfil(())
        } _: { server in
            let controller = AbortController()
            let stream = try WebSocketStream(server.url, signal: controller.signal, environment: .patient())
            try await within { try await sawHead.value }
            controller.abort()
            let error = await thrownError(DOMException.self) {
                _ = try await within { try await stream.opened }
            }
            #expect(error?.name == .abort)
            try await within { try await ended.value }
        }
        try await withEcho { url in
            let controller = AbortController()
            let stream = try WebSocketStream(url, signal: controller.signal, environment: .patient())
            let info = try await within { try await stream.opened }
            controller.abort()
            try await info.writable.write("still here")
            var iterator = info.readable.makeAsyncIterator()
            #expect(try await iterator.next() == Message("still here"))
            try stream.close()
        }
    }

    private struct Late: Error {}

    @Test("A signal that is aborted after the attempt has failed does not take the error's place")
    func abortedAfterFailure() async throws {
        let port = try await RawServer.unusedPort()
        let controller = AbortController()
        let stream = try WebSocketStream(
            "ws://127.0.0.1:\(port)/",
            signal: controller.signal,
            environment: .patient()
        )
        let first = await thrownError(WebSocketError.self) {
            _ = try await within { try await stream.opened }
        }
        controller.abort(Late())
        try stream.close()
        for _ in 0..<2 {
            let opened = await thrownError(WebSocketError.self) { _ = try await stream.opened }
            let closed = await thrownError(WebSocketError.self) { _ = try await stream.closed }
            #expect(first != nil && opened?.message == first?.message && closed?.message == first?.message)
        }
    }

    @Test(
        "Nor after close() has given it up, or after the task that waited was cancelled; nor close() that of a signal"
    )
    func firstGivingUpCounts() async throws {
        try await RawServer.run { peer in
            await peer.readToEnd()
        } _: { server in
            let controller = AbortController()
            let closed = try WebSocketStream(server.url, signal: controller.signal, environment: .patient())
            try closed.close()
            let cancelled = try WebSocketStream(
                server.url,
                signal: controller.signal,
                environment: .patient()
            )
            let waiting = Task { try await cancelled.opened }
            waiting.cancel()
            #expect(await waiting.result.isFailure)
            let early = AbortController()
            let aborted = try WebSocketStream(server.url, signal: early.signal, environment: .patient())
            early.abort(Late())
            try aborted.close(closeCode: 3000)

            controller.abort(Late())
            let given = await thrownError(WebSocketError.self) { _ = try await closed.opened }
            #expect(given?.message.contains("closed before") == true)
            #expect(await thrownError(CancellationError.self) { _ = try await cancelled.closed } != nil)
            #expect(await thrownError(Late.self) { _ = try await aborted.opened } != nil)
            #expect(await thrownError(Late.self) { _ = try await aborted.closed } != nil)
        }
    }

    @Test("A signal that is aborted after the close changes nothing of it, and keeps nothing of the stream")
    func abortedAfterClose() async throws {
        try await withEcho { url in
            let controller = AbortController()
            let stream = try WebSocketStream(url, signal: controller.signal, environment: .patient())
            _ = try await within { try await stream.opened }
            try await within(waitingFor: "the signal to be left") {
                while controller.signal.actionCount > 0 { await Task.yield() }
            }
            try stream.close(closeCode: 3000, reason: "done")
            let end = try await within { try await stream.closed }
            controller.abort(Late())
            #expect(try await stream.closed == end && end.closeCode == 3000)
            #expect(try await stream.opened.protocol == "")
        }
    }

    @Test("Cancelling the task that waits for the opening abandons the attempt")
    func cancelled() async throws {
        let sawHead = Promised<Void>()
        let ended = Promised<Void>()
        try await RawServer.run { peer in
            _ = try await peer.readHead()
            sawHead.fulfil(())
            await peer.readToEnd()
            ended.fulfil(())
        } _: { server in
            let environment = WebSocketEnvironment.patient()
            let stream = try WebSocketStream(server.url, environment: environment)
            let waiting = Task { try await stream.opened }
            try await within { try await sawHead.value }
            waiting.cancel()
            #expect(await waiting.result.isFailure)
            try await within { try await ended.value }
            try await within { while environment.liveConnections > 0 { await Task.yield() } }
        }
    }

    @Test("Cancelling the task that reads closes with 1001")
    func cancelledReader() async throws {
        let end = Promised<ConnectionEnd>()
        try await serving { server in
            server.route("/") { socket, _ in end.fulfil(await socket.closed) }
        } _: { port in
            let stream = try WebSocketStream("ws://127.0.0.1:\(port)/", environment: .patient())
            let info = try await within { try await stream.opened }
            let reading = Task { for try await _ in info.readable {} }
            reading.cancel()
            #expect(try await within { try await end.value }.code == .goingAway)
        }
    }

    @Test("Nobody holds any part of it: the connection is closed without a code")
    func abandoned() async throws {
        let end = Promised<ConnectionEnd>()
        try await serving { server in
            server.route("/") { socket, _ in
                try await socket.send("hello")
                end.fulfil(await socket.closed)
            }
        } _: { port in
            let environment = WebSocketEnvironment.patient()
            @Sendable func readOne() async throws -> Message? {
                var iterator = try await WebSocketStream("ws://127.0.0.1:\(port)/", environment: environment)
                    .opened.readable.makeAsyncIterator()
                // The stream itself has gone; its readable side is enough.
                return try await iterator.next()
            }
            #expect(try await within { try await readOne() } == Message("hello"))
            #expect(try await within { try await end.value }.code == .noStatusReceived)
            try await within { while environment.liveConnections > 0 { await Task.yield() } }
        }
    }

    @Test("A signal that lives on does not hold the connection")
    func abandonedWithSignal() async throws {
        let end = Promised<ConnectionEnd>()
        let controller = AbortController()
        try await serving { server in
            server.route("/") { socket, _ in end.fulfil(await socket.closed) }
        } _: { port in
            let url = "ws://127.0.0.1:\(port)/"
            do {
                let stream = try WebSocketStream(url, signal: controller.signal, environment: .patient())
                _ = try await within { try await stream.opened }
            }
            #expect(try await within { try await end.value }.code == .noStatusReceived)
        }
        controller.abort()
    }

    @Test("A server's sockets are read and written by the same types")
    func serverSide() async throws {
        @Sendable func upper(
            _ readable: WebSocketConnection.Messages,
            _ writable: WebSocketConnection.Writable
        ) async throws {
            for try await message in readable { try await writable.write((message.text ?? "").uppercased()) }
        }
        try await serving { server in
            server.route("/") { socket, _ in try await upper(socket.readable, socket.writable) }
        } _: { port in
            let stream = try WebSocketStream("ws://127.0.0.1:\(port)/", environment: .patient())
            let (readable, writable) = try await within { try await stream.opened }.streams
            try await writable.write("quiet")
            var iterator = readable.makeAsyncIterator()
            #expect(try await iterator.next()?.text == "QUIET")
            #expect(await writable.close().code == .noStatusReceived)
        }
    }

    @Test("URLs and subprotocols are judged as WebSocket's; a WebSocketError checks its code and reason")
    func arguments() throws {
        #expect(throws: DOMException.self) { _ = try WebSocketStream("invalid:") }
        #expect(throws: DOMException.self) { _ = try WebSocketStream("ws://x/", protocols: ["a", "a"]) }
        for code: UInt16 in [999, 1001, 2999, 5000] {
            #expect(throws: DOMException.self) { _ = try WebSocketError("", closeCode: code) }
        }
        #expect(throws: DOMException.self) {
            _ = try WebSocketError("", reason: String(repeating: "é", count: 62))
        }
        let error = try WebSocketError("message", reason: "specified")
        #expect(error.closeCode == 1000 && error.reason == "specified" && error.message == "message")
        #expect(try WebSocketError().closeCode == nil)
    }
}

extension Result {
    fileprivate var isFailure: Bool {
        if case .failure = self { true } else { false }
    }
}
