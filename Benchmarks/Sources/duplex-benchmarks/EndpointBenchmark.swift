import WebSocketProtocol

/// Whole small messages through a ``WebSocketEndpoint``: frames parsed, unmasked and checked on the way in,
/// put together and masked on the way out.
struct EndpointBenchmark {
    struct Line {
        let role: Role
        let kind: MessageKind
        let size: Int
        /// Nanoseconds per message.
        let receive: Summary
        /// Nanoseconds per message.
        let send: Summary
        /// Allocations per message received and sent; `nil` where nobody counts.
        let allocations: Double?
    }

    static func run(_ plan: Plan) -> [Line] {
        [Role.server, .client].flatMap { role in
            [MessageKind.binary, .text].flatMap { kind in
                [64, 1024].map { size in
                    var exchange = Exchange(role: role, kind: kind, size: size)
                    return exchange.measure(budget: plan.messageBudget)
                }
            }
        }
    }
}

/// An endpoint, and what its peer sends it in one read.
private struct Exchange {
    /// Messages in one read, and sent into one output: more than a quiet connection sees, so that what is
    /// measured is the message and not the call around it.
    private static let batch = 16

    private let kind: MessageKind
    private let message: [UInt8]
    private let wire: [UInt8]

    private var endpoint: WebSocketEndpoint
    private var input: [UInt8]
    private var output: [UInt8] = []
    private var received = 0

    init(role: Role, kind: MessageKind, size: Int) {
        self.kind = kind
        message = (0..<size).map { UInt8(truncatingIfNeeded: 0x20 + $0 % 0x5F) }
        endpoint = WebSocketEndpoint(role: role)
        var peer = WebSocketEndpoint(role: role == .server ? .client : .server)
        var wire: [UInt8] = []
        for _ in 0..<Self.batch { Self.send(kind, message, from: &peer, into: &wire) }
        self.wire = wire
        input = wire
    }

    mutating func measure(budget: Duration) -> EndpointBenchmark.Line {
        let receiveTurn = Turn { receive() }
        let sendTurn = Turn { send() }
        var receiveTimes: [Double] = []
        var sendTimes: [Double] = []
        let end = ContinuousClock.now + budget
        while receiveTimes.count < 5 || ContinuousClock.now < end {
            receiveTimes.append(receiveTurn.take { receive() } / Double(Self.batch))
            sendTimes.append(sendTurn.take { send() } / Double(Self.batch))
        }
        // Enough of them to meet what happens only once in a while, such as drawing masking keys.
        let rounds = 1024
        let allocations = AllocationCounter.count {
            for _ in 0..<rounds {
                receive()
                send()
            }
        }
        precondition(received > 0 && received.isMultiple(of: Self.batch), "a message was lost")
        return EndpointBenchmark.Line(
            role: endpoint.role,
            kind: kind,
            size: message.count,
            receive: Summary(of: receiveTimes),
            send: Summary(of: sendTimes),
            allocations: allocations.map { Double($0) / Double(rounds * Self.batch) }
        )
    }

    /// Reads one batch. Unmasking changes the input, so it is copied anew each time, as a read from a
    /// socket would; that is part of the figure.
    private mutating func receive() {
        wire.withUnsafeBytes { wire in
            input.withUnsafeMutableBytes { input in
                input.copyMemory(from: wire)
                var offset = 0
                while let event = endpoint.receive(input, at: &offset) {
                    if case .message = event { received += 1 }
                }
            }
        }
    }

    private mutating func send() {
        output.removeAll(keepingCapacity: true)
        for _ in 0..<Self.batch { Self.send(kind, message, from: &endpoint, into: &output) }
    }

    private static func send(
        _ kind: MessageKind,
        _ message: [UInt8],
        from endpoint: inout WebSocketEndpoint,
        into output: inout [UInt8]
    ) {
        do throws(UsageError) {
            try endpoint.send(kind, message.span.bytes, into: &output)
        } catch {
            preconditionFailure("an open endpoint refused to send: \(error)")
        }
    }
}
