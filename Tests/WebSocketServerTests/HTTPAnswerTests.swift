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

    /// RFC 9110 §5.6.7: all three forms; the first three are its examples.
    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Sun Nov 16 08:49:37 1994", 784_975_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Thu, 31 Dec 2099 23:59:59 GMT", 4_102_444_799), ("Wed, 01 Mar 2000 00:00:60 GMT", 951_868_860),
            // 50 years ahead are ahead, more are behind.
            ("Sunday, 06-Nov-74 08:49:37 GMT", 3_308_719_777),
            ("Sunday, 06-Nov-75 08:49:37 GMT", 184_495_777),
        ])
    func `Dates are read in the three forms`(text: String, seconds: Int) {
        // 2024-03-09.
        #expect(HTTPDate.seconds(of: text, now: 1_710_000_000) == seconds)
    }

    @Test(
        arguments: [
            "", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT", "Mon, 29 Feb 1900 00:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT", "Wed, 31 Dec 1969 23:59:59 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT", "784111777", "Sun, 06 Nov 1994 08:49:37 GMT x",
        ])
    func `What is no date is none`(text: String) {
        #expect(HTTPDate.seconds(of: text, now: 1_710_000_000) == nil)
    }
}
