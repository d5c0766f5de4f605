import Testing

@testable import WebSocketProtocol

@Suite("HTTP's grammar")
struct HTTPGrammarTests {
    @Test("Each byte belongs to the classes that RFC 9110 §5.5 and §5.6 put it in")
    func classes() {
        for byte in UInt8.min...UInt8.max {
            #expect(HTTPGrammar.isTokenByte(byte) == tokenBytes.contains(byte), "\(byte)")
            #expect(HTTPGrammar.isDigit(byte) == "0123456789".utf8.contains(byte), "\(byte)")
            #expect(HTTPGrammar.isBlank(byte) == [0x20, 0x09].contains(byte), "\(byte)")
            let isControl = byte < 0x20 && byte != 0x09 || byte == 0x7F
            #expect(HTTPGrammar.isFieldValueByte(byte) == !isControl, "\(byte)")
        }
    }

    @Test("A token has at least one character, all of them token characters")
    func tokens() {
        #expect(HTTPGrammar.isToken(tokenCharacters))
        #expect(HTTPGrammar.isToken("a"))
        for text in ["", " ", "a b", "a,", "\"a\"", "a/b", "é", "a\u{301}", "a\0"] {
            #expect(!HTTPGrammar.isToken(text), "\(text)")
        }
    }

    @Test(
        "Blanks and tabs are trimmed at the ends only",
        arguments: [
            ("", ""), (" \t ", ""), ("a", "a"), (" \ta b\t ", "a b"), ("a ", "a"), ("\ta", "a"),
            ("\u{B}a", "\u{B}a"),
        ]
    )
    func trimmed(_ text: String, _ result: String) {
        #expect(HTTPGrammar.trimmed(Array(text.utf8)[...]).elementsEqual(result.utf8))
    }

    @Test(
        "A list may stand in several fields and have empty elements",
        arguments: [
            ([], []), ([""], []), ([", ,\t,"], []), (["a"], ["a"]),
            (["a,b", " c ,,\td"], ["a", "b", "c", "d"]),
            ([",a b,"], ["a b"]), (["a;b=c, \"d", "e\""], ["a;b=c", "\"d", "e\""]),
        ] as [([String], [String])]
    )
    func lists(_ values: [String], _ elements: [String]) {
        #expect(HTTPGrammar.listElements(values) == elements)
    }

    @Test("Letter case is set aside for ASCII letters, and for nothing else")
    func letterCase() {
        #expect(HTTPGrammar.equalsIgnoringCase("aZ09-é", "Az09-é"))
        #expect(HTTPGrammar.equalsIgnoringCase("", ""))
        // Each of these pairs differs in the one bit that tells small letters from capital ones.
        for (one, other) in [
            ("@", "`"), ("[", "{"), ("^", "~"), ("-", "\r"), ("é", "É"), ("k", "\u{212A}"), ("a", "aa"),
        ] {
            #expect(!HTTPGrammar.equalsIgnoringCase(one, other), "\(one) \(other)")
        }
        #expect(HTTPGrammar.list(["a, UPGRADE"], contains: "upgrade"))
        #expect(!HTTPGrammar.list(["a, upgraded", "up", "grade"], contains: "upgrade"))
    }

    @Test("Texts are equal when their bytes are, and not when they only look alike")
    func equality() {
        #expect(HTTPGrammar.equals("K`;é", "K`;é"))
        for (one, other) in [
            ("K", "\u{212A}"), ("`", "\u{1FEF}"), (";", "\u{37E}"), ("\u{E9}", "e\u{301}"), ("a", "A"),
        ] {
            #expect(!HTTPGrammar.equals(one, other))
        }
    }
}
