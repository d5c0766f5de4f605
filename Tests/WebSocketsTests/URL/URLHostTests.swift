import Testing

@testable import WebSockets

/// URL Standard §3.5 and §3.6.
@Suite("Hosts of URLs")
struct URLHostTests {
    @Test(
        "IPv4",
        arguments: [
            ("1.2.3.4", "1.2.3.4"),
            ("0", "0.0.0.0"),
            ("1", "0.0.0.1"),
            ("256", "0.0.1.0"),
            ("4294967295", "255.255.255.255"),
            ("1.16777215", "1.255.255.255"),
            ("1.2.65535", "1.2.255.255"),
            ("1.2.3.", "1.2.0.3"),
            ("1.2.3.4.", "1.2.3.4"),
            ("010.0X10.0x.8", "8.16.0.8"),
            ("0x", "0.0.0.0"),
            ("0xFFFFFFFF", "255.255.255.255"),
            ("0000000000000000000000000001", "0.0.0.1"),
            ("00", "0.0.0.0"),
            ("%31%2E2", "1.0.0.2"),
            ("１．２．３．４", "1.2.3.4"),
        ]
    )
    func ipv4(_ text: String, _ host: String) throws {
        #expect(try WebURL("ws://\(text)/").hostname == host)
    }

    @Test(
        "What ends in a number must be IPv4",
        arguments: [
            "1.2.3.4.5", "1.2.3.256", "256.2.3.4", "1.2.65536", "1.16777216", "4294967296", "a.1", "a.0x1",
            "1..2",
            ".1", "08", "1.09", "0x100000000", "99999999999999999999999999", "a.0X", "1.2.3.4..5", "09.",
            "0b1.1",
        ]
    )
    func notIPv4(_ text: String) {
        #expect(throws: URLParseFailure(.notIPv4(text.lowercased()))) { try WebURL("ws://\(text)/") }
    }

    @Test(
        "What ends in no number need not be",
        arguments: ["1.a", "1..", "0xg", "a.0b1", "1.2.3.4.5a", ".", ".."]
    )
    func domainsLikeIPv4(_ text: String) throws {
        #expect(try WebURL("ws://\(text)/").hostname == text)
    }

    @Test(
        "For a scheme that is not special, an IPv4 address is any name",
        arguments: ["1", "0x1", "1.2.3.256"]
    )
    func opaqueIPv4(_ text: String) throws {
        #expect(try WebURL("b://\(text)").hostname == text)
    }

    @Test(
        "IPv6",
        arguments: [
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
            ("2001:0DB8::00aB", "2001:db8::ab"),
            ("0:0:1:0:0:0:1:0", "0:0:1::1:0"),
            // Of two runs that are equally long, the first.
            ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
            ("1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("1:0:0:0:0:0:0:0", "1::"),
            ("::1.2.3.4", "::102:304"),
            ("::ffff:192.0.2.1", "::ffff:c000:201"),
            ("1:2:3:4:5:6:255.255.255.255", "1:2:3:4:5:6:ffff:ffff"),
            ("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304"),
        ]
    )
    func ipv6(_ text: String, _ address: String) throws {
        #expect(try WebURL("ws://[\(text)]/").hostname == "[\(address)]")
        #expect(try WebURL("b://[\(text)]/").hostname == "[\(address)]")
        #expect(try WebURL("ws://[\(text)]:81/").host == "[\(address)]:81")
    }

    @Test(
        "No IPv6",
        arguments: [
            "", ":", "1", ":1", "1:", ":::", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::",
            "1:2:3:4::5:6:7:8", "::12345", "::g", "1.2.3.4", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256",
            "::01.2.3.4",
            "::1..2.3", "::.1.2.3", "::1.2.3.", "::1.2.3.4:5", "::a.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
            "::2:3:4:5:6:7:1.2.3.4", "::1%25eth0", "::1 ", "::é", "[::1]",
        ]
    )
    func notIPv6(_ text: String) {
        #expect(throws: URLParseFailure(.notIPv6(text))) { try WebURL("ws://[\(text)]/") }
    }

    @Test("A bracket that is not closed", arguments: ["[", "[::1", "[::1]a", "[:"])
    func bracket(_ text: String) {
        #expect(throws: URLParseFailure(.bracketUnclosed)) { try WebURL("ws://\(text)/") }
        #expect(throws: URLParseFailure(.bracketUnclosed)) { try WebURL("b://\(text)/") }
    }

    @Test("Forbidden in every host", arguments: "\0 <>[]^|".unicodeScalars.map { $0 })
    func forbidden(_ scalar: Unicode.Scalar) {
        #expect(throws: URLParseFailure(.hostCharacter(scalar))) { try WebURL("ws://a\(scalar)b/") }
        #expect(throws: URLParseFailure(.hostCharacter(scalar))) { try WebURL("b://a\(scalar)b/") }
    }

    @Test("Forbidden in a domain only", arguments: "%\u{1}\u{1F}\u{7F}".unicodeScalars.map { $0 })
    func forbiddenInDomain(_ scalar: Unicode.Scalar) throws {
        #expect(throws: URLParseFailure(.hostCharacter(scalar))) { try WebURL("ws://a\(scalar)b/") }
        _ = try WebURL("b://a\(scalar)b/")
    }

    @Test("Forbidden also if it is percent-encoded", arguments: Array("#/:?@\\%".unicodeScalars))
    func forbiddenEncoded(_ scalar: Unicode.Scalar) {
        let encoded = "%" + String(scalar.value, radix: 16)
        #expect(throws: URLParseFailure(.hostCharacter(scalar))) { try WebURL("ws://a\(encoded)b/") }
    }

    @Test(
        "All that domains may have",
        arguments: ["a_b", "-a-", "a..b", "a.", "!\"$&'()*+,-.;=_`{}~", "xn--a", "xn--", "a--b"]
    )
    func domain(_ text: String) throws {
        #expect(try WebURL("ws://\(text)/").hostname == text)
    }

    @Test(
        "A domain is percent-decoded",
        arguments: [("%41%2e%62", "a.b"), ("%C3%9f", "xn--zca"), ("%e2%98%95", "xn--53h")]
    )
    func percentDecoded(_ text: String, _ host: String) throws {
        #expect(try WebURL("ws://\(text)/").hostname == host)
    }

    @Test("What is no UTF-8 once it is decoded", arguments: ["%FF", "a%C3", "%ED%A0%80"])
    func notUTF8(_ text: String) {
        #expect(throws: URLParseFailure(.domainCharacter("\u{FFFD}"))) { try WebURL("ws://\(text)/") }
    }

    @Test("An opaque host is percent-encoded and otherwise left alone")
    func opaque() throws {
        #expect(try WebURL("b://A%41é\u{7F}\"`{}'").hostname == "A%41%C3%A9%7F\"`{}'")
        #expect(try WebURL("b://xn--ß").hostname == "xn--%C3%9F")
    }
}
