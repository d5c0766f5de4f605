import Testing

@testable import WebSockets

/// That the generated tables are read as they were written: points at the edges of their rows.
@Suite("Unicode tables")
struct UnicodeTablesTests {
    private func mapping(_ scalar: Unicode.Scalar) -> String? {
        guard case .mapped(let sequence) = HostMapping(of: scalar.value) else { return nil }
        var points: [UInt32] = []
        sequence.append(to: &points)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: points.compactMap(Unicode.Scalar.init))
        return String(text)
    }

    @Test("The version")
    func version() {
        #expect(UnicodeTables.version == "17.0.0")
    }

    @Test(
        "Mapped",
        arguments: [
            ("A", "a"), ("Z", "z"), ("Ā", "ā"), ("Į", "į"), ("İ", "i\u{307}"), ("Ａ", "a"),
            ("ﷺ", "صلى الله عليه وسلم"),
            ("ẞ", "ß"), ("。", "."), ("\u{1E900}", "\u{1E922}"), ("\u{2FA1D}", "\u{2A600}"), ("🄰", "a"),
            ("Ꭰ", nil),
            ("ꭰ", "Ꭰ"), ("㎯", "rad∕s2"), ("\u{A7CE}", "\u{A7CF}"),
        ] as [(Unicode.Scalar, String?)]
    )
    func mapped(_ scalar: Unicode.Scalar, _ text: String?) {
        #expect(mapping(scalar) == text)
    }

    @Test(
        "Not mapped",
        arguments: [
            ("\0", .valid), ("@", .valid), ("[", .valid), ("a", .valid), ("ā", .valid), ("ß", .valid),
            ("ς", .valid),
            ("\u{200C}", .valid), ("\u{200D}", .valid), ("\u{AD}", .ignored), ("\u{200B}", .ignored),
            ("\u{FE0F}", .ignored), ("\u{E01EF}", .ignored), ("\u{E01F0}", .disallowed),
            ("\u{80}", .disallowed),
            ("\u{378}", .disallowed), ("\u{FFFD}", .disallowed), ("\u{10FFFF}", .disallowed),
            ("\u{31350}", .valid), ("\u{33479}", .valid), ("\u{3347A}", .disallowed),
        ] as [(Unicode.Scalar, HostMapping)]
    )
    func unmapped(_ scalar: Unicode.Scalar, _ mapping: HostMapping) {
        #expect(HostMapping(of: scalar.value) == mapping)
    }

    @Test("Properties")
    func properties() {
        #expect(PointProperties(of: 0x61).bidi == .leftToRight)
        #expect(PointProperties(of: 0x30).bidi == .europeanNumber)
        #expect(PointProperties(of: 0x2D).bidi == .neutral)
        #expect(PointProperties(of: 0x20).bidi == .other)
        #expect(PointProperties(of: 0x5D0).bidi == .rightToLeft)
        #expect(PointProperties(of: 0x628).bidi == .rightToLeft)
        #expect(PointProperties(of: 0x660).bidi == .arabicNumber)
        #expect(PointProperties(of: 0x301).bidi == .nonspacingMark)
        #expect(PointProperties(of: 0x628).joining == .dual)
        #expect(PointProperties(of: 0x627).joining == .right)
        #expect(PointProperties(of: 0xA872).joining == .left)
        #expect(PointProperties(of: 0x64E).joining == .transparent)
        #expect(PointProperties(of: 0x200C).joining == .none)
        #expect(PointProperties(of: 0x640).joining == .none)
        #expect(PointProperties(of: 0x301).combiningClass == 230)
        #expect(PointProperties(of: 0x1DCE).combiningClass == 214)
        #expect(PointProperties(of: 0x94D).isVirama)
        #expect(PointProperties(of: 0x903).isMark && PointProperties(of: 0x903).combiningClass == 0)
        #expect(!PointProperties(of: 0x61).isMark)
    }

    @Test(
        "Normalization Form C",
        arguments: [
            ("abc", "abc"),
            ("e\u{301}", "\u{E9}"),
            ("\u{E9}", "\u{E9}"),
            ("e\u{327}\u{301}", "\u{229}\u{301}"),
            ("e\u{301}\u{327}", "\u{229}\u{301}"),
            // Blocked by a mark of the same class.
            ("e\u{302}\u{302}", "\u{EA}\u{302}"),
            ("q\u{323}\u{307}", "q\u{323}\u{307}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("s\u{307}\u{323}", "\u{1E69}"),
            ("\u{1EA5}\u{323}", "\u{1EAD}\u{301}"),
            ("\u{1100}\u{1161}", "\u{AC00}"),
            ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"),
            ("\u{AC00}\u{11A8}", "\u{AC01}"),
            ("\u{AC00}\u{11A7}", "\u{AC00}\u{11A7}"),
            ("\u{AC01}\u{11A8}", "\u{AC01}\u{11A8}"),
            ("\u{D7A3}", "\u{D7A3}"),
            ("\u{1112}\u{1175}\u{11C2}", "\u{D7A3}"),
            // Two starters that compose, and a mark that comes between.
            ("\u{9C7}\u{9BE}", "\u{9CB}"),
            ("\u{9C7}\u{9BC}\u{9BE}", "\u{9C7}\u{9BC}\u{9BE}"),
            ("\u{301}a\u{301}", "\u{301}\u{E1}"),
        ]
    )
    func normalization(_ text: String, _ expected: String) {
        let points = Normalization.nfc(text.unicodeScalars.map(\.value))
        #expect(points == expected.unicodeScalars.map(\.value))
    }

    @Test(
        "Punycode both ways",
        arguments: [
            ("ü", "tda"), ("bücher", "bcher-kva"), ("中国", "fiqs8s"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"), ("-é-", "---bja"), ("😀", "e28h"), ("é", "9ca"),
            ("\u{10FFFF}", "dn32g"),
        ]
    )
    func punycode(_ text: String, _ encoded: String) throws {
        let points = text.unicodeScalars.map(\.value)
        #expect(String(decoding: Punycode.encode(points[...]), as: UTF8.self) == encoded)
        #expect(try Punycode.decode(encoded.unicodeScalars.map(\.value)[...]) == points)
    }

    @Test(
        "No Punycode",
        arguments: ["99999999", "-9ca!", "9c", "é", "zzzzzzzzzzzzzzz", "dn42g", "ib9b"]
    )
    func noPunycode(_ text: String) {
        #expect(throws: LabelFault.punycode) { try Punycode.decode(text.unicodeScalars.map(\.value)[...]) }
    }
}
