import Testing

@testable import WebSockets

/// URL Standard §5.
@Suite("Form encoding")
struct FormEncodingTests {
    @Test(
        "Parsing",
        arguments: [
            ("", []),
            ("&&", []),
            ("a", [["a", ""]]),
            ("a=", [["a", ""]]),
            ("=b", [["", "b"]]),
            ("=", [["", ""]]),
            ("a=b=c", [["a", "b=c"]]),
            ("a=1&b=2&a=3", [["a", "1"], ["b", "2"], ["a", "3"]]),
            ("&a=b&&c=d&", [["a", "b"], ["c", "d"]]),
            ("a+b=c+d", [["a b", "c d"]]),
            ("a%2Bb=%26%3D%2525", [["a+b", "&=%25"]]),
            ("a=%C3%A9é", [["a", "éé"]]),
            ("a=%FF&%C3=x", [["a", "\u{FFFD}"], ["\u{FFFD}", "x"]]),
            ("a=%&b=%4&c=%zz", [["a", "%"], ["b", "%4"], ["c", "%zz"]]),
            ("\u{FEFF}a=%EF%BB%BFb", [["\u{FEFF}a", "\u{FEFF}b"]]),
            ("?a=b;c", [["?a", "b;c"]]),
        ] as [(String, [[String]])]
    )
    func parsing(_ text: String, _ pairs: [[String]]) {
        #expect(FormEncoding.parse(text).map { [$0.0, $0.1] } == pairs)
    }

    @Test(
        "Serializing",
        arguments: [
            ([], ""),
            ([["a", ""]], "a="),
            ([["", ""], ["", ""]], "=&="),
            ([["a b", "c+d"], ["é", "&=%#"]], "a+b=c%2Bd&%C3%A9=%26%3D%25%23"),
            ([["*-._", "~!'()"]], "*-._=%7E%21%27%28%29"),
            ([["a\u{0}", "\r\n"]], "a%00=%0D%0A"),
            ([["AZaz09", "😀"]], "AZaz09=%F0%9F%98%80"),
        ] as [([[String]], String)]
    )
    func serializing(_ pairs: [[String]], _ text: String) {
        #expect(FormEncoding.serialize(pairs.map { ($0[0], $0[1]) }) == text)
        #expect(FormEncoding.parse(text).map { [$0.0, $0.1] } == pairs)
    }

    @Test("What is serialized is left alone by the setter of a query")
    func query() throws {
        var url = try WebURL("ws://h/")
        let text = FormEncoding.serialize([("?a'", "#\"<>é")])
        url.setSearch(text)
        #expect(url.query == text)
    }
}
