import Testing
import WebSocketProtocol

/// An event with its bytes, wherever they lay.
enum Seen: Equatable {
    case text(String)
    case binary([UInt8])
    /// A message in parts: how much of it is there, and whether that is all.
    case part(MessageKind, [UInt8], isLast: Bool)
    case ping(String)
    case pong(String)
    case close(ClosePayload)
    case failed(ProtocolError)

    init(_ event: Event, in input: [UInt8]) {
        func bytes(_ payload: Payload) -> [UInt8] { payload.bytes(in: input.span.bytes) }
        func text(_ payload: Payload) -> String { String(decoding: bytes(payload), as: UTF8.self) }
        self =
            switch event {
            case .message(.text, let payload): .text(text(payload))
            case .message(.binary, let payload): .binary(bytes(payload))
            case .part(let kind, let payload, let isLast): .part(kind, bytes(payload), isLast: isLast)
            case .ping(let payload): .ping(text(payload))
            case .pong(let payload): .pong(text(payload))
            case .close(let payload): .close(payload)
            case .failed(let error): .failed(error)
            }
    }
}

/// What came of some input.
struct Outcome: Equatable {
    var events: [Seen] = []
    /// What the endpoint sent by itself: pongs and close frames.
    var replies: [WireFrame] = []
    var state = CloseHandshake.State.open

    /// Parts come as the input is cut; joined, they must not differ.
    mutating func add(_ seen: Seen) {
        if case .part(let kind, let more, let isLast) = seen,
            case .part(kind, let bytes, isLast: false) = events.last
        {
            events[events.count - 1] = .part(kind, bytes + more, isLast: isLast)
        } else {
            events.append(seen)
        }
    }
}

/// Feeds an endpoint piece by piece, and takes its replies behind every event.
///
/// - Parameter shortcut: whether messages that lie whole in a piece are taken the short way, as a connection does.
func outcome(
    of pieces: some Sequence<ArraySlice<UInt8>>,
    at endpoint: WebSocketEndpoint,
    shortcut: Bool = false
) throws -> Outcome {
    var endpoint = endpoint
    var outcome = Outcome()
    var replies: [UInt8] = []
    for piece in pieces {
        var input = Array(piece)
        var offset = 0
        // Each event uses a byte at least, but for those that fail on none.
        for _ in 0...(2 * input.count + 1) {
            let event = input.withUnsafeMutableBytes { bytes -> Event? in
                if shortcut, let message = endpoint.receiveWhole(bytes, at: &offset) {
                    return .message(message.kind, .input(message.range))
                }
                return endpoint.receive(bytes, at: &offset)
            }
            guard let event else { break }
            outcome.add(Seen(event, in: input))
            endpoint.drainReplies(into: &replies)
        }
        try #require(offset == input.count, "input was left lying")
    }
    outcome.replies = try #require(WireFrame.read(replies, from: endpoint.role))
    outcome.state = endpoint.closeHandshake.state
    return outcome
}

/// What comes of frames from the peer, which must not depend on where the bytes are cut.
func outcomeHoweverCut(
    _ bytes: [UInt8],
    at endpoint: WebSocketEndpoint,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Outcome {
    let whole = try outcome(of: [bytes[...]], at: endpoint)
    // Every cut of a long input would take the square of its size; five hundred of them will do.
    for cut in stride(from: 0, to: bytes.count, by: bytes.count / 500 + 1) {
        let other = try outcome(of: [bytes[..<cut], bytes[cut...]], at: endpoint)
        try #require(other == whole, "another outcome when cut at \(cut)", sourceLocation: sourceLocation)
        let short = try outcome(of: [bytes[..<cut], bytes[cut...]], at: endpoint, shortcut: true)
        try #require(
            short == whole,
            "another outcome the short way, cut at \(cut)",
            sourceLocation: sourceLocation
        )
    }
    let single = try outcome(of: bytes.indices.lazy.map { bytes[$0...$0] }, at: endpoint)
    #expect(single == whole, "another outcome byte by byte", sourceLocation: sourceLocation)
    return whole
}

/// ``outcomeHoweverCut(_:at:sourceLocation:)`` of the peer's frames.
func outcome(
    of frames: [WireFrame],
    role: Role,
    limits: Limits = Limits(),
    delivery: Delivery = .messages,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Outcome {
    try outcomeHoweverCut(
        frames.flatMap { $0.bytes(from: role.peer) },
        at: WebSocketEndpoint(role: role, limits: limits, delivery: delivery),
        sourceLocation: sourceLocation
    )
}
