import TestSupport
import Testing
import WebSocketProtocol
import WebSocketScript
import WebSocketServer
import WebSocketTransport

/// The event loop: what runs when, what is reported, what keeps it going.
@MainActor
@Suite("Host", .timeLimit(.minutes(1)))
struct HostTests {
    @Test func `No microtask runs between two scripts`() async throws {
        let page = try Page()
        try page.host.run(
            Script("Promise.resolve().then(() => console.log('microtask')); console.log('first')", name: "1"),
            Script("throw new Error('of the second')", name: "2"),
            Script("console.log('third')", name: "3")
        )
        #expect(page.texts == ["first", "third", "microtask"])
        #expect(page.errors.map(\.message) == ["of the second"])
        #expect(page.errors.map(\.file) == ["2"])
    }

    @Test func `Nothing pending is idle at once`() async throws {
        let page = try Page()
        #expect(try !page.host.hasPendingWork)
        try await page.idle()
        try page.run("setTimeout(() => console.log('a'), 1)")
        #expect(try page.host.hasPendingWork)
        try await page.idle()
        #expect(page.texts == ["a"])
    }

    @Test func `Rejections that nobody handles are reported, others are not`() async throws {
        let page = try Page()
        try page.run(
            """
            Promise.reject(new RangeError('nobody'));
            Promise.reject(1).catch(() => {});
            const late = Promise.reject(2);
            queueMicrotask(() => late.catch(() => {}));
            (async () => { throw { some: 'object' } })();
            """
        )
        #expect(page.errors.map(\.message) == ["nobody", "{ some: 'object' }"])
        #expect(page.errors.map(\.isRejection) == [true, true])
        #expect(
            page.errors.first.map { "\($0)" }?.contains("Unhandled rejection: RangeError: nobody") == true
        )
    }

    @Test func `A thrown value that is no error is shown alike wherever it is thrown`() async throws {
        let page = try Page()
        let values = ["{ some: 'object' }", "Symbol('mark')", "new Proxy({}, { get() { throw 1 } })"]
        for value in values {
            try page.run("throw \(value)")
            try page.run("setTimeout(() => { throw \(value) })")
            try await page.idle()
        }
        let shown = ["{ some: 'object' }", "Symbol(mark)", "{}"]
        #expect(page.errors.map(\.message) == shown.flatMap { [$0, $0] })
        let error = #expect(throws: ScriptError.self) {
            try page.host.evaluate(Script("throw { some: 'object' }", name: ""))
        }
        #expect(error?.message == "{ some: 'object' }")
    }

    @Test func `An uncaught exception in a timer is reported with its place`() async throws {
        let page = try Page()
        try page.run("setTimeout(() => {\n  null.x\n})", name: "timer.js")
        try await page.idle()
        let error = try #require(page.errors.first)
        #expect(error.name == "TypeError")
        #expect(error.file == "timer.js")
        #expect(error.line == 2)
        #expect(Set(error.frames.map(\.file)) == ["timer.js"])
    }

    @Test func `A DOMException is reported with the page's place`() async throws {
        let page = try Page()
        try page.run("\nfunction open() { new WebSocket('x:') }\nopen()", name: "page.js")
        let error = try #require(page.errors.first)
        #expect(error.name == "SyntaxError")
        #expect(error.line == 2)
        #expect(error.frames.map(\.function) == ["open", ""])
    }

    @Test func `What evaluates has a value, and its exceptions are thrown`() throws {
        let page = try Page()
        #expect(try page.host.evaluate(Script("1 + 1", name: "")) == "2")
        #expect(throws: ScriptError.self) { try page.host.evaluate(Script("nowhere", name: "")) }
    }

    @Test func `A socket keeps the host going until it is closed`() async throws {
        try await Server.run { port in
            let page = try Page(server: port)
            try page.run(
                """
                socket = new WebSocket("/echo");
                socket.onmessage = () => { socket.close(); console.log("closing") };
                socket.onopen = () => socket.send("x");
                socket.onclose = () => console.log("closed");
                """
            )
            try await page.idle()
            #expect(page.texts == ["closing", "closed"])
        }
    }

    @Test func `A socket that nobody hears and nobody holds closes without a code, behind what it sent`()
        async throws
    {
        let (ends, received) = (Promised<ConnectionEnd>(), Log<String>())
        try await Server.run { server in
            server.route("/watched") { socket, _ in
                for try await message in socket.messages { received.add(message.text ?? "") }
                ends.fulfil(await socket.closed)
            }
        } _: { port in
            let page = try Page(server: port)
            try page.run(
                """
                (() => {
                    const socket = new WebSocket("/watched");
                    socket.onopen = () => { socket.send("x".repeat(1000)); socket.send("last"); socket.onopen = null; };
                })();
                """
            )
            try await page.idle()
            let end = try await within { try await ends.value }
            #expect(end.code == .noStatusReceived)
            #expect(end.wasClean)
            #expect(received.entries.last == "last")
        }
    }

    @Test func `A socket that has a listener stays, though garbage is collected`() async throws {
        try await Server.run { port in
            let page = try Page(server: port, exposesGarbageCollection: true)
            try page.run(
                """
                (() => {
                    const socket = new WebSocket("/echo");
                    socket.onopen = () => { setTimeout(() => socket.send("alive"), 50); };
                    socket.onmessage = ({ data }) => { console.log(data); socket.close() };
                })();
                for (let i = 0; i < 5; i += 1) setTimeout(gc, 10 * i);
                """
            )
            try await page.line("alive")
            try await page.idle()
        }
    }

    @Test func `A listener alone keeps a socket, which nothing else refers to`() async throws {
        let sockets = Promised<WebSocketConnection>()
        try await Server.run { server in
            server.route("/late") { socket, _ in
                sockets.fulfil(socket)
                _ = await socket.closed
            }
        } _: { port in
            let page = try Page(server: port)
            try page.run(
                "new WebSocket('/late').onmessage = ({ data, target }) => { console.log(data); target.close() }"
            )
            let socket = try await within { try await sockets.value }
            for _ in 0..<3 { try page.host.collectGarbage() }
            try await socket.send("after the garbage")
            try await page.line("after the garbage")
            try await page.idle()
        }
    }

    @Test func `A host that goes closes its sockets and streams`() async throws {
        let ends = Log<ConnectionEnd>()
        let two = Promised<Void>()
        try await Server.run { server in
            server.route("/watched") { socket, _ in
                ends.add(await socket.closed)
                if ends.entries.count == 2 { two.fulfil(()) }
            }
        } _: { port in
            let page = try Page(server: port)
            try page.run(
                """
                socket = new WebSocket("/watched");
                socket.onmessage = () => {};
                stream = new WebSocketStream("/watched");
                socket.onopen = () => stream.opened.then(() => console.log("open"));
                """
            )
            try await page.line("open")
            page.close()
            try await within { try await two.value }
            #expect(ends.entries.allSatisfy { $0.code == .noStatusReceived })
        }
    }

    @Test func `Hosts do not see each other`() async throws {
        let (one, other) = (try Page(), try Page())
        try one.run("globalThis.x = 1; setTimeout(() => console.log(typeof y), 2)")
        try other.run("globalThis.y = 1; setTimeout(() => console.log(typeof x), 1)")
        try await one.idle()
        try await other.idle()
        #expect(one.texts + other.texts == ["undefined", "undefined"])
    }

    private actor Elsewhere {
        func run() async throws -> [String] {
            let lines = Log<String>()
            let host = try ScriptHost.make(options: .init(console: { lines.add($1) }))
            host.run(Script("setTimeout(() => console.log('on another actor'), 1)", name: ""))
            await host.idle()
            return lines.entries
        }
    }

    @Test func `A host may live on any actor`() async throws {
        #expect(try await Elsewhere().run() == ["on another actor"])
    }
}
