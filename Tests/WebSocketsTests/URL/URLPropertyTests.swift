import Testing

@testable import WebSockets

/// Whatever comes in: nothing traps, and what is written again is the same URL.
@Suite("Any text as a URL")
struct URLPropertyTests {
    /// xorshift64*: the same texts on every machine.
    private struct Dice: RandomNumberGenerator {
        private var state: UInt64

        init(seed: UInt64) {
            state = (seed &+ 1) &* 0x9E37_79B9_7F4A_7C15 | 1
        }

        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_F491_4F6C_DD1D
        }

        mutating func pick<T>(_ choices: [T], or fallback: T) -> T {
            choices.randomElement(using: &self) ?? fallback
        }
    }

    private static let pieces = [
        "ws:", "wss://", "http://", "file:", "a:", "blob:", "/", "//", "\\", "?", "#", "@", ":", ".", "..",
        "%2e",
        "%", "%41", "%C3%A9", "%ff", "[", "]", "[::1]", "|", "C|", "C:", " ", "\t", "\n", "\0", "\u{7F}", "^",
        "`", "{",
        "'", "\"", "<", "localhost", "h", "H", "0x1", "08", "1.2.3.4", "256", "80", "65536", "::", "é", "ß",
        "ẞ", "ς",
        "xn--", "xn--zca", "xn--a", "-", "Ａ", "。", "\u{AD}", "\u{200C}", "\u{200D}", "\u{301}", "\u{323}",
        "ب", "א", "٠",
        "क्", "ᄀ", "ᅡ", "가", "😀", "\u{FFFD}", "\u{FDFA}", "\u{10FFFF}",
    ]

    private static func text(_ dice: inout Dice) -> String {
        switch Int.random(in: 0...9, using: &dice) {
        case 0:
            let count = Int.random(in: 0...40, using: &dice)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &dice) }
            return String(decoding: bytes, as: UTF8.self)
        case 1...4:
            return assembled(12, &dice)
        default:
            return dice.pick(
                ["ws://", "wss://h/", "file:///", "b://", "b:", "ws://u:p@h:81/a/b?c#d"],
                or: ""
            )
                + assembled(6, &dice)
        }
    }

    private static func assembled(_ limit: Int, _ dice: inout Dice) -> String {
        (0..<Int.random(in: 0...limit, using: &dice)).map { _ in dice.pick(pieces, or: "") }.joined()
    }

    private static func change(_ url: inout WebURL, _ dice: inout Dice) {
        let value = text(&dice)
        switch Int.random(in: 0...9, using: &dice) {
        case 0: try? url.setHref(value)
        case 1:
            url.setProtocol(value)
            // The one setter behind whose back something else comes to mean something else: "localhost", "C|".
            if url.scheme == "file", let again = try? WebURL(url.href) { url = again }
        case 2: url.setUsername(value)
        case 3: url.setPassword(value)
        case 4: url.setHost(value)
        case 5: url.setHostname(value)
        case 6: url.setPort(value)
        case 7: url.setPathname(value)
        case 8: url.setSearch(value)
        default: url.setHash(value)
        }
    }

    private static func check(_ url: WebURL, _ seed: UInt64) throws {
        let href = url.href
        #expect(href.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "seed \(seed)")
        let again = try WebURL(href)
        #expect(again == url, "seed \(seed)")
        #expect(again.href == href, "seed \(seed)")
        #expect(url.isSpecial == false || !url.hasOpaquePath && url.pathname.hasPrefix("/"), "seed \(seed)")
        #expect(url.portNumber == nil || url.portNumber != WebURL.defaultPort(of: url.scheme), "seed \(seed)")
        _ = url.origin
    }

    @Test("Parsed, changed and written, it is stable", arguments: 0..<4)
    func stable(_ part: UInt64) throws {
        var parsed = 0
        for seed in (part * 5_000)..<((part + 1) * 5_000) {
            var dice = Dice(seed: seed)
            let base = try? WebURL(Self.text(&dice))
            guard var url = try? WebURL(Self.text(&dice), base: base) else { continue }
            parsed += 1
            try Self.check(url, seed)
            for _ in 0..<3 {
                Self.change(&url, &dice)
                try Self.check(url, seed)
            }
        }
        // The texts are not all refused, which would make this test easy.
        #expect(parsed > 1_500)
    }

    /// What would take hours if the time grew with the square of the length.
    @Test("Long texts come to an end", .timeLimit(.minutes(1)), arguments: long)
    func bounded(_ text: String) throws {
        let base = try WebURL("ws://h/" + String(repeating: "a/", count: 50_000))
        if let url = try? WebURL(text, base: base) { try Self.check(url, 0) }
    }

    private static let long: [String] = [
        ("", "../"), ("", "a/../"), ("a", ":"), ("ws://", "/"), ("ws://@", "@"), ("ws://u:", "p@h"),
        ("ws://h:", "1"), ("ws://[", "1:"), ("ws://", "1."), ("ws://", "é."), ("ws://", "é"),
        ("ws://", "中文a."),
        ("ws://é.", "xn--a."), ("ws://é.xn--", "zz"), ("ws://a", "\u{301}\u{323}"),
        ("ws://", "ب\u{200C}\u{64E}"),
        ("ws://", "א."), ("ws://", "%41"), ("b:", " "), ("ws://h?", "'"), ("ws://h#", "é"), ("", "\t"),
        (" ", " "),
    ].map { $0 + String(repeating: $1, count: 100_000 / max(1, $1.utf8.count)) }

    @Test("Form encoding gives the pairs back")
    func formEncoding() {
        for seed in 0..<2_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let pairs = (0..<3).map { _ in (Self.text(&dice), Self.text(&dice)) }
            let again = FormEncoding.parse(FormEncoding.serialize(pairs))
            #expect(again.map { Array($0.0.utf8) } == pairs.map { Array($0.0.utf8) }, "seed \(seed)")
            #expect(again.map { Array($0.1.utf8) } == pairs.map { Array($0.1.utf8) }, "seed \(seed)")
        }
    }
}
