import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("How much of a head is read")
struct HTTPHeadLimitsTests {
    private static let before = "GET / HTTP/1.1\r\nHost: a\r\n"

    /// A request of exactly this many bytes, filled up with one long value.
    private func request(bytes: Int) -> [UInt8] {
        let frame = Self.before + "X: \r\n\r\n"
        return latin1(
            Self.before + "X: " + String(repeating: "v", count: bytes - frame.utf8.count) + "\r\n\r\n"
        )
    }

    /// A request with this many fields, Host among them.
    private func request(fields: Int) -> [UInt8] {
        latin1(Self.before + String(repeating: "a:\r\n", count: fields - 1) + "\r\n")
    }

    private func used(_ outcome: HeadOutcome) -> Int? {
        if case .head(_, let used) = outcome { used } else { nil }
    }

    @Test("The defaults are those that are documented")
    func defaults() {
        #expect(Limits().maxHeadSize == 16_384)
        #expect(Limits().maxHeadFields == 100)
    }

    @Test("A head of 16 KiB is read, in one piece and in 16,384")
    func largestHead() {
        let bytes = request(bytes: 16_384)
        #expect(used(feed(whole: bytes, to: HTTPRequestParser.self)) == 16_384)
        #expect(used(feed(byteByByte: bytes, to: HTTPRequestParser.self)) == 16_384)
    }

    @Test("A head one byte larger is refused with 431, and no byte over the limit is read")
    func headTooLarge() {
        let bytes = request(bytes: 16_385)
        let refused = HeadOutcome.refused(.headTooLarge(limit: 16_384), used: 16_384)
        #expect(feed(whole: bytes, to: HTTPRequestParser.self) == refused)
        #expect(feed(byteByByte: bytes, to: HTTPRequestParser.self) == refused)
        #expect(ProtocolError.headTooLarge(limit: 16_384).httpStatus == 431)
    }

    @Test("A request line without end is refused with 414")
    func startLineTooLong() {
        let bytes = latin1("GET /" + String(repeating: "a", count: 20_000))
        let refused = HeadOutcome.refused(.startLineTooLong(limit: 16_384), used: 16_384)
        #expect(feed(whole: bytes, to: HTTPRequestParser.self) == refused)
        #expect(feed(byteByByte: bytes, to: HTTPRequestParser.self) == refused)
        #expect(ProtocolError.startLineTooLong(limit: 16_384).httpStatus == 414)
    }

    /// Counts the reads instead of the time: what comes after the refusal costs nothing.
    @Test("A head of 20 MB in writes of one byte ends at 16 KiB")
    func endlessHead() {
        var parser = HTTPRequestParser()
        var writes = 0
        var refusal: ProtocolError?
        let head = latin1(Self.before + "X: ")
        while writes < 20_000_000, refusal == nil {
            let byte = writes < head.count ? head[writes] : UInt8(ascii: "v")
            writes += 1
            var offset = 0
            let result = withUnsafeBytes(of: byte) { bytes in
                Result { () throws(ProtocolError) in try parser.parse(bytes, at: &offset) }
            }
            if case .failure(let error) = result { refusal = error }
        }
        #expect(refusal == .headTooLarge(limit: 16_384))
        #expect(writes == 16_385)
    }

    @Test("A hundred fields are read, Host among them")
    func mostFields() {
        let bytes = request(fields: 100)
        #expect(used(feed(whole: bytes, to: HTTPRequestParser.self)) == bytes.count)
        #expect(used(feed(byteByByte: bytes, to: HTTPRequestParser.self)) == bytes.count)
    }

    @Test("One field more, or 2,000, are refused with 431 at the 101st", arguments: [101, 2_000])
    func tooManyFields(_ count: Int) {
        let bytes = request(fields: count)
        // The request line, Host, 99 further fields, and the one too many.
        let refused = HeadOutcome.refused(
            .tooManyHeaderFields(limit: 100),
            used: Self.before.utf8.count + 4 * 100
        )
        #expect(feed(whole: bytes, to: HTTPRequestParser.self) == refused)
        #expect(feed(byteByByte: bytes, to: HTTPRequestParser.self) == refused)
        #expect(ProtocolError.tooManyHeaderFields(limit: 100).httpStatus == 431)
    }

    @Test("Hosts without end are counted as well, though they are kept apart")
    func tooManyHosts() {
        let bytes = latin1("GET / HTTP/1.1\r\n" + String(repeating: "Host:\r\n", count: 2_000))
        let refused = HeadOutcome.refused(.tooManyHeaderFields(limit: 100), used: 16 + 7 * 101)
        #expect(feed(whole: bytes, to: HTTPRequestParser.self) == refused)
    }

    @Test("A limit raised beyond what the field type can hold does not let a peer end the program")
    func fieldsBeyondTheType() {
        let limits = Limits(maxHeadSize: 1 << 20, maxHeadFields: .max)
        let outcome = feed(whole: request(fields: 70_000), to: HTTPRequestParser.self, limits: limits)
        #expect(
            outcome
                == .refused(.tooManyHeaderFields(limit: 65_534), used: Self.before.utf8.count + 4 * 65_534)
        )
    }

    @Test("Limits of our own are kept to the byte and the field")
    func ownLimits() {
        let bytes = request(fields: 3)
        let enough = Limits(maxHeadSize: bytes.count, maxHeadFields: 3)
        #expect(used(feed(whole: bytes, to: HTTPRequestParser.self, limits: enough)) == bytes.count)
        let short = Limits(maxHeadSize: bytes.count - 1)
        #expect(
            feed(whole: bytes, to: HTTPRequestParser.self, limits: short)
                == .refused(.headTooLarge(limit: bytes.count - 1), used: bytes.count - 1)
        )
        #expect(
            feed(whole: bytes, to: HTTPRequestParser.self, limits: Limits(maxHeadFields: 2))
                == .refused(.tooManyHeaderFields(limit: 2), used: bytes.count - 2)
        )
        #expect(
            feed(whole: bytes, to: HTTPRequestParser.self, limits: Limits(maxHeadSize: 0))
                == .refused(.startLineTooLong(limit: 0), used: 0)
        )
    }

    @Test("A response's head has the same limits")
    func response() {
        let start = "HTTP/1.1 101 \r\n"
        let fields = latin1(start + String(repeating: "a:\r\n", count: 2_000))
        #expect(
            feed(whole: fields, to: HTTPResponseParser.self)
                == .refused(.tooManyHeaderFields(limit: 100), used: start.utf8.count + 4 * 101)
        )
        let value = latin1(start + "a: " + String(repeating: "v", count: 20_000))
        #expect(
            feed(byteByByte: value, to: HTTPResponseParser.self)
                == .refused(.headTooLarge(limit: 16_384), used: 16_384)
        )
    }

    /// Values that a scanner which looks back would read over and over.
    @Test(
        "Blanks, colons and commas by the thousand are read like anything else",
        arguments: [" ", "\t", ":", ",", " \t", ", ", "\"", "\\"]
    )
    func hostileValues(_ unit: String) {
        let value = "v" + String(repeating: unit, count: 15_000 / unit.utf8.count) + "v"
        let bytes = latin1(Self.before + "X: \(value)\r\n\r\n")
        let expected = HeadOutcome.head(["GET / at a in 1.1", "X: \(value)"], used: bytes.count)
        #expect(feed(whole: bytes, to: HTTPRequestParser.self) == expected)
        #expect(feed(byteByByte: bytes, to: HTTPRequestParser.self) == expected)
    }
}
