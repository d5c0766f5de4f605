import Testing

@testable import WebSocketServer

@Suite("The PROXY protocol's header")
struct ProxyHeaderParserTests {
    enum Outcome: Hashable {
        case header(ProxyHeader, taken: Int)
        case incomplete
        case failed(ProxyHeaderError)
    }

    /// What comes of bytes that arrive in these pieces, and how many of them are the header's.
    private func outcome(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
        var parser = ProxyHeaderParser()
        var taken = 0
        for piece in pieces {
            var offset = 0
            let result = Result { () throws(ProxyHeaderError) in
                try Array(piece).withUnsafeBytes { bytes in
                    Result { () throws(ProxyHeaderError) in try parser.parse(bytes, at: &offset) }
                }.get()
            }
            taken += offset
            switch result {
            case .success(let header?): return .header(header, taken: taken)
            case .success(nil): continue
            case .failure(let error): return .failed(error)
            }
        }
        return .incomplete
    }

    static let signature: [UInt8] = Array("\r\n\r\n\u{0}\r\nQUIT\n".utf8)

    static func binary(_ command: UInt8, _ family: UInt8, _ payload: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? payload.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + payload
    }

    private static let ipv4: [UInt8] = [192, 0, 2, 60, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xBB]
    private static let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 15)
        + [1]
        + [0x12, 0x67, 0x01, 0xBB]

    private func client(_ text: String) throws -> ProxyHeader {
        .client(try #require(IPAddress(text)), port: 4711)
    }

    @Test func `Version 1 names a client, or nobody`() throws {
        func read(_ line: String) -> Outcome { outcome([Array((line + "\r\nGET").utf8)[...]]) }
        let ipv4 = "PROXY TCP4 192.0.2.60 10.0.0.1 4711 443"
        #expect(read(ipv4) == .header(try client("192.0.2.60"), taken: ipv4.utf8.count + 2))
        let ipv6 = "PROXY TCP6 2001:db8::1 ::1 4711 443"
        #expect(read(ipv6) == .header(try client("2001:db8::1"), taken: ipv6.utf8.count + 2))
        #expect(read("PROXY UNKNOWN") == .header(.unknown, taken: 15))
        let longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535"
        #expect(read(longest) == .header(.unknown, taken: longest.utf8.count + 2))
        let full = "PROXY UNKNOWN " + String(repeating: "x", count: 107 - 14 - 2)
        #expect(read(full) == .header(.unknown, taken: 107))
        #expect(read(full + "x") == .failed(.malformedLine))
    }

    @Test(arguments: [
        "PROXY", "PROXY ", "PROXY TCP4", "PROXY TCP5 1.2.3.4 1.2.3.4 1 1", "PROXY TCP4 1.2.3.4 1.2.3.4 1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1", "PROXY TCP4  1.2.3.4 1.2.3.4 1 1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 1", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 ",
        "PROXY TCP4 1.2.3.4 1.2.3 1 1", "PROXY TCP4 1.2.3.04 1.2.3.4 1 1", "PROXY TCP4 ::1 ::1 1 1",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 1", "PROXY TCP6 ::g ::1 1 1", "PROXY TCP4 1.2.3.4 a 1 1",
        "PROXY unknown", "PROXY UNKNOWN\n", "PROXY UNKNOWN\rX", "PROXY\tUNKNOWN",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 ",
    ])
    func `Version 1 that is malformed is refused`(line: String) {
        let outcome = outcome([Array((line + "\r\n").utf8)[...]])
        #expect(outcome == .failed(.malformedLine) || outcome == .failed(.notAProxyHeader))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "proxy UNKNOWN\r\n", "\u{16}\u{3}\u{1}", "\r\n\r\n\r\n", "P ", "\n",
    ])
    func `What does not begin like one is none, at the first byte that tells`(text: String) {
        #expect(outcome([Array(text.utf8)[...]]) == .failed(.notAProxyHeader))
    }

    @Test func `Version 2 names a client, or nobody, and its extensions are skipped`() throws {
        let extensions = [UInt8](repeating: 0xEA, count: 300)
        for extra in [[], extensions] {
            for (bytes, header) in [
                (Self.binary(0x21, 0x11, Self.ipv4 + extra), try client("192.0.2.60")),
                (Self.binary(0x21, 0x21, Self.ipv6 + extra), try client("2001:db8::1")),
                (Self.binary(0x21, 0x31, [UInt8](repeating: 0x2F, count: 216) + extra), .unknown),
                (Self.binary(0x21, 0x00, extra), .unknown),
                (Self.binary(0x20, 0x00, extra), .local),
                (Self.binary(0x20, 0x11, Self.ipv4 + extra), .local),
                // What a LOCAL header says of addresses means nothing.
                (Self.binary(0x20, 0xFF, extra), .local),
            ] {
                #expect(outcome([(bytes + [0x47, 0x45])[...]]) == .header(header, taken: bytes.count))
                #expect(outcome([bytes.dropLast()]) == .incomplete)
            }
        }
    }

    @Test func `Version 2 that is malformed is refused as soon as it is seen`() {
        for (bytes, error) in [
            (Self.binary(0x11, 0x11, Self.ipv4), ProxyHeaderError.unsupported(0x11)),
            (Self.binary(0x31, 0x11, Self.ipv4), .unsupported(0x31)),
            (Self.binary(0x22, 0x11, Self.ipv4), .unsupported(0x22)),
            (Self.binary(0x21, 0x12, Self.ipv4), .unsupported(0x12)),
            (Self.binary(0x21, 0x41, Self.ipv4), .unsupported(0x41)),
            (Self.binary(0x21, 0x11, [], length: 11), .badLength(11)),
            (Self.binary(0x21, 0x21, [], length: 35), .badLength(35)),
            (Self.binary(0x21, 0x31, [], length: 215), .badLength(215)),
            (Self.binary(0x21, 0x11, [], length: 4097), .badLength(4097)),
            (Self.binary(0x20, 0x00, [], length: 65535), .badLength(65535)),
        ] {
            #expect(outcome([bytes[...]]) == .failed(error))
        }
        let most = Self.binary(0x21, 0x11, Self.ipv4 + [UInt8](repeating: 0, count: 4096 - 12))
        #expect(
            outcome([most[...]])
                == .header(.client(IPAddress(ipv4: 0xC000_023C), port: 4711), taken: most.count)
        )
    }

    @Test func `However the bytes are cut, the same comes of them`() {
        let samples: [[UInt8]] = [
            Array("PROXY TCP4 192.0.2.60 10.0.0.1 4711 443\r\nGET / HTTP/1.1\r\n".utf8),
            Array("PROXY UNKNOWN\r\n\r\n".utf8),
            Self.binary(0x21, 0x11, Self.ipv4 + [1, 2, 3]) + [0x16, 3, 1],
            Self.binary(0x21, 0x21, Self.ipv6) + Array("GET".utf8),
            Self.binary(0x20, 0, []) + Array("GET".utf8),
            Self.binary(0x21, 0x31, [UInt8](repeating: 0, count: 300)),
        ]
        for sample in samples {
            let whole = outcome([sample[...]])
            #expect(outcome(sample.indices.map { sample[$0...$0] }) == whole)
            for cut in sample.indices { #expect(outcome([sample[..<cut], sample[cut...]]) == whole) }
        }
        // And so it is with what has gone wrong on the way.
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            guard var bytes = samples.randomElement(using: &generator) else { return }
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            let whole = outcome([bytes[...]])
            #expect(outcome([bytes[..<cut], bytes[cut...]]) == whole, "\(bytes)")
            #expect(outcome(bytes.indices.map { bytes[$0...$0] }) == whole, "\(bytes)")
        }
    }
}
