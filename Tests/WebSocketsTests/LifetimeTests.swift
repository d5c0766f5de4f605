import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@testable import WebSockets

/// WebSockets §7: a socket with listeners lives while they may be called, and then goes.
@MainActor
@Suite("How long a socket lives", .timeLimit(.minutes(3)))
struct LifetimeTests {
    private func untilGone(_ socket: @escaping @MainActor () -> WebSocket?) async throws {
        try await within(waitingFor: "the socket to go") { @MainActor in
            while socket() != nil { await Task.yield() }
        }
    }

    /// Serves; each socket that ends adds its end.
    private func withEnds(_ body: (String, Log<ConnectionEnd>) async throws -> Void) async throws {
        let ends = Log<ConnectionEnd>()
        try await serving { server in
            server.route("/") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
                ends.add(await socket.closed)
            }
        } _: { port in
            try await body("ws://127.0.0.1:\(port)/", ends)
        }
    }

    private func until(_ ends: Log<ConnectionEnd>, _ count: Int) async throws {
        try await within(waitingFor: "the server to see \(count) sockets end") {
            while ends.entries.count < count { await Task.yield() }
        }
    }

    @Test("Nobody holds it, but it has a message listener: it lives until it is closed, and then goes")
    func listener() async throws {
        try await withEnds { url, ends in
            let transcript = Transcript()
            weak var weakly: WebSocket?
            do {
                let socket = try WebSocket(url, environment: .patient())
                weakly = socket
                // As in MDN's examples: the handlers hold the socket, and the socket its handlers.
                socket.onopen = { _ in try? socket.send("1") }
                socket.onmessage = { event in
                    transcript.add("\(event.data)")
                    if event.data.text == "3" { return socket.close() }
                    try? socket.send("\((event.data.text.flatMap { Int($0) } ?? 0) + 1)")
                }
            }
            try await transcript.until("3")
            try await untilGone { weakly }
            try await until(ends, 1)
            #expect(ends.entries[0].code == .noStatusReceived)
        }
    }

    @Test("Nobody holds it, nobody listens: it goes, and the server is told goodbye without a code")
    func unheard() async throws {
        try await withEnds { url, ends in
            weak var weakly: WebSocket?
            let opened = Promised<Void>()
            do {
                let socket = try WebSocket(url, environment: .patient())
                weakly = socket
                // Of an open socket, a listener for "open" holds nothing alive any more.
                socket.onopen = { _ in opened.fulfil(()) }
            }
            try await within { try await opened.value }
            try await untilGone { weakly }
            try await until(ends, 1)
            #expect(ends.entries[0].wasClean && ends.entries[0].code == .noStatusReceived)
        }
    }

    @Test("What was sent before it went is sent")
    func sentBefore() async throws {
        let received = Log<Int>()
        try await serving { server in
            server.route("/") { socket, _ in
                for try await message in socket.messages { received.add(message.bytes.count) }
                received.add(-1)
            }
        } _: { port in
            do {
                let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
                socket.onopen = { [weak socket] _ in
                    for _ in 0..<20 { try? socket?.send([UInt8](repeating: 1, count: 100_000)) }
                }
            }
            try await within { while received.entries.last != -1 { await Task.yield() } }
            #expect(received.entries == [Int](repeating: 100_000, count: 20) + [-1])
        }
    }

    @Test("Removing the last listener lets it go")
    func removal() async throws {
        try await withEnds { url, ends in
            weak var weakly: WebSocket?
            let opened = Promised<Void>()
            let controller = AbortController()
            do {
                let socket = try WebSocket(url, environment: .patient())
                weakly = socket
                socket.addEventListener(.open, once: true) { _ in opened.fulfil(()) }
                socket.addEventListener(.message, signal: controller.signal) { _ in }
            }
            try await within { try await opened.value }
            for _ in 0..<100 { await Task.yield() }
            #expect(weakly != nil)
            controller.abort()
            try await untilGone { weakly }
            try await until(ends, 1)
        }
    }

    @Test("A signal that lives on does not hold a socket that is closed")
    func signal() async throws {
        try await withEnds { url, _ in
            let controller = AbortController()
            weak var weakly: WebSocket?
            let ended = Promised<Void>()
            do {
                let socket = try WebSocket(url, environment: .patient())
                weakly = socket
                socket.addEventListener(.open, signal: controller.signal) { _ in socket.close() }
                socket.onclose = { _ in ended.fulfil(()) }
            }
            try await within { try await ended.value }
            try await untilGone { weakly }
            controller.abort()
        }
    }

    @Test("Listeners that come after the close are never called, and do not keep the socket")
    func afterTheClose() async throws {
        try await withEnds { url, _ in
            weak var weakly: WebSocket?
            let transcript = Transcript()
            let ended = Promised<Void>()
            let controller = AbortController()
            do {
                let socket = try WebSocket(url, environment: .patient())
                weakly = socket
                socket.onopen = { _ in socket.close() }
                // In the midst of the last event, and behind it.
                socket.addEventListener(.close) { _ in
                    socket.addEventListener(.close) { _ in transcript.add("\(socket) in") }
                    socket.onerror = { _ in transcript.add("\(socket) in") }
                }
                socket.onclose = { _ in ended.fulfil(()) }
                try await within { try await ended.value }
                await socket.waitUntilClosed()
                socket.addEventListener(.close) { _ in transcript.add("\(socket) behind") }
                socket.addEventListener(.message, signal: controller.signal) { _ in
                    transcript.add("\(socket)")
                }
                socket.onclose = { _ in transcript.add("\(socket) behind") }
                #expect(socket.onclose == nil)
                let listener = EventListener { _ in transcript.add("\(socket) removed") }
                socket.addEventListener("error", listener)
                socket.removeEventListener("error", listener)
                socket.onclose = nil
                try socket.dispatchEvent(Event("close"))
            }
            try await untilGone { weakly }
            #expect(transcript.lines == [])
            controller.abort()
        }
    }

    @Test("onclose = nil and removeEventListener before the close: not called, and the socket goes")
    func removedBeforeTheClose() async throws {
        try await withEnds { url, ends in
            weak var weakly: WebSocket?
            let transcript = Transcript()
            do {
                let socket = try WebSocket(url, environment: .patient())
                weakly = socket
                socket.onclose = { _ in transcript.add("\(socket) onclose") }
                let listener = socket.addEventListener(.close) { _ in transcript.add("\(socket) listener") }
                socket.onopen = { _ in
                    socket.onclose = nil
                    socket.removeEventListener(.close, listener)
                    socket.onopen = nil
                }
            }
            try await untilGone { weakly }
            try await until(ends, 1)
            #expect(transcript.lines == [])
        }
    }

    @Test(
        "Without an actor: what waited for a first listener is told to that one, and none is kept behind it"
    )
    func afterTheCloseWithoutActor() async throws {
        try await withEnds { url, _ in
            @concurrent func converse() async throws -> @Sendable () -> Bool {
                let socket = try WebSocket(url, environment: .patient())
                let opened = Promised<Void>()
                socket.onopen = { _ in opened.fulfil(()) }
                try await within { try await opened.value }
                socket.close()
                await socket.waitUntilClosed()
                let told = Log<UInt16>()
                let heard = Promised<Void>()
                socket.addEventListener(.close) { event in
                    told.add(event.code)
                    heard.fulfil(())
                }
                try await within { try await heard.value }
                // The listener that came first has it; it is let go of in the same task of the socket's own.
                let limit = ContinuousClock.now + .seconds(20)
                while socket.hasListener("close"), ContinuousClock.now < limit { await Task.yield() }
                socket.onclose = { _ in _ = socket }
                #expect(!socket.hasListener("close") && told.entries == [1005])
                let box = WeakBox(socket)
                return { box.isEmpty }
            }
            let isGone = try await converse()
            try await within(waitingFor: "the socket to go") { while !isGone() { await Task.yield() } }
        }
    }

    private final class WeakBox: @unchecked Sendable {
        // Sendable: read only, and reading a weak reference is atomic.
        private weak var socket: WebSocket?
        init(_ socket: WebSocket) { self.socket = socket }
        var isEmpty: Bool { socket == nil }
    }

    @Test("A socket that never opened goes too, and so does one that was given up while connecting")
    func connecting() async throws {
        try await RawServer.run { peer in
            await peer.readToEnd()
        } _: { server in
            let environment = WebSocketEnvironment.patient()
            weak var weakly: WebSocket?
            do {
                let socket = try WebSocket(server.url, environment: environment)
                weakly = socket
            }
            try await untilGone { weakly }
            try await within(waitingFor: "the attempt to be given up") {
                while environment.liveConnections > 0 { await Task.yield() }
            }
        }
    }

    private actor Owner {
        private var socket: WebSocket?
        let gone: Promised<Void>

        init(_ gone: Promised<Void>) { self.gone = gone }
        deinit { gone.fulfil(()) }

        func connect(_ url: String, _ opened: Promised<Void>) throws {
            socket = try WebSocket(url, environment: .patient())
            socket?.onopen = { _ in opened.fulfil(()) }
        }
    }

    @Test("A socket without listeners does not hold the actor it belongs to")
    func actor() async throws {
        try await withEnds { url, ends in
            let gone = Promised<Void>()
            let opened = Promised<Void>()
            do {
                let owner = Owner(gone)
                try await owner.connect(url, opened)
                try await within { try await opened.value }
            }
            try await within(waitingFor: "the actor to go") { try await gone.value }
            try await until(ends, 1)
        }
    }

    @Test("1000 sockets, ended in every way: none is left, and none is counted")
    func many() async throws {
        let port = try await RawServer.unusedPort()
        try await withEnds { url, _ in
            let environment = WebSocketEnvironment.patient()
            var watched: [@MainActor () -> WebSocket?] = []
            for round in 0..<1000 {
                let ended = Promised<Void>()
                do {
                    let isRefused = round % 4 == 3
                    let socket = try WebSocket(
                        isRefused ? "ws://127.0.0.1:\(port)/" : url,
                        environment: environment
                    )
                    weak let weakly = socket
                    watched.append { weakly }
                    switch round % 4 {
                    case 0: socket.onopen = { _ in socket.close() }
                    case 1:
                        socket.onopen = { _ in try? socket.send("x") }
                        socket.onmessage = { _ in socket.close() }
                    case 2: socket.close()
                    default: break
                    }
                    socket.onclose = { _ in ended.fulfil(()) }
                }
                try await within { try await ended.value }
            }
            try await within(waitingFor: "all sockets to go") { @MainActor in
                while environment.liveConnections > 0 { await Task.yield() }
            }
            for socket in watched { try await untilGone(socket) }
        }
    }
}
