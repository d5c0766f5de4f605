/// Plain HTTP requests, each on a connection of its own that is read to its end.
package enum HTTPGet {
    package struct Answer: Sendable {
        package let status: Int
        /// In lower case.
        package let head: String
        package let body: String
    }

    package static func get(port: Int, _ path: String) async throws -> Answer {
        try await answer(port: port, "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n")
    }

    /// Sends a request as it stands and reads until the server hangs up.
    package static func answer(port: Int, _ request: String) async throws -> Answer {
        let text = try await RawConnection.with(port: port) { connection in
            try await connection.write(request)
            return String(decoding: try await connection.readToEnd(), as: UTF8.self)
        }
        guard let end = text.firstRange(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
            throw TookTooLong(limit: .zero, what: "an HTTP answer in \"\(text)\"")
        }
        return Answer(
            status: status,
            head: text[..<end.lowerBound].lowercased(),
            body: String(text[end.upperBound...])
        )
    }
}
