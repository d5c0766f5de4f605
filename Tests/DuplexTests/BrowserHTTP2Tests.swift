import HTTPTypes
import NIOCore
import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Real browsers over TLS, by HTTP/2 (RFC 8441) and by HTTP/1.1: which of the two it was, the server says.
@Suite(
    "Browsers over TLS",
    .timeLimit(.minutes(5)),
    .serialized,
    .enabled(if: Tools.mayUse(Tools.chromium), "Chromium is not installed"),
    .enabled(if: Tools.mayUse(Tools.firefox), "Firefox is not installed")
)
struct BrowserHTTP2Tests {
    enum Kind: String, CaseIterable, Sendable {
        case chromium, firefox
    }

    /// What came to the server's routes, by path and version of HTTP.
    private final class Seen: Sendable {
        private let versions = Locked<[String: [HTTPVersion]]>([:])
        func add(_ path: String, _ version: HTTPVersion) {
            versions.withLock { $0[path, default: []].append(version) }
        }
        func at(_ path: String) -> [HTTPVersion] { versions.withLock { $0[path] ?? [] } }
    }

    /// Runs `body` with a browser's page that came from the server itself, so that the browser has a connection.
    private func browsing(
        _ kind: Kind,
        http2: Bool,
        _ body: @escaping @Sendable (any BrowserPage, Seen) async throws -> Void
    ) async throws {
        let certificate = try await Certificate.make(for: "DNS:localhost,IP:127.0.0.1")
        var configuration = WebSocketServer.Configuration(port: 0, tls: certificate.serverConfiguration)
        configuration.http2.isEnabled = http2
        let seen = Seen()
        try await serving(configuration) { server in
            addRoutes(to: server, seen)
        } _: { port in
            let url = "https://127.0.0.1:\(port)/page"
            switch kind {
            case .chromium:
                let browser = try await Browser.start()
                try await Self.stopping(browser.stop) { try await body(try await browser.open(url), seen) }
            case .firefox:
                let browser = try await Firefox.start()
                try await Self.stopping(browser.stop) { try await body(try await browser.open(url), seen) }
            }
        }
    }

    private static func stopping(
        _ stop: () async throws -> Void,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch {
            try await stop()
            throw error
        }
        try await stop()
    }

    private func addRoutes(to server: WebSocketServer, _ seen: Seen) {
        func look(_ path: String) -> UpgradeHook<Void> {
            { request in
                seen.add(path, request.httpVersion)
                return .accept(())
            }
        }
        server.page("/page") { _ in
            HTTPAnswer(
                headers: [.contentType: "text/html"],
                body: Array("<!doctype html><title>page</title>".utf8)
            )
        }
        server.route("/echo", subprotocols: ["v2"], upgrade: look("/echo")) { _, _, _ in
            ConnectionCallbacks(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
        }
        server.route("/close/:code", upgrade: look("/close")) { socket, _, parameters in
            let code = parameters["code"].flatMap { UInt16($0) } ?? 1000
            _ = try await socket.receive()
            try await socket.close(code: CloseCode(code), reason: "as asked ✓")
        }
        // Sends for as long as somebody takes it.
        server.route("/flood", upgrade: look("/flood")) { socket, _, _ in
            let piece = [UInt8](repeating: 7, count: 64 << 10)
            while true { try await socket.send(piece) }
        }
        // Reads nothing until the end.
        server.route("/deaf", upgrade: look("/deaf")) { socket, _, _ in _ = await socket.closed }
    }

    /// What the tests do in the page.
    private static let script = """
        globalThis.opened = (path, protocols) => new Promise((go, fail) => {
            const socket = new WebSocket(`wss://${location.host}${path}`, protocols ?? []);
            socket.binaryType = 'arraybuffer';
            socket.onopen = () => go(socket);
            socket.onclose = event => fail(new Error(`${path} closed ${event.code}`));
        });
        globalThis.answer = (socket, message) => new Promise((go, fail) => {
            socket.onmessage = event => go(event.data);
            socket.onclose = event => fail(new Error(`closed ${event.code}`));
            socket.send(message);
        });
        globalThis.ending = socket => new Promise(go => {
            socket.onclose = event => go([event.code, event.reason, event.wasClean]);
        });
        true
        """

    @Test(arguments: Kind.allCases, [true, false])
    func `Text, binary, ten mebibytes, close codes, compressed`(kind: Kind, http2: Bool) async throws {
        try await browsing(kind, http2: http2) { page, seen in
            try await page.evaluate("(() => { \(Self.script.dropLast(5)) return true; })()", as: Bool.self)
            try await page.evaluate(
                "opened('/echo', ['v1', 'v2']).then(it => { globalThis.s = it; return true; })",
                as: Bool.self
            )
            #expect(seen.at("/echo") == [http2 ? .http2 : .http1_1])
            #expect(try await page.evaluate("s.protocol", as: String.self) == "v2")
            #expect(try await page.evaluate("s.extensions", as: String.self).hasPrefix("permessage-deflate"))
            for text in ["hola", "", "grüße, 世界 🌍"] {
                #expect(try await page.evaluate("answer(s, '\(text)')", as: String.self) == text)
            }
            let binary = try await page.evaluate(
                "answer(s, new Uint8Array([0, 1, 255])).then(it => [...new Uint8Array(it)])",
                as: [Int].self
            )
            #expect(binary == [0, 1, 255])
            // Half of it does not compress.
            let large = try await page.evaluate(
                """
                (async () => {
                    const sent = new Uint8Array(10 << 20);
                    for (let at = 0; at < 5 << 20; at += 65536) crypto.getRandomValues(sent.subarray(at, at + 65536));
                    const got = new Uint8Array(await answer(s, sent));
                    return got.length === sent.length && got.every((byte, at) => byte === sent[at]);
                })()
                """,
                as: Bool.self
            )
            #expect(large)
            // As large, of characters of two bytes, and not so dull that it would count as a decompression bomb.
            let text = try await page.evaluate(
                """
                (async () => {
                    const text = Array.from({length: 200000}, (_, at) => `ü${at}`).join('');
                    return await answer(s, text) === text;
                })()
                """,
                as: Bool.self
            )
            #expect(text)

            struct Close: Decodable, Sendable, Equatable {
                let code: Int
                let reason: String
                let wasClean: Bool
            }
            func close(_ expression: String) async throws -> Close {
                try await page.evaluate(
                    "\(expression).then(([code, reason, wasClean]) => ({code, reason, wasClean}))",
                    as: Close.self
                )
            }
            let byPage = try await close(
                "(() => { const end = ending(s); s.close(4321, 'enough'); return end; })()"
            )
            #expect(byPage == Close(code: 4321, reason: "enough", wasClean: true))
            for code in [1000, 1001, 1011, 1012, 3000, 4999] {
                let byServer = try await close(
                    "opened('/close/\(code)').then(it => { const end = ending(it); it.send(''); return end; })"
                )
                #expect(byServer == Close(code: code, reason: "as asked ✓", wasClean: true))
            }
            #expect(Set(seen.at("/close")) == [http2 ? .http2 : .http1_1])
        }
    }

    @Test(arguments: Kind.allCases)
    func `Fifty sockets on one HTTP/2 connection, one of which is never read`(kind: Kind) async throws {
        try await browsing(kind, http2: true) { page, seen in
            try await page.evaluate("(() => { \(Self.script.dropLast(5)) return true; })()", as: Bool.self)
            // The one: the server does not read it, and the page sends what no buffer on the way can hold. Where the
            // browser has a WebSocketStream, another is not read by the page.
            let mayStopReading = try await page.evaluate("'WebSocketStream' in globalThis", as: Bool.self)
            try await page.evaluate(
                """
                (async () => {
                    globalThis.deaf = await opened('/deaf');
                    for (let i = 0; i < 16; i++) deaf.send(crypto.getRandomValues(new Uint8Array(65536)));
                    for (let i = 0; i < 32; i++) deaf.send(new Uint8Array(1 << 20).map(() => Math.random() * 256));
                    if ('WebSocketStream' in globalThis) {
                        globalThis.stream = new WebSocketStream(`wss://${location.host}/flood`);
                        await stream.opened;
                    }
                    globalThis.all = await Promise.all(Array.from({length: 48}, () => opened('/echo')));
                    return true;
                })()
                """,
                as: Bool.self
            )
            #expect(seen.at("/echo") == Array(repeating: .http2, count: 48))
            #expect(seen.at("/deaf") == [.http2])
            #expect(seen.at("/flood") == (mayStopReading ? [.http2] : []))
            let rounds = try await page.evaluate(
                """
                (async () => {
                    let rounds = 0;
                    for (let round = 0; round < 20; round++) {
                        const answers = await Promise.all(all.map((it, at) => answer(it, `${round} of ${at} `.repeat(500))));
                        answers.forEach((it, at) => rounds += it === `${round} of ${at} `.repeat(500));
                    }
                    return rounds;
                })()
                """,
                as: Int.self
            )
            #expect(rounds == 48 * 20)
            // Still held up, and that is told.
            #expect(
                try await page.evaluate(
                    "deaf.bufferedAmount > 1 << 20 && deaf.readyState === 1",
                    as: Bool.self
                )
            )
        }
    }
}
