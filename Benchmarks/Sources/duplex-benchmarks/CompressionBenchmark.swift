import WebSocketProtocol

/// JSON-like messages of a kibibyte, echoed through two endpoints: what compression saves and what it costs.
struct CompressionBenchmark {
    struct Line {
        /// Bytes of a message.
        let size: Int
        /// zlib's level, or `nil` for none.
        let level: Int?
        let keepsContext: Bool
        /// Payload bytes per byte on the wire, headers included.
        let ratio: Double
        /// Nanoseconds to frame a message.
        let send: Summary
        /// Nanoseconds to read it.
        let receive: Summary
    }

    /// Messages of a kibibyte at every level.
    static func levels(_ plan: Plan) -> [Line] {
        let settings: [(level: Int?, keepsContext: Bool)] =
            [(nil, false)] + [1, 3, 6, 9].map { ($0, false) } + [1, 6].map { ($0, true) }
        return settings.map { measure(1024, $0.level, $0.keepsContext, plan) }
    }

    /// Messages of every size at the default level.
    static func sizes(_ plan: Plan) -> [Line] {
        let level = DeflateOptions().level
        return [64, 128, 256, 512, 1024, 4096, 16384].flatMap { size in
            [measure(size, nil, false, plan), measure(size, level, false, plan)]
        }
    }

    private static func measure(_ size: Int, _ level: Int?, _ keepsContext: Bool, _ plan: Plan) -> Line {
        var echo = CompressedEcho(size: size, level: level, keepsContext: keepsContext)
        return echo.measure(size, level, keepsContext, budget: plan.messageBudget / 2)
    }
}

/// A server that sends records and a client that reads them.
private struct CompressedEcho {
    private let messages: [[UInt8]]
    private var sender: WebSocketEndpoint
    private var receiver: WebSocketEndpoint
    private var wire: [UInt8] = []
    private var received = 0

    init(size: Int, level: Int?, keepsContext: Bool) {
        messages = (0..<64).map { Self.record($0, size: size) }
        let direction = DeflateAgreement.Direction(keepsContext: keepsContext, windowBits: 15)
        let agreement = DeflateAgreement(server: direction, client: direction)
        let pool = DeflatePool()
        func deflate(_ role: Role) -> PerMessageDeflate? {
            level.map {
                PerMessageDeflate(agreement, DeflateOptions(level: $0, threshold: 0), role: role, pool: pool)
            }
        }
        sender = WebSocketEndpoint(role: .server, messageExtension: deflate(.server))
        receiver = WebSocketEndpoint(role: .client, messageExtension: deflate(.client))
    }

    /// As services send them: the same keys, other values.
    private static func record(_ number: Int, size: Int) -> [UInt8] {
        var text = "{\"type\":\"update\",\"sequence\":\(100_000 + number * 37),\"items\":["
        var item = 0
        while text.utf8.count < size {
            let id = (number * 7919 + item * 104_729) % 1_000_003
            text +=
                "{\"id\":\(id),\"price\":\(Double(id % 9973) / 100),\"name\":\"item \(id % 97)\",\"stock\":\(id % 13)},"
            item += 1
        }
        return Array(text.utf8.prefix(size))
    }

    mutating func measure(_ size: Int, _ level: Int?, _ keepsContext: Bool, budget: Duration)
        -> CompressionBenchmark.Line
    {
        var sendTimes: [Double] = []
        var receiveTimes: [Double] = []
        var wireBytes = 0
        var payloadBytes = 0
        let end = ContinuousClock.now + budget
        // What remembers has to be read in the order it was written, so each batch is sent and then read.
        while sendTimes.count < 5 || ContinuousClock.now < end {
            let start = ContinuousClock.now
            send()
            let middle = ContinuousClock.now
            receive()
            let finish = ContinuousClock.now
            sendTimes.append((middle - start).nanoseconds / Double(messages.count))
            receiveTimes.append((finish - middle).nanoseconds / Double(messages.count))
            wireBytes += wire.count
            payloadBytes += messages.reduce(0) { $0 + $1.count }
        }
        precondition(received == sendTimes.count * messages.count, "a message was lost")
        return CompressionBenchmark.Line(
            size: size,
            level: level,
            keepsContext: keepsContext,
            ratio: Double(payloadBytes) / Double(wireBytes),
            send: Summary(of: sendTimes),
            receive: Summary(of: receiveTimes)
        )
    }

    private mutating func send() {
        wire.removeAll(keepingCapacity: true)
        for index in messages.indices {
            let message = messages[index]
            let bytes = message.span.bytes
            do throws(UsageError) {
                try sender.send(.text, bytes, into: &wire)
            } catch {
                preconditionFailure("an open endpoint refused to send: \(error)")
            }
        }
    }

    private mutating func receive() {
        var offset = 0
        wire.withUnsafeMutableBytes { wire in
            while let event = receiver.receive(wire, at: &offset) {
                if case .message = event { received += 1 }
            }
        }
    }
}
