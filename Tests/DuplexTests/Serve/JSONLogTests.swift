import Foundation
import Logging
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import duplex

@Suite("Log lines in JSON", .timeLimit(.minutes(2)))
struct JSONLogTests {
    private struct Line: Decodable {
        let time: String
        let level: String
        let label: String
        let message: String
        let metadata: [String: String]?
    }

    @Test func `Each line is an object`() async throws {
        let serve = try await ServeProcess.start(["--verbose", "--log-format", "json"])
        let socket = try await WebSocketConnection.connect(to: serve.url("/echo"))
        try await socket.close(code: CloseCode(4000), reason: "bye\n\"\u{1B}[31m")
        _ = try await serve.process.errors(containing: "\"closed\"")
        serve.process.signal(SIGTERM)
        let (_, _, errors) = try await serve.process.finished()
        #expect(!errors.contains("\u{1B}"))
        let lines = try errors.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        let closed = try #require(lines.first { $0.message == "closed" })
        #expect(closed.level == "info")
        #expect(closed.label == "duplex")
        #expect(closed.metadata?["code"] == "4000")
        #expect(closed.time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func `What is said of one line wins over what is said of all, and nothing breaks the line`() throws
    {
        var handler = JSONLogHandler(label: "x")
        handler[metadataKey: "a"] = "of all"
        handler[metadataKey: "b"] = ["n": [.string("1"), .stringConvertible(2)]]
        handler.metadataProvider = .init { ["a": "of the task", "c": "of the task"] }
        let event = LogEvent(
            level: .info,
            message: "two\nlines \"\\ \u{7F}\u{2028}\u{1}é🌍",
            metadata: ["c": "of the line"],
            source: "s",
            file: #fileID,
            function: #function,
            line: 1
        )
        let line = handler.line(event, time: "T")
        #expect(
            line
                == #"{"time":"T","level":"info","label":"x","message":"two\nlines \"\\ \u007f\u2028\u0001é🌍","metadata":"#
                + #"{"a":"of the task","b":{"n":["1","2"]},"c":"of the line"}}"#
        )
        let read = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(read?["message"] as? String == event.message.description)
    }

    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
            (4_102_444_799, 999, "2099-12-31T23:59:59.999Z"),
        ])
    func `Times are UTC`(seconds: Int, milliseconds: Int, text: String) {
        #expect(RFC3339.text(seconds: seconds, milliseconds: milliseconds) == text)
    }
}
