import Dispatch
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport
import WebSockets

/// Where events come.
@Suite("Where a socket's events come", .timeLimit(.minutes(3)))
struct IsolationTests {
    private actor Chat {
        private var socket: WebSocket?
        private(set) var lines: [String] = []
        private var isIn = false
        let ended = Promised<Void>()

        func connect(_ url: String) throws {
            let socket = try WebSocket(url, environment: .patient())
            socket.onopen = { _ in
                self.assertIsolated()
                for number in 0..<1000 { try? socket.send("\(number)") }
            }
            socket.onmessage = { event in
                self.assertIsolated()
                let wasIn = self.isIn
                #expect(!wasIn)
                self.isIn = true
                self.lines.append("\(event.data)")
                self.isIn = false
                if self.lines.count == 1000 { socket.close() }
            }
            socket.onclose = { _ in
                self.assertIsolated()
                self.ended.fulfil(())
            }
            self.socket = socket
        }
    }

    @Test("On the actor that created it: its state needs no care")
    func actor() async throws {
        try await withEcho { url in
            let chat = Chat()
            try await chat.connect(url)
            try await within { try await chat.ended.value }
            #expect(await chat.lines == (0..<1000).map { "\($0)" })
        }
    }

    @MainActor
    @Test("On the main actor")
    func mainActor() async throws {
        try await withEcho { url in
            let socket = try WebSocket(url, environment: .patient())
            let ended = Promised<Void>()
            var count = 0
            socket.onopen = { _ in
                MainActor.assertIsolated()
                try? socket.send("a")
            }
            socket.onmessage = { _ in
                MainActor.assertIsolated()
                count += 1
                socket.close()
            }
            socket.onclose = { _ in ended.fulfil(()) }
            try await within { try await ended.value }
            #expect(count == 1)
        }
    }

    @Test("Many messages at once: others of the actor have their turns between them")
    @MainActor
    func fairness() async throws {
        try await serving { server in
            server.route("/") { socket, _ in
                for number in 0..<1000 { try await socket.send("\(number)") }
            }
        } _: { port in
            let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
            let transcript = Transcript()
            var count = 0
            socket.onmessage = { _ in
                count += 1
                // Slower than the server, so that there is always another.
                let end = ContinuousClock.now + .microseconds(500)
                while ContinuousClock.now < end {}
                guard count == 100 else { return }
                Task { @MainActor in transcript.add("after \(count < 500 ? "some" : "\(count)")") }
            }
            socket.onclose = { _ in transcript.add("end") }
            try await transcript.until("end")
            #expect(transcript.lines == ["after some", "end"])
            #expect(count == 1000)
        }
    }

    @Test("Outside of any actor: one at a time, in order; the first of each type waits for its listener")
    func noActor() async throws {
        try await serving { server in
            server.route("/") { socket, _ in
                for number in 0..<20 { try await socket.send("\(number)") }
            }
        } _: { port in
            let environment = WebSocketEnvironment.patient()
            let transcript = Transcript()
            let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: environment)
            // The end of everything comes before there is a single handler.
            try await within(waitingFor: "the end") {
                while environment.liveConnections > 0 { await Task.yield() }
            }
            socket.onopen = { _ in transcript.add("open") }
            socket.onclose = { event in transcript.add("close \(event.code)") }
            try await transcript.until("close 1000")
            #expect(transcript.lines == ["open", "close 1000"])
        }
    }

    @Test("Outside of any actor: messages wait for a listener")
    func patience() async throws {
        try await withEcho { url in
            let transcript = Transcript()
            let socket = try WebSocket(url, environment: .patient())
            socket.onopen = { _ in transcript.add("open") }
            try await transcript.until("open")
            for number in 0..<100 { try socket.send("\(number)") }
            let limit = ContinuousClock.now + .seconds(60)
            while socket.bufferedAmount > 0, ContinuousClock.now < limit { await Task.yield() }
            socket.onmessage = { event in
                transcript.add("\(event.data)")
                if event.data.text == "99" { transcript.add("all") }
            }
            try await transcript.until("all")
            #expect(transcript.lines == ["open"] + (0..<100).map { "\($0)" } + ["all"])
            socket.close()
        }
    }

    @Test("Without an actor: a handler set while the one for the event before it runs is told, too")
    func handlersWhileTold() async throws {
        let port = try await RawServer.unusedPort()
        let transcript = Transcript()
        let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
        let limit = ContinuousClock.now + .seconds(60)
        while socket.readyState != .closed, ContinuousClock.now < limit { await Task.yield() }
        let isIn = Promised<Void>()
        let mayGo = DispatchSemaphore(value: 0)
        socket.onerror = { _ in
            isIn.fulfil(())
            mayGo.wait()
            transcript.add("error")
        }
        try await within { try await isIn.value }
        socket.onclose = { event in transcript.add("close \(event.code)") }
        mayGo.signal()
        try await transcript.until("close 1006")
        #expect(transcript.lines == ["error", "close 1006"])
    }

    @Test("Without an actor: whenever the handlers are set, each event is told")
    func handlersAtAnyTime() async throws {
        let port = try await RawServer.unusedPort()
        for round in 0..<300 {
            let transcript = Transcript()
            let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
            for _ in 0..<(round % 50 * 20) { await Task.yield() }
            socket.onerror = { _ in transcript.add("error") }
            socket.onclose = { event in transcript.add("close \(event.code)") }
            try await transcript.until("close 1006")
            #expect(transcript.lines == ["error", "close 1006"])
        }
    }

    @Test("Without an actor: given up at any moment while it opens and ends, it is told the end once")
    func givenUpAtAnyMoment() async throws {
        try await RawServer.run { peer in
            try? await peer.accept()
        } _: { server in
            let environment = WebSocketEnvironment.patient()
            for round in 0..<300 {
                let transcript = Transcript()
                let socket = try WebSocket(server.url, environment: environment)
                socket.onclose = { _ in transcript.add("close") }
                for _ in 0..<(round * 3) { await Task.yield() }
                socket.close()
                try await transcript.until("close")
                #expect(transcript.lines == ["close"])
            }
        }
    }
}
