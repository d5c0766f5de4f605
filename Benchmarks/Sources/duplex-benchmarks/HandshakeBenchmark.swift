import WebSocketProtocol

/// The server's half of the opening handshake: a request's bytes in, the bytes of the answer out.
struct HandshakeBenchmark {
    struct Line {
        let request: String
        let size: Int
        /// Nanoseconds per handshake: parsing and checking the request.
        let read: Summary
        /// Nanoseconds per handshake: agreeing on extensions and writing the answer.
        let answer: Summary
        /// Allocations per handshake; `nil` where nobody counts.
        let allocations: Double?
    }

    static func run(_ plan: Plan) -> [Line] {
        [("of a program", ofAProgram), ("of a browser", ofABrowser)].map { name, text in
            measure(name, Array(text.utf8), budget: plan.messageBudget)
        }
    }

    private static let required = """
        GET /echo HTTP/1.1\r
        Host: 127.0.0.1:9001\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r

        """

    private static let ofAProgram = required + "\r\n"

    // As long as what browsers send, and with what they offer.
    private static let ofABrowser =
        required + """
            Pragma: no-cache\r
            Cache-Control: no-cache\r
            User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r
            Origin: http://127.0.0.1:9001\r
            Accept-Encoding: gzip, deflate, br, zstd\r
            Accept-Language: en-US,en;q=0.9\r
            Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r
            \r

            """

    private static func measure(_ name: String, _ request: [UInt8], budget: Duration) -> Line {
        guard let handshake = read(request), !answer(to: handshake).isEmpty else {
            preconditionFailure("a valid request was refused")
        }
        let readTurn = Turn { _ = read(request) }
        let answerTurn = Turn { _ = answer(to: handshake) }
        var readTimes: [Double] = []
        var answerTimes: [Double] = []
        let end = ContinuousClock.now + budget
        while readTimes.count < 5 || ContinuousClock.now < end {
            readTimes.append(readTurn.take { _ = read(request) })
            answerTimes.append(answerTurn.take { _ = answer(to: handshake) })
        }
        let rounds = 1024
        let allocations = AllocationCounter.count {
            for _ in 0..<rounds {
                guard let handshake = read(request) else { continue }
                _ = answer(to: handshake)
            }
        }
        return Line(
            request: name,
            size: request.count,
            read: Summary(of: readTimes),
            answer: Summary(of: answerTimes),
            allocations: allocations.map { Double($0) / Double(rounds) }
        )
    }

    // Never inlined, so that no work is left out for a result that nobody looks at.
    @inline(never)
    private static func read(_ request: [UInt8]) -> ServerHandshake? {
        var parser = HTTPRequestParser()
        var offset = 0
        do {
            guard
                let head = try request.withUnsafeBytes({ bytes throws(ProtocolError) in
                    try parser.parse(bytes, at: &offset)
                })
            else { return nil }
            return try ServerHandshake(checking: head)
        } catch {
            return nil
        }
    }

    @inline(never)
    private static func answer(to handshake: ServerHandshake) -> [UInt8] {
        var response: [UInt8] = []
        // What was agreed on beside the response is the connection's to know.
        _ = try? handshake.accept(compression: DeflateOptions(), into: &response)
        return response
    }
}
