import Testing

@testable import duplex

@Suite("JSON of a configuration file")
struct JSONTextTests {
    private func members(_ text: String) throws -> [JSONText.Member] {
        try JSONText.members(of: Array(text.utf8))
    }

    @Test func `Texts, numbers, truths and lists are read as they stand`() throws {
        let text = """
             {"a": "x", "b" : 1.5e3,
              "c": [true,false , "y"],
              "d": [ ], "e": null, "f": -0}

            """
        #expect(
            try members(text) == [
                .init(key: "a", value: .one("x"), line: 1), .init(key: "b", value: .one("1.5e3"), line: 1),
                .init(key: "c", value: .list(["true", "false", "y"]), line: 2),
                .init(key: "d", value: .list([]), line: 3), .init(key: "e", value: .null, line: 3),
                .init(key: "f", value: .one("-0"), line: 3),
            ]
        )
        #expect(try members("{}").isEmpty)
        #expect(try members("\r\n\t{ }").isEmpty)
    }

    @Test func `Escapes are what they stand for`() throws {
        let text = #"{"a": "\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83c\udf0d añ€🌍"}"#
        #expect(try members(text).first?.value == .one("\"\\/\u{8}\u{C}\n\r\té€🌍 añ€🌍"))
    }

    @Test(
        arguments: [
            ("", 1, "an object in braces was expected before the end"),
            ("[1]", 1, "an object in braces was expected"),
            ("{\n\"a\" 1}", 2, "a colon behind \"a\" was expected"),
            ("{\"a\": 1\n\"b\": 2}", 2, "a comma or a closing brace was expected"),
            ("{\"a\": 1,}", 1, "a key in quotation marks was expected"),
            ("{\"a\": 1} x", 1, "nothing behind the closing brace was expected"),
            ("{\"a\": 1, \n\"a\": 2}", 2, "\"a\" is there twice"),
            ("{\"a\": tru}", 1, "a text, a number, true, false or a list of them for \"a\" was expected"),
            ("{\"a\": 01}", 1, "a text, a number, true, false or a list of them for \"a\" was expected"),
            ("{\"a\": {}}", 1, "a text, a number, true, false or a list of them for \"a\" was expected"),
            ("{\"a\": [null]}", 1, "a text, a number, true or false in the list of \"a\" was expected"),
            ("{\"a\": [1 2]}", 1, "a comma or a closing bracket was expected"),
            ("{\"a\": \"x", 1, "a closing quotation mark was expected before the end"),
            ("{\"a\": \"x\ny\"}", 1, "a text holds a control character or a line's end"),
            ("{\"a\": \"\\x\"}", 1, "one of \"\\/bfnrtu behind the backslash was expected"),
            ("{\"a\": \"\\u12\"}", 1, "four hexadecimal digits behind \\u was expected"),
            ("{\"a\": \"\\ud83c\"}", 1, "\\u stands before half a character"),
            ("{\"a\": \"\\", 1, "a character behind the backslash was expected before the end"),
        ] as [(String, Int, String)]
    )
    func `What is wrong is told with its line`(text: String, line: Int, reason: String) {
        let problem = #expect(throws: JSONText.Problem.self) { try members(text) }
        #expect(problem == .init(line: line, reason: reason))
    }

    @Test func `Bytes that are no UTF-8 are refused`() {
        let problem = #expect(throws: JSONText.Problem.self) {
            try JSONText.members(of: Array("{\"a\": \"".utf8) + [0xFF] + Array("\"}".utf8))
        }
        #expect(problem == .init(line: 1, reason: "a text is not UTF-8"))
    }
}
