import HTTPTypes
import Testing

@testable import WebSocketServer

@Suite("HTTP answers")
struct HTTPAnswerTests {
    @Test func `An answer closes the connection and says its length and date`() {
        let answer = HTTPAnswer.text(.notFound, "not here\n")
        let text = String(decoding: answer.bytes(date: "Sun, 06 Nov 1994 08:49:37 GMT"), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        #expect(text.hasSuffix("\r\n\r\nnot here\n"))
        let fields = Set(text.split(separator: "\r\n").dropFirst().dropLast())
        #expect(
            fields == [
                "Content-Type: text/plain; charset=utf-8", "Date: Sun, 06 Nov 1994 08:49:37 GMT",
                "Connection: close", "Content-Length: 9",
            ]
        )
    }

    @Test func `A length that is given stays`() {
        let answer = HTTPAnswer(status: .ok, headers: [.contentLength: "12"])
        let text = String(decoding: answer.bytes(date: "now"), as: UTF8.self)
        #expect(text.contains("Content-Length: 12\r\n"))
        #expect(!text.contains("Content-Length: 0"))
    }

    /// The first is RFC 9110's own example; the others are the edges of leap years and of the epoch.
    @Test(
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ])
    func `Dates are written as HTTP writes them`(seconds: Int, text: String) {
        #expect(HTTPDate.text(secondsSince1970: seconds) == text)
    }
}
