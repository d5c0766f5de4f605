import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@testable import WebSockets

/// The web's `WebSocket` on the main actor, as a page has it.
@MainActor
@Suite("WebSocket", .timeLimit(.minutes(3)))
struct WebSocketTests {
    @Test("Opens, echoes, closes: each event once, in order, with the state that goes with it")
    func echo() async throws {
        try await withEcho { url in
            let transcript = Transcript()
            let socket = try WebSocket(url, protocols: ["chat"], environment: .patient())
            #expect(socket.readyState == .connecting)
            #expect(socket.url == url)
            #expect(socket.protocol == "" && socket.extensions == "")
            #expect(socket.bufferedAmount == 0)
            #expect(socket.binaryType == .blob)
            transcript.record(socket)
            socket.addEventListener(.open) { _ in
                try? socket.send("hello")
                try? socket.send([1, 2, 3])
            }
            socket.addEventListener(.message) { event in
                if event.data.bytes != nil { try? socket.close(code: 3456, reason: "enough") }
            }
            try await transcript.until("end")
            #expect(
                transcript.lines == [
                    "open open true", "message hello", "message [object Blob]", "close 3456 enough true",
                    "end",
                ]
            )
            #expect(socket.readyState == .closed)
            #expect(socket.protocol == "chat")
            #expect(socket.extensions.hasPrefix("permessage-deflate"))
            #expect(socket.failure == nil)
        }
    }

    @Test("Binary messages come as the socket's binaryType says when they come", arguments: [true, false])
    func binaryType(asBlob: Bool) async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            socket.binaryType = asBlob ? .blob : .arraybuffer
            let came = Promised<MessageData>()
            socket.onopen = { _ in try? socket.send(Blob(bytes: [7, 8, 9]).slice(1)) }
            socket.onmessage = { came.fulfil($0.data) }
            let data = try await within { try await came.value }
            #expect(data == (asBlob ? .blob(Blob(bytes: [8, 9])) : .arrayBuffer([8, 9])))
            #expect(data.bytes == [8, 9])
            socket.close()
        }
    }

    @Test("A message event has the server's origin and the rest of what MDN lists")
    func messageEvent() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            let transcript = Transcript()
            socket.onopen = { _ in try? socket.send("hola") }
            socket.onmessage = { event in
                #expect(event.origin == String(url.dropLast()))
                #expect(event.lastEventId == "" && event.source == nil && event.ports.isEmpty)
                #expect(event.target === socket && event.currentTarget === socket)
                #expect(event.eventPhase == .atTarget && event.isTrusted)
                #expect(!event.bubbles && !event.cancelable)
                transcript.add("checked")
            }
            try await transcript.until("checked")
            socket.close()
        }
    }

    @Test("Messages right behind the handshake, in its very segment, reach handlers set in the same go")
    func earlyMessages() async throws {
        try await RawServer.run { peer in
            try await peer.accept(and: .text("1"), .text("2"), .text("3"), .text("4"), .close(1000))
            _ = try await peer.readFrame()
        } _: { server in
            let environment = WebSocketEnvironment.patient()
            for _ in 0..<200 {
                let transcript = Transcript()
                transcript.record(try WebSocket(server.url, environment: environment))
                try await transcript.until("end")
                #expect(
                    transcript.lines == [
                        "open open true", "message 1", "message 2", "message 3", "message 4",
                        "close 1000  true", "end",
                    ]
                )
            }
        }
    }

    @Test("A failure tells one error and then the close 1006; the developer is told why")
    func refused() async throws {
        let port = try await RawServer.unusedPort()
        let transcript = Transcript()
        let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
        transcript.record(socket)
        var told: WebSocketFailure?
        socket.addEventListener(.error) { told = $0.error as? WebSocketFailure }
        try await transcript.until("end")
        #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
        #expect(socket.failure?.cause == .connectionRefused)
        #expect(told?.cause == .connectionRefused)
    }

    @Test("A refused handshake: the failure has the server's answer")
    func refusedHandshake() async throws {
        try await RawServer.run { peer in
            _ = try await peer.readHead()
            try await peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope")
        } _: { server in
            let transcript = Transcript()
            let socket = try WebSocket(server.url, environment: .patient())
            transcript.record(socket)
            try await transcript.until("end")
            #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
            #expect(socket.failure?.response?.status.code == 403)
            #expect(socket.failure.map { String(decoding: $0.body, as: UTF8.self) } == "nope")
        }
    }

    @Test("A broken frame fails an open socket: error, then 1006 and unclean")
    func brokenFrame() async throws {
        try await RawServer.run { peer in
            try await peer.accept(and: .text("fine"))
            try await peer.write([0x83, 0x00])
            await peer.readToEnd()
        } _: { server in
            let transcript = Transcript()
            let socket = try WebSocket(server.url, environment: .patient())
            transcript.record(socket)
            try await transcript.until("end")
            #expect(
                transcript.lines == [
                    "open open true", "message fine", "error closed", "close 1006  false", "end",
                ]
            )
            guard case .protocolError = socket.failure?.cause else {
                Issue.record("not \(String(describing: socket.failure))")
                return
            }
        }
    }

    @Test("The server closes: its code and reason, after all its messages")
    func serverCloses() async throws {
        try await serving { server in
            server.route("/") { socket, _ in
                for number in 0..<100 { try await socket.send("\(number)") }
                try await socket.close(code: CloseCode(4001), reason: "bye")
            }
        } _: { port in
            let transcript = Transcript()
            transcript.record(try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient()))
            try await transcript.until("end")
            #expect(
                transcript.lines == ["open open true"] + (0..<100).map { "message \($0)" }
                    + ["close 4001 bye true", "end"]
            )
        }
    }

    @Test("The server began to close: CLOSING, until TCP is closed; what is sent then only counts")
    func serverIsClosing() async throws {
        let mayEnd = Promised<Void>()
        try await RawServer.run { peer in
            try await peer.accept(and: .close(1001, "going"))
            // The client's close frame, and no end of TCP before the test has looked.
            _ = try await peer.readFrame()
            try await mayEnd.value
        } _: { server in
            let transcript = Transcript()
            let socket = try WebSocket(server.url, environment: .patient())
            transcript.record(socket)
            try await transcript.until("open open true")
            try await within(waitingFor: "the socket to be closing") { @MainActor in
                while socket.readyState == .open { await Task.yield() }
            }
            #expect(socket.readyState == .closing)
            try socket.send("lost")
            try socket.close(code: 3000)
            #expect(socket.bufferedAmount == 4)
            mayEnd.fulfil(())
            try await transcript.until("end")
            #expect(transcript.lines.suffix(2) == ["close 1001 going true", "end"])
            #expect(socket.bufferedAmount == 4)
            try socket.send([0, 0])
            #expect(socket.bufferedAmount == 6)
        }
    }

    @Test("Closing while connecting: error and 1006, and the server never sees a socket")
    func closeWhileConnecting() async throws {
        let sawHead = Promised<Void>()
        try await RawServer.run { peer in
            _ = try await peer.readHead()
            sawHead.fulfil(())
            await peer.readToEnd()
        } _: { server in
            let environment = WebSocketEnvironment.patient()
            let transcript = Transcript()
            let socket = try WebSocket(server.url, environment: environment)
            transcript.record(socket)
            try await within { try await sawHead.value }
            socket.close()
            #expect(socket.readyState == .closing)
            #expect(transcript.lines.isEmpty)
            try await transcript.until("end")
            #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
            #expect(socket.failure?.cause == nil)
            try await within(waitingFor: "no live connection") {
                while environment.liveConnections > 0 { await Task.yield() }
            }
        }
    }

    @Test("Closing at once, before anything has been sent")
    func closeAtOnce() async throws {
        try await withEcho { url in
            let transcript = Transcript()
            let socket = try WebSocket(url, environment: .patient())
            socket.close()
            transcript.record(socket)
            try await transcript.until("end")
            #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
        }
    }

    @Test("Closing goes behind what was sent; messages that come after it are not told")
    func closeBehindMessages() async throws {
        let received = Log<String>()
        try await serving { server in
            server.route("/") { socket, _ in
                for try await message in socket.messages {
                    received.add(message.text ?? "-")
                    try? await socket.send("late")
                }
            }
        } _: { port in
            let transcript = Transcript()
            let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
            transcript.record(socket)
            socket.addEventListener(.open) { _ in
                for number in 0..<50 { try? socket.send("\(number)") }
                socket.close()
                #expect(socket.readyState == .closing)
            }
            try await transcript.until("end")
            #expect(received.entries == (0..<50).map { "\($0)" })
            #expect(transcript.lines == ["open open true", "close 1005  true", "end"])
        }
    }

    @Test("close() takes 1000 and 3000 to 4999, and a reason of at most 123 bytes")
    func closeArguments() async throws {
        let socket = try WebSocket("ws://127.0.0.1:1/", environment: .patient())
        for code: UInt16 in [0, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65535] {
            #expect(throws: DOMException.self) { try socket.close(code: code) }
            let error = await thrownError(DOMException.self) { try socket.close(code: code) }
            #expect(error?.name == .invalidAccess && error?.code == 15)
        }
        let long = await thrownError(DOMException.self) {
            try socket.close(code: 1000, reason: String(repeating: "é", count: 62))
        }
        #expect(long?.name == .syntax && long?.code == 12)
        #expect(socket.readyState == .connecting)
        try socket.close(code: 4999, reason: String(repeating: "é", count: 61))
        #expect(socket.readyState == .closing)
        // Arguments are checked first, whatever the state.
        #expect(throws: DOMException.self) { try socket.close(code: 1) }
    }

    @Test("What a handler throws goes to the environment, and the events go on")
    func throwingHandlers() async throws {
        try await withEcho { url in
            let errors = Log<String>()
            let transcript = Transcript()
            let environment = WebSocketEnvironment.patient { $0.onUncaughtError = { errors.add("\($0)") } }
            let socket = try WebSocket(url, environment: environment)
            #expect(throws: DOMException.self) { try socket.send("early") }
            socket.onopen = { _ in
                try socket.send("first")
                try socket.close(1001, "not allowed")
            }
            socket.onmessage = { event in
                #expect(event.data == "first")
                try socket.close(3000, "enough")
            }
            socket.onclose = { event in transcript.add("\(event.code) \(event.reason)") }
            try await transcript.until("3000 enough")
            #expect(errors.entries.count == 1 && errors.entries[0].hasPrefix("InvalidAccessError"))
        }
    }

    @Test("A server that takes none of the subprotocols offered fails the socket, as in browsers")
    func unansweredProtocols() async throws {
        try await RawServer.run { peer in
            try await peer.accept()
            await peer.readToEnd()
        } _: { server in
            let transcript = Transcript()
            let socket = try WebSocket(server.url, protocols: ["mine", "yours"], environment: .patient())
            transcript.record(socket)
            try await transcript.until("end")
            #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
            #expect(
                socket.failure?.cause == .handshakeRefused(.subprotocolMissing(offered: ["mine", "yours"]))
            )
        }
    }

    @Test("waitUntilClosed() returns behind the close event, with and without listeners, before and after")
    func waitUntilClosed() async throws {
        try await withEcho { url in
            let order = Log<String>()
            let heard = try WebSocket(url, environment: .patient())
            heard.onopen = { _ in heard.close() }
            heard.onclose = { _ in order.add("close") }
            await heard.waitUntilClosed()
            order.add("waited")
            #expect(order.entries == ["close", "waited"])
            await heard.waitUntilClosed()

            let unheard = try WebSocket(url, environment: .patient())
            unheard.close()
            await unheard.waitUntilClosed()
            #expect(unheard.readyState == .closed)
        }
    }

    @Test("send() while connecting is an InvalidStateError, and counts nothing")
    func sendWhileConnecting() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            let error = await thrownError(DOMException.self) { try socket.send("early") }
            #expect(error?.name == .invalidState)
            #expect(socket.bufferedAmount == 0)
            socket.close()
        }
    }

    @Test("bufferedAmount: payload bytes at once, none any more when they are gone")
    func bufferedAmount() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            let transcript = Transcript()
            socket.onopen = { _ in
                try? socket.send("é")
                #expect(socket.bufferedAmount == 2)
                try? socket.send([UInt8](repeating: 0, count: 100_000))
                #expect(socket.bufferedAmount == 100_002)
                try? socket.send("")
                #expect(socket.bufferedAmount == 100_002)
            }
            socket.onmessage = { event in if event.data.text == "" { transcript.add("last") } }
            try await transcript.until("last")
            #expect(socket.bufferedAmount == 0)
            socket.close()
        }
    }

    /// Holds its thread until something is so, for at most 20 seconds: no other code of the actor may run meanwhile.
    private nonisolated func block(until isSo: () -> Bool) -> Bool {
        let limit = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < limit {
            if isSo() { return true }
        }
        return false
    }

    @Test(
        "bufferedAmount does not fall while code of the actor runs, whatever of earlier turns goes out meanwhile"
    )
    func bufferedAmountOfEarlierTurns() async throws {
        let mayRead = Promised<Void>()
        let hasRead = Locked(false)
        try await RawServer.run { peer in
            try await peer.accept()
            try await peer.stopReading()
            try await mayRead.value
            try await peer.channel.setOption(.autoRead, value: true).get()
            _ = try await peer.read(64 << 20)
            hasRead.withLock { $0 = true }
            await peer.readToEnd()
        } _: { server in
            let environment = WebSocketEnvironment.patient {
                $0.compression = nil
                $0.connection.closeTimeout = .zero
            }
            let socket = try WebSocket(server.url, environment: environment)
            let transcript = Transcript()
            transcript.record(socket)
            try await transcript.until("open open true")
            for _ in 0..<64 { try socket.send([UInt8](repeating: 1, count: 1 << 20)) }
            // Another turn, in which some of it has gone and most has not.
            await Task.yield()
            func turn() -> (first: Int, second: Int, hasRead: Bool) {
                let first = socket.bufferedAmount
                mayRead.fulfil(())
                let isRead = block { hasRead.withLock(\.self) }
                return (first, socket.bufferedAmount, isRead)
            }
            let seen = turn()
            #expect(seen.first > 0 && seen.second == seen.first && seen.hasRead)
            let limit = ContinuousClock.now + .seconds(20)
            while socket.bufferedAmount > 0, ContinuousClock.now < limit { await Task.yield() }
            #expect(socket.bufferedAmount == 0)
            socket.close()
            try await transcript.until("end")
        }
    }

    @Test(
        "More to send than both ends hold: what comes is read all the same, so that neither waits for the other"
    )
    func sendsMoreThanBothEndsHold() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient { $0.compression = nil })
            socket.binaryType = .arraybuffer
            let transcript = Transcript()
            var bytes = 0
            socket.onopen = { _ in
                for _ in 0..<128 { try? socket.send([UInt8](repeating: 1, count: 1 << 19)) }
            }
            socket.onmessage = { event in
                bytes += event.data.bytes?.count ?? 0
                if bytes == 64 << 20 { transcript.add("all") }
            }
            try await transcript.until("all")
            socket.close()
        }
    }

    @Test("A server that does not read: bufferedAmount stays, and is not reset by the end")
    func bufferedAmountOfTheLost() async throws {
        let mayEnd = Promised<Void>()
        try await RawServer.run { peer in
            try await peer.accept()
            try await peer.stopReading()
            try await mayEnd.value
            try await peer.reset()
        } _: { server in
            let socket = try WebSocket(server.url, environment: .patient { $0.compression = nil })
            let transcript = Transcript()
            transcript.record(socket)
            socket.addEventListener(.open) { _ in
                for _ in 0..<64 { try? socket.send([UInt8](repeating: 1, count: 1 << 20)) }
                transcript.add("sent \(socket.bufferedAmount)")
            }
            try await transcript.until("sent \(64 << 20)")
            mayEnd.fulfil(())
            try await transcript.until("end")
            #expect(socket.bufferedAmount > 0)
            let rest = socket.bufferedAmount
            try socket.send("x")
            #expect(socket.bufferedAmount == rest + 1)
            #expect(transcript.lines.contains("error closed"))
        }
    }

    @Test("A full buffer closes the socket as a failure, as the standard wants it")
    func bufferFull() async throws {
        let mayRead = Promised<Void>()
        try await RawServer.run { peer in
            try await peer.accept()
            try await mayRead.value
            await peer.readToEnd()
        } _: { server in
            let environment = WebSocketEnvironment.patient {
                $0.compression = nil
                $0.maxBufferedAmount = 10_000
                $0.connection.closeTimeout = .seconds(1)
            }
            let socket = try WebSocket(server.url, environment: environment)
            let transcript = Transcript()
            transcript.record(socket)
            socket.addEventListener(.open) { _ in
                try? socket.send([UInt8](repeating: 1, count: 10_000))
                #expect(socket.readyState == .open)
                try? socket.send([1])
                #expect(socket.readyState == .closing)
                #expect(socket.bufferedAmount == 10_001)
            }
            mayRead.fulfil(())
            try await transcript.until("end")
            #expect(transcript.lines.contains("error closed"))
            #expect(socket.failure?.description.contains("10000 bytes") == true)
        }
    }

    @Test("A handler that is slow slows the server down; nothing is lost or out of order")
    func backpressure() async throws {
        let sent = Log<Int>()
        try await serving { server in
            server.route("/") { socket, _ in
                let payload = String(repeating: "x", count: 10_000)
                for number in 0..<3_000 {
                    try await socket.send("\(number) \(payload)")
                    sent.add(number)
                }
            }
        } _: { port in
            let environment = WebSocketEnvironment.patient {
                $0.compression = nil
                $0.connection.inboundHighWaterMark = 100_000
            }
            let transcript = Transcript()
            let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: environment)
            var expected = 0
            var isFirst = true
            socket.onmessage = { event in
                if isFirst {
                    isFirst = false
                    // Holds up the main actor, and with it this socket, until the server has come to a halt.
                    var last = -1
                    while sent.entries.count != last {
                        last = sent.entries.count
                        let until = ContinuousClock.now + .milliseconds(200)
                        while ContinuousClock.now < until {}
                    }
                    #expect(last < 2_999)
                }
                let text = event.data.text ?? ""
                #expect(text.hasPrefix("\(expected) "))
                expected += 1
            }
            socket.onclose = { _ in transcript.add("end") }
            try await transcript.until("end")
            #expect(expected == 3_000)
        }
    }

    @Test("50,000 messages come in order")
    func order() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            let transcript = Transcript()
            var next = 0
            socket.onopen = { _ in for number in 0..<50_000 { try? socket.send("\(number)") } }
            socket.onmessage = { event in
                if event.data.text != "\(next)" { transcript.add("\(event.data) instead of \(next)") }
                next += 1
                if next == 50_000 { socket.close() }
            }
            socket.onclose = { _ in transcript.add("end") }
            try await transcript.until("end")
            #expect(transcript.lines == ["end"])
            #expect(next == 50_000)
        }
    }

    @Test("Setting a handler to nil, and adding one later, as in the browser: what nobody heard is gone")
    func handlers() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            let transcript = Transcript()
            #expect(socket.onopen == nil && socket.onmessage == nil)
            socket.onmessage = { _ in transcript.add("never") }
            socket.onmessage = nil
            #expect(socket.onmessage == nil)
            socket.onopen = { _ in try? socket.send("unheard") }
            socket.onclose = { _ in transcript.add("end") }
            try await within { @MainActor in
                while socket.readyState != .open || socket.bufferedAmount > 0 { await Task.yield() }
            }
            socket.onmessage = { event in
                transcript.add("\(event.data)")
                if event.data.text == "second" { socket.close() }
            }
            try socket.send("second")
            try await transcript.until("end")
            #expect(transcript.lines.suffix(2) == ["second", "end"])
        }
    }
}
