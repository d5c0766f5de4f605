import HTTPTypes
import Testing

@testable import WebSocketProtocol

/// Every byte in every place of a head, against the character classes as the standards print them.
@Suite("Each byte in each place of a head")
struct HTTPHeadParserBytesTests {
    /// A request with one byte put in, and what became of it.
    private struct Sample {
        let bytes: [UInt8]
        let outcome: HeadOutcome

        init(_ before: String, _ byte: UInt8, _ after: String) {
            bytes = latin1(before) + [byte] + latin1(after)
            outcome = feed(whole: bytes, to: HTTPRequestParser.self)
        }

        func isRead(as lines: String...) -> Bool { outcome == .head(lines, used: bytes.count) }

        var refusal: ProtocolError? {
            if case .refused(let error, _) = outcome { error } else { nil }
        }
    }

    @Test("A value holds visible characters, blanks, tabs and bytes above 7F, and nothing else")
    func value() {
        for byte in UInt8.min...UInt8.max {
            let sample = Sample("GET / HTTP/1.1\r\nHost: a\r\nX: b", byte, "c\r\n\r\n")
            switch byte {
            case 0x09, 0x20...0x7E, 0x80...0xFF:
                #expect(sample.isRead(as: "GET / at a in 1.1", "X: b\(latin1Text([byte]))c"), "\(byte)")
            case 0x0A:
                #expect(sample.refusal == .malformedHead("a line ends in LF without CR"))
            case 0x0D:
                #expect(sample.refusal == .malformedHead("CR without LF"))
            default:
                #expect(sample.refusal == .malformedHead("control character \(byte)"), "\(byte)")
            }
        }
    }

    @Test("A name holds the characters of tokens, and nothing else")
    func name() {
        for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
            let sample = Sample("GET / HTTP/1.1\r\nHost: a\r\nX", byte, "y: b\r\n\r\n")
            if tokenBytes.contains(byte) {
                #expect(sample.isRead(as: "GET / at a in 1.1", "X\(latin1Text([byte]))y: b"), "\(byte)")
            } else {
                #expect(sample.refusal?.httpStatus == 400, "\(byte)")
            }
        }
    }

    @Test("A method holds the characters of tokens, and nothing else")
    func method() {
        for byte in UInt8.min...UInt8.max {
            let sample = Sample("G", byte, "T / HTTP/1.1\r\nHost: a\r\n\r\n")
            if tokenBytes.contains(byte) {
                #expect(sample.isRead(as: "G\(latin1Text([byte]))T / at a in 1.1"), "\(byte)")
            } else {
                #expect(sample.refusal?.httpStatus == 400, "\(byte)")
            }
        }
    }

    @Test("A target holds visible ASCII but #, and nothing else")
    func target() {
        for byte in UInt8.min...UInt8.max {
            let sample = Sample("GET /b", byte, "c HTTP/1.1\r\nHost: a\r\n\r\n")
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "#") {
                #expect(sample.isRead(as: "GET /b\(latin1Text([byte]))c at a in 1.1"), "\(byte)")
            } else {
                #expect(sample.refusal?.httpStatus == 400, "\(byte)")
            }
        }
    }

    @Test("A version has no byte too many, whichever it is")
    func version() {
        for byte in UInt8.min...UInt8.max {
            let sample = Sample("GET / HTTP/1.1", byte, "\r\nHost: a\r\n\r\n")
            #expect(sample.refusal?.httpStatus == 400, "\(byte)")
        }
    }

    @Test("A Host holds what RFC 3986 §3.2.2 lets a name hold, and nothing else")
    func host() {
        let unreservedAndSubDelimiters = Set(
            latin1("-._~!$&'()*+,;=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        )
        for byte in UInt8.min...UInt8.max {
            let sample = Sample("GET / HTTP/1.1\r\nHost: b", byte, "c\r\n\r\n")
            if unreservedAndSubDelimiters.contains(byte) {
                #expect(sample.isRead(as: "GET / at b\(latin1Text([byte]))c in 1.1"), "\(byte)")
            } else {
                #expect(sample.refusal?.httpStatus == 400, "\(byte)")
            }
        }
    }
}
