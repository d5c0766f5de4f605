import Testing

@testable import WebSockets

/// UTS #46 with the parameters of the URL Standard §3.3.
@Suite("Domain names beyond ASCII")
struct DomainNameTests {
    @Test(
        "A name in ASCII",
        arguments: [
            ("bücher.example", "xn--bcher-kva.example"),
            // Mapped: capitals, widths, compatibility characters, other full stops.
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("Ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"),
            ("a。b．c｡d", "a.b.c.d"),
            ("ﬃ", "ffi"),
            ("①é", "xn--1-bga"),
            ("Ⅷ.é", "viii.xn--9ca"),
            ("İ", "xn--i-9bb"),
            // Not transitional: these four stay.
            ("faß.de", "xn--fa-hia.de"),
            ("βόλος.com", "xn--nxasmm1c.com"),
            ("ẞ", "xn--zca"),
            ("ΣΣ", "xn--4xaa"),
            // Normalized.
            ("bu\u{308}cher", "xn--bcher-kva"),
            ("a\u{323}\u{301}b", "xn--b-wbb923s"),
            ("\u{1100}\u{1161}\u{11A8}", "xn--p39a"),
            // Ignored.
            ("so\u{AD}ft.\u{200B}a\u{2060}", "soft.a"),
            ("a\u{FE0F}", "a"),
            // Symbols are allowed, unlike in IDNA2008.
            ("☕.example", "xn--53h.example"),
            ("💩.la", "xn--ls8h.la"),
            ("i❤.ws", "xn--i-7iq.ws"),
            ("👩\u{FE0F}", "xn--rq8h"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("中国", "xn--fiqs8s"),
            // Hyphens and lengths do not matter, nor do empty labels.
            ("-é-", "xn-----bja"),
            ("ab--é", "xn--ab---epa"),
            ("é..", "xn--9ca.."),
            (".é", ".xn--9ca"),
            ("_é", "xn--_-bga"),
            // Encoded already, beside what is not.
            ("XN--Bcher-KVA.é", "xn--bcher-kva.xn--9ca"),
            ("xn--zca.ß", "xn--zca.xn--zca"),
            ("ｘｎ－－zca", "xn--zca"),
        ]
    )
    func ascii(_ name: String, _ ascii: String) throws {
        #expect(try WebURL("ws://\(name)/").hostname == ascii)
    }

    @Test(
        "From right to left",
        arguments: ["אב.example", "אב1", "אب", "א-ב", "א\u{5B0}", "א1.ب٢", "مثال.إختبار", "a.א"]
    )
    func rightToLeft(_ name: String) throws {
        let host = try WebURL("ws://\(name)/").hostname
        #expect(host.split(separator: ".").contains { $0.hasPrefix("xn--") })
    }

    /// RFC 5893 §2, by rule.
    @Test(
        "Mixed directions",
        arguments: [
            // 1: Every label of such a name begins with a letter; also one in ASCII.
            "1א", "٠", "א.1", "1.א", "א.-a", "\u{661}a.א",
            // 2: No letters from left to right among those from right to left.
            "אa", "يa", "אaב", "אéב",
            // 3: At the end a letter or a digit.
            "א-", "א.ב-", "א😀",
            // 4: One kind of digits.
            "א1٠", "ب٢2",
            // 5 and 6: Nor the other way round.
            "aא", "aאb", "a٠", "a-.א", "é!.א",
        ]
    )
    func bidi(_ name: String) {
        #expect(throws: URLParseFailure(.label(.bidi))) { try WebURL("ws://\(name)/") }
    }

    @Test("Without one letter from right to left, digits may come first", arguments: ["1é.2", "é-", "1.é"])
    func leftToRight(_ name: String) throws {
        if name == "1é.2" {
            #expect(throws: URLParseFailure(.notIPv4("xn--1-bga.2"))) { try WebURL("ws://\(name)/") }
        } else {
            _ = try WebURL("ws://\(name)/")
        }
    }

    /// RFC 5892 appendix A.1 and A.2.
    @Test(
        "A joiner that means something",
        arguments: [
            // Behind a virama.
            ("ශ්\u{200D}රී", "xn--10cl1a0b660p"),
            ("क्\u{200C}ष", "xn--11b2ezcs70k"),
            // Between letters that would join, with or without transparent marks.
            ("نامه\u{200C}ای", "xn--mgba3gch31f060k"),
            ("ب\u{64E}\u{200C}\u{64E}ب", "xn--ngba7ia3604a"),
        ]
    )
    func joiner(_ name: String, _ ascii: String) throws {
        #expect(try WebURL("ws://\(name)/").hostname == ascii)
    }

    @Test(
        "A joiner that means nothing",
        arguments: [
            "a\u{200C}b", "a\u{200D}b", "\u{200C}", "\u{200D}.example", "ا\u{200C}ب", "ب\u{200C}",
            "\u{200C}ب",
            "ب\u{200D}ب", "ب\u{200C}\u{200C}ب", "ب\u{200C}a",
        ]
    )
    func strayJoiner(_ name: String) {
        #expect(throws: URLParseFailure(.label(.joiner))) { try WebURL("ws://\(name)/") }
    }

    @Test(
        "Disallowed code points",
        arguments: Array("\u{FFFD}\u{378}\u{E000}\u{2028}\u{FFFF}\u{10FFFF}".unicodeScalars)
    )
    func disallowed(_ scalar: Unicode.Scalar) {
        #expect(throws: URLParseFailure(.domainCharacter(scalar))) { try WebURL("ws://a\(scalar)/") }
    }

    @Test(
        "Mapped to what is forbidden",
        arguments: [("℀", "/"), ("ａ／ｂ", "/"), ("ａ：ｂ", ":"), ("％", "%"), ("\u{A0}", " ")]
    )
    func mappedToForbidden(_ name: String, _ character: String) throws {
        let scalar = try #require(character.unicodeScalars.first)
        #expect(throws: URLParseFailure(.hostCharacter(scalar))) { try WebURL("ws://\(name)/") }
    }

    @Test("Nothing left", arguments: ["\u{AD}", "\u{200B}\u{2060}", "%C2%AD"])
    func empty(_ name: String) {
        #expect(throws: URLParseFailure(.domainEmpty)) { try WebURL("ws://\(name)/") }
    }

    @Test(
        "A combining mark at the beginning",
        arguments: ["\u{301}a", "a.\u{301}", "\u{93E}", "\u{E0100}\u{301}"]
    )
    func leadingMark(_ name: String) {
        #expect(throws: URLParseFailure(.label(.leadingMark))) { try WebURL("ws://\(name)/") }
    }

    @Test(
        "A label that claims to be encoded",
        arguments: [
            ("xn--a", .notNormalized),
            ("xn--9c", .punycode),
            ("xn--", .punycode),
            ("xn--abc-", .punycode),
            ("xn--99999999", .punycode),
            ("xn--a_b-c", .punycode),
            ("xn--é", .punycode),
            ("xn--é-", .punycode),
            ("xn--tešla", .punycode),
            // Decodes to fullwidth letters, which are mapped, and to what is not allowed at all.
            ("xn--8i7caa", .notNormalized),
            ("xn--zn7c", .notNormalized),
            ("xn--xn---epa", .nestedPrefix),
            ("xn--1ug", .joiner),
            ("xn--a-yoc", .bidi),
            ("xn--lsa", .leadingMark),
        ] as [(String, LabelFault)]
    )
    func encodedLabel(_ label: String, _ fault: LabelFault) throws {
        // Beside a label beyond ASCII, each is checked.
        #expect(throws: URLParseFailure(.label(fault))) { try WebURL("ws://\(label).é/") }
        // URL Standard §3.3: a name wholly in ASCII is not.
        if label.utf8.allSatisfy({ $0 < 0x80 }) {
            #expect(try WebURL("ws://\(label).example/").hostname == "\(label).example")
        }
    }

    @Test("A label beyond ASCII has a limit, at the limit and beyond")
    func limit() throws {
        let limit = Punycode.limit
        let longest = "é" + String(repeating: "a", count: limit - 1)
        let ascii = try WebURL("ws://\(longest)/").hostname
        #expect(ascii.hasPrefix("xn--aaa"))
        #expect(try WebURL("ws://é.\(ascii)/").hostname == "xn--9ca.\(ascii)")
        #expect(throws: URLParseFailure(.label(.length(limit: limit)))) { try WebURL("ws://\(longest)a/") }
        let encoded = "xn--a" + ascii.dropFirst(4)
        #expect(throws: URLParseFailure(.label(.length(limit: limit)))) { try WebURL("ws://é.\(encoded)/") }
        #expect(throws: URLParseFailure(.label(.length(limit: limit)))) {
            try WebURL("ws://é.xn--\(longest.dropFirst())aa-/")
        }
        // Labels in ASCII have none.
        let plain = String(repeating: "a", count: 10 * limit)
        #expect(try WebURL("ws://\(plain).é/").hostname == "\(plain).xn--9ca")
    }
}
