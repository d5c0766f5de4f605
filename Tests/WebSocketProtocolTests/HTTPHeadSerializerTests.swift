import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Writing heads")
struct HTTPHeadSerializerTests {
    private func request(
        authority: String? = "a.example",
        path: String? = "/",
        _ fields: HTTPFields = [:]
    ) throws(UsageError) -> String {
        latin1Text(
            try HTTPHeadSerializer.bytes(
                of: HTTPRequest(
                    method: .get,
                    scheme: nil,
                    authority: authority,
                    path: path,
                    headerFields: fields
                )
            )
        )
    }

    @Test("A request is its line, its host and its fields in order")
    func wholeRequest() throws {
        var fields: HTTPFields = [.upgrade: "websocket", .connection: "Upgrade"]
        fields.append(HTTPField(name: try #require(HTTPField.Name("x-Own")), value: "1, 2"))
        fields.append(HTTPField(name: .upgrade, value: ""))
        #expect(
            try request(authority: "[::1]:81", path: "/a?b=c", fields)
                == "GET /a?b=c HTTP/1.1\r\nHost: [::1]:81\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "x-Own: 1, 2\r\nUpgrade: \r\n\r\n"
        )
    }

    @Test("A request without a path asks for the root, one without an authority has no Host")
    func defaults() throws {
        #expect(try request(authority: nil, path: nil) == "GET / HTTP/1.1\r\n\r\n")
    }

    @Test("Bytes above 7F in a value go out as they are")
    func bytesAbove7F() throws {
        let field = HTTPField(name: .cookie, value: [0x61, 0x80, 0xFF, 0x62])
        #expect(
            try request(HTTPFields([field]))
                == "GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a\u{80}\u{FF}b\r\n\r\n"
        )
    }

    @Test("Every byte that a target cannot hold is refused in a path")
    func path() throws {
        for scalar in latin1Scalars {
            let path = "/a\(Character(scalar))b"
            if (0x21...0x7E).contains(scalar.value), scalar != "#" {
                #expect(try request(path: path).hasPrefix("GET \(path) HTTP/1.1\r\n"))
            } else {
                #expect(throws: UsageError.self, "\(scalar.value)") { try request(path: path) }
            }
        }
        #expect(throws: UsageError.invalidTarget("")) { try request(path: "") }
    }

    @Test("A path with a second request in it is refused")
    func requestInPath() {
        // The field type has made blanks of the line breaks by then.
        #expect(throws: UsageError.invalidTarget("/ HTTP/1.1  X: y")) {
            try request(path: "/ HTTP/1.1\r\nX: y")
        }
    }

    @Test(
        "What is no host is refused as authority",
        arguments: ["", "a b", "a/", "u@a", "a:x", "a\u{1}b", "a\tb", "[a]", "a#b", "é"]
    )
    func authority(_ text: String) {
        #expect(throws: UsageError.self) { try request(authority: text) }
    }

    @Test("No value can end its line, whichever byte it holds")
    func injection() throws {
        for byte in UInt8.min...UInt8.max {
            for field in [
                HTTPField(name: .cookie, value: [0x61, byte, 0x62]),
                HTTPField(name: .cookie, lenientValue: [0x61, byte, 0x62]),
            ] {
                let text = try request(HTTPFields([field]))
                let lines = latin1(text).split(separator: 0x0A, omittingEmptySubsequences: false)
                #expect(lines.count == 5, "\(byte)")
                #expect(
                    lines.dropLast().allSatisfy { $0.last == 0x0D && $0.dropLast().allSatisfy { $0 != 0x0D } }
                )
                #expect(!text.unicodeScalars.contains("\0"))
            }
        }
    }

    @Test("A response is its status and its fields in order")
    func response() {
        let response = HTTPResponse(
            status: .init(code: 426, reasonPhrase: "Upgrade Required"),
            headerFields: [.upgrade: "websocket", .connection: "close"]
        )
        #expect(
            latin1Text(HTTPHeadSerializer.bytes(of: response))
                == "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n"
        )
    }

    @Test("A response without a reason keeps the blank that stands before it (RFC 9112 §4)")
    func noReason() {
        #expect(
            latin1Text(HTTPHeadSerializer.bytes(of: HTTPResponse(status: 599))) == "HTTP/1.1 599 \r\n\r\n"
        )
    }

    @Test("A reason phrase cannot end its line")
    func reasonPhrase() {
        let response = HTTPResponse(status: .init(code: 400, reasonPhrase: "a\r\nX: y\r\n\r\nz"))
        #expect(latin1Text(HTTPHeadSerializer.bytes(of: response)) == "HTTP/1.1 400 a  X: y    z\r\n\r\n")
    }
}
