import Testing

@testable import WebSocketProtocol

@Suite("Sec-WebSocket-Extensions")
struct ExtensionHeaderTests {
    private typealias Element = ExtensionElement

    @Test("No field is no extension")
    func noField() throws {
        #expect(try ExtensionElement.parse([]).isEmpty)
    }

    @Test("Elements are read with their parameters, in order")
    func elements() throws {
        #expect(
            try ExtensionElement.parse(["a; b; c=1; b, d", "a;c=2"]) == [
                Element(
                    name: "a",
                    parameters: [.init(name: "b"), .init(name: "c", value: "1"), .init(name: "b")]
                ),
                Element(name: "d"),
                Element(name: "a", parameters: [.init(name: "c", value: "2")]),
            ]
        )
    }

    @Test(
        "Blanks and tabs may stand around every delimiter, and empty elements are passed over",
        arguments: [
            ["a;b=1,c"], [" a ; b = 1 , c "], ["\ta\t;\tb\t=\t1\t,\tc\t"], [",,a;b=1,, ,c,"], ["a;b=1", "c"],
            ["", "a;b=1", ",", " ", "c"], ["a;b=\"1\",c"], ["a; b = \"\\1\" , c"],
        ]
    )
    func blanks(_ fields: [String]) throws {
        #expect(
            try ExtensionElement.parse(fields) == [
                Element(name: "a", parameters: [.init(name: "b", value: "1")]), Element(name: "c"),
            ]
        )
    }

    @Test("Quotation marks and escapes are taken off a value, and every token can be quoted")
    func quoted() throws {
        let escaped = tokenCharacters.map { "\\\($0)" }.joined()
        for field in ["a; b=\(tokenCharacters)", "a; b=\"\(tokenCharacters)\"", "a; b=\"\(escaped)\""] {
            #expect(
                try ExtensionElement.parse([field]).first?.parameters == [
                    .init(name: "b", value: tokenCharacters)
                ]
            )
        }
    }

    @Test("A quoted value with any byte that no token holds is refused, escaped or not")
    func quotedBytes() {
        for byte in UInt8.min..<0x80 where !tokenBytes.contains(byte) && byte != 0x22 && byte != 0x5C {
            let character = Character(Unicode.Scalar(byte))
            for value in ["x\(character)y", "x\\\(character)y"] {
                #expect(
                    throws: ProtocolError.invalidExtensions("a quoted value that is not a token"),
                    "\(byte)"
                ) {
                    try ExtensionElement.parse(["a; b=\"\(value)\""])
                }
            }
        }
    }

    @Test("Names that no token can be are refused, whichever byte breaks them")
    func nameBytes() {
        for byte in UInt8.min..<0x80 where !tokenBytes.contains(byte) {
            let character = Character(Unicode.Scalar(byte))
            // These separate, so that something else is read.
            guard !" \t,;=".contains(character) else { continue }
            for field in ["a\(character)b", "a; b\(character)c", "a; b=c\(character)d"] {
                #expect(throws: ProtocolError.self, "\(byte)") { try ExtensionElement.parse([field]) }
            }
        }
    }

    @Test("One broken field spoils the list", arguments: [["a", "b;"], ["b;", "a"], ["a, b c", "d"]])
    func oneBroken(_ fields: [String]) {
        #expect(throws: ProtocolError.self) { try ExtensionElement.parse(fields) }
    }

    @Test("What is shown of a broken field is short")
    func shortReason() throws {
        let error = try #require(throws: ProtocolError.self) {
            try ExtensionElement.parse(["a (" + String(repeating: "x", count: 10_000)])
        }
        #expect(error.description.utf8.count < 150)
    }

    @Test("What is written is read again, whatever tokens it is made of")
    func roundTrip() throws {
        var dice = Dice(seed: 0x6455)
        for _ in 0..<500 {
            let elements = (0..<dice.roll(1...4)).map { _ in
                Element(
                    name: dice.text(tokenCharacters, count: 1...8),
                    parameters: (0..<dice.roll(0...4)).map { _ in
                        let value = dice.roll(0...1) == 0 ? nil : dice.text(tokenCharacters, count: 1...5)
                        return .init(name: dice.text(tokenCharacters, count: 1...5), value: value)
                    }
                )
            }
            let values = elements.map(\.headerValue)
            #expect(try ExtensionElement.parse(values) == elements)
            #expect(try ExtensionElement.parse([values.joined(separator: ",")]) == elements)
        }
    }

    @Test("Texts of the grammar's own characters are read or refused, and what is read can be read again")
    func soup() throws {
        var dice = Dice(seed: 0x9110)
        var read = 0
        for _ in 0..<5_000 {
            let text = dice.text("ab;;,==\"\\ \t(", count: 0...12)
            guard let elements = try? ExtensionElement.parse([text]) else { continue }
            read += 1
            #expect(try ExtensionElement.parse(elements.map(\.headerValue)) == elements, "\(text)")
        }
        #expect(read > 100)
    }

    /// The values that made backtracking parsers run for minutes; here they only have to come back.
    @Test(
        "64 KiB of hostile text end like a short one",
        arguments: [
            ("", " ", "", "empty"), ("", ",", "", "empty"), ("a;", " ", "", "parameter name missing at \"\""),
            ("a; b=\"", "x", "", "quotation mark without its twin"),
            ("a; b=\"", "\\\"", "", "quotation mark without its twin"),
            ("a; b=\"", "\\", "", "quotation mark without its twin"),
            ("a", ";", "", "parameter name missing at \";;;;;;;;;;;;;;;;;;;;\""),
            ("a; b", "=", "", "parameter value missing at \"====================\""),
            ("a; b=\"", " ", "\"", "a quoted value that is not a token"),
            ("a", "; b=\"\\c\"", ";", "parameter name missing at \"\""),
            ("", "a, ", "(", "extension name missing at \"(\""),
        ]
    )
    func hostile(_ before: String, _ unit: String, _ after: String, _ reason: String) {
        let text = before + String(repeating: unit, count: (64 << 10) / unit.utf8.count) + after
        #expect(throws: ProtocolError.invalidExtensions(reason)) { try ExtensionElement.parse([text]) }
    }

    @Test("64 KiB of legal text are read whole")
    func longLegal() throws {
        let parameters = try ExtensionElement.parse(["a" + String(repeating: ";b=\"\\c\"", count: 8_192)])
        #expect(parameters.count == 1)
        #expect(parameters.first?.parameters == Array(repeating: .init(name: "b", value: "c"), count: 8_192))
        let elements = try ExtensionElement.parse([String(repeating: ",a ", count: 20_000)])
        #expect(elements == Array(repeating: Element(name: "a"), count: 20_000))
    }
}
