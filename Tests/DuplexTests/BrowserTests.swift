import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@testable import duplex

/// A real browser in the console that `duplex serve` offers, driven over its DevTools by our own client.
@Suite(
    "Chromium",
    .timeLimit(.minutes(3)),
    .serialized,
    .enabled(if: Tools.mayUse(Tools.chromium), "Chromium is not installed")
)
struct BrowserTests {
    /// Runs `body` with a browser that is stopped afterwards.
    func browsing(_ body: (Browser) async throws -> Void) async throws {
        let browser = try await Browser.start()
        do {
            try await body(browser)
        } catch {
            try await browser.stop()
            throw error
        }
        try await browser.stop()
    }

    func connect(_ page: Page, _ address: String) async throws {
        try await page.evaluate("duplexConsole.connect('\(address)')")
        try await page.wait(until: "document.querySelector('#state').dataset.state === 'open'")
    }

    /// A close event as the console shows it.
    struct ShownClose: Decodable, Equatable {
        var code: String
        var reason: String
        var wasClean: String
    }

    func shownClose(_ page: Page) async throws -> ShownClose {
        try await page.wait(until: "'code' in document.querySelector('#close-event').dataset")
        return try await page.evaluate(
            "({...document.querySelector('#close-event').dataset})",
            as: ShownClose.self
        )
    }

    /// Texts of the messages in the console's log.
    func log(_ page: Page, direction: String) async throws -> [String] {
        try await page.evaluate(
            """
            [...document.querySelectorAll('#log .entry[data-direction=\(direction)][data-kind=text] .payload')]
                .map(each => each.textContent)
            """,
            as: [String].self
        )
    }

    @Test func `A session in the console: text, a mebibyte of binary, the page closes`() async throws {
        let serve = try await ServeProcess.start(["--verbose"])
        try await browsing { browser in
            let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
            try await connect(page, "/echo")
            let facts = try await page.evaluate(
                "['protocol', 'extensions'].map(id => document.getElementById(id).textContent)",
                as: [String].self
            )
            #expect(
                facts == [
                    "none", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                ]
            )

            // As a person does it: a text in the field, a press of the button.
            for text in ["hola", "grüße, 世界 🌍"] {
                try await page.evaluate(
                    """
                    (document.querySelector('#message').value = '\(text)',
                        document.querySelector('#send-text').click(), true)
                    """
                )
                try await page.wait(
                    until: """
                        document.querySelector('#log .entry[data-direction=in]:last-child .payload')?.textContent === '\(text)'
                        """
                )
            }
            #expect(try await log(page, direction: "out") == ["hola", "grüße, 世界 🌍"])
            #expect(try await log(page, direction: "in") == ["hola", "grüße, 世界 🌍"])

            let isSame = try await page.evaluate(
                """
                new Promise(go => {
                    const sent = Uint8Array.from({ length: 1 << 20 }, (_, index) => index * 31);
                    duplexConsole.socket.addEventListener('message', event => {
                        const got = new Uint8Array(event.data);
                        go(got.length === sent.length && got.every((byte, index) => byte === sent[index]));
                    }, { once: true });
                    if (!duplexConsole.sendBinary(sent)) go(false);
                })
                """
            )
            #expect(isSame)
            try await page.wait(
                until: """
                    document.querySelector('#log .entry[data-direction=in][data-kind=binary]')?.dataset.size === '1048576'
                    """
            )

            try await page.evaluate("duplexConsole.close(4321, 'from the page')")
            let shown = try await shownClose(page)
            #expect(shown == ShownClose(code: "4321", reason: "from the page", wasClean: "true"))
            let serverLog = try await serve.process.errors(containing: "closed")
            #expect(serverLog.contains("code=4321"))
            #expect(serverLog.contains("from the page"))
            #expect(await page.problems() == [])
        }
    }

    @Test func `The server closes: every code, no code, and no close frame at all`() async throws {
        let serve = try await ServeProcess.start()
        try await serving(.toAnyPage) { server in
            server.route("/close/:code") { socket, parameters in
                let code = CloseCode(parameters["code"].flatMap(UInt16.init) ?? 0)
                _ = try await socket.close(code: code, reason: code == .noStatusReceived ? "" : "grüße")
            }
            server.route("/abort") { socket, _ in
                // The browser is open by the time it answers.
                _ = try await socket.ping()
                socket.abort()
            }
        } _: { port in
            try await browsing { browser in
                let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
                for code in ["1000", "1001", "1003", "1008", "1011", "1012", "1013", "3000", "4999"] {
                    try await page.evaluate("duplexConsole.connect('ws://127.0.0.1:\(port)/close/\(code)')")
                    let shown = try await shownClose(page)
                    #expect(shown == ShownClose(code: code, reason: "grüße", wasClean: "true"))
                }
                #expect(await page.problems() == [])
                try await page.evaluate("duplexConsole.connect('ws://127.0.0.1:\(port)/abort')")
                let shown = try await shownClose(page)
                #expect(shown == ShownClose(code: "1006", reason: "", wasClean: "false"))

                // That no problems were seen says something only if they can be seen.
                let before = await page.problems().count
                try await page.evaluate(
                    "new Promise(go => { console.error('x'); setTimeout(() => { go(true); null.y; }); })"
                )
                try await within(waitingFor: "both problems") {
                    while await page.problems().count < before + 2 { await Task.yield() }
                }
            }
        }
    }

    @Test func `Pings, fragments and ten mebibytes; a page that is left says 1001`() async throws {
        let serve = try await ServeProcess.start()
        let (ends, ended) = AsyncStream<ConnectionEnd>.makeStream()
        try await serving(.toAnyPage) { server in
            server.route("/talk") { socket, _ in
                _ = try await socket.ping()
                try await socket.sendMessage(.text) { writer in
                    for byte in "añ€🌍".utf8 { try await writer.write([byte]) }
                }
                // Goes out in fragments of a mebibyte.
                try await socket.send((0..<(10 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                for try await message in socket.messages { try await socket.send(message) }
                ended.yield(await socket.closed)
            }
        } _: { port in
            try await browsing { browser in
                let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
                let isRight = try await page.evaluate(
                    """
                    new Promise(go => {
                        const socket = new WebSocket('ws://127.0.0.1:\(port)/talk');
                        const got = [];
                        socket.binaryType = 'arraybuffer';
                        socket.onclose = () => go(false);
                        socket.onmessage = event => {
                            got.push(event.data);
                            if (got.length === 2) socket.send(got[1]);
                            if (got.length === 3) go(got[0] === 'añ€🌍' && got.slice(1).every(data =>
                                data.byteLength === 10 << 20
                                    && new Uint8Array(data).every((byte, index) => byte === (index * 31 & 255))));
                        };
                    })
                    """
                )
                #expect(isRight)
                try await page.navigate(to: "http://127.0.0.1:\(serve.port)/healthz")
                let end = try await within(waitingFor: "the end of the connection") {
                    for await end in ends { return end }
                    throw CancellationError()
                }
                #expect(end.code == .goingAway)
                #expect(end.cause == .closedByPeer)
                #expect(await page.problems() == [])
            }
        }
    }

    @Test func `Two pages on a topic see what each other sends`() async throws {
        let serve = try await ServeProcess.start()
        try await browsing { browser in
            let one = try await browser.open("http://127.0.0.1:\(serve.port)/")
            let two = try await browser.open("http://127.0.0.1:\(serve.port)/")
            // Who has got its own message back is on the topic.
            for (page, text) in [(one, "one is here"), (two, "two is here")] {
                try await connect(page, "/topic/lobby")
                try await page.evaluate("duplexConsole.sendText('\(text)')")
                try await page.wait(until: "document.querySelector('#log .entry[data-direction=in]')")
            }
            try await one.evaluate("duplexConsole.sendText('hello, two')")
            for page in [one, two] {
                try await page.wait(
                    until: """
                        document.querySelector('#log .entry[data-direction=in]:last-child .payload')?.textContent === 'hello, two'
                        """
                )
                #expect(await page.problems() == [])
            }
            #expect(try await log(one, direction: "in") == ["one is here", "two is here", "hello, two"])
            #expect(try await log(two, direction: "in") == ["two is here", "hello, two"])
        }
    }

    @Test func `The same console over TLS`() async throws {
        let certificate = try await Certificate.make()
        try await serving(.toAnyPage(over: certificate.serverConfiguration)) { server in
            server.addCommandRoutes(subprotocols: ["v1.chat"])
        } _: { port in
            try await browsing { browser in
                let page = try await browser.open("https://127.0.0.1:\(port)/")
                try await page.evaluate("duplexConsole.connect('/echo', 'v1.chat, v0.chat')")
                try await page.wait(until: "document.querySelector('#state').dataset.state === 'open'")
                let facts = try await page.evaluate(
                    "[duplexConsole.socket.url, document.querySelector('#protocol').textContent]",
                    as: [String].self
                )
                #expect(facts == ["wss://127.0.0.1:\(port)/echo", "v1.chat"])
                try await page.evaluate("duplexConsole.sendText('secret')")
                try await page.wait(until: "document.querySelector('#log .entry[data-direction=in]')")
                #expect(try await log(page, direction: "in") == ["secret"])
                try await page.evaluate("duplexConsole.close(1000)")
                let shown = try await shownClose(page)
                #expect(shown == ShownClose(code: "1000", reason: "", wasClean: "true"))
                #expect(await page.problems() == [])
            }
        }
    }
}
