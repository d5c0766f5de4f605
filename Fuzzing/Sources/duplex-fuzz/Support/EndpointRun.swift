import WebSocketProtocol

/// An event with its bytes, wherever they lay.
enum Seen: Equatable {
    case message(MessageKind, [UInt8])
    /// All parts of a message so far.
    case parts(MessageKind, [UInt8], isLast: Bool)
    case ping([UInt8])
    case pong([UInt8])
    case close(ClosePayload)
    case failed(ProtocolError)

    /// Whether it stands in the same place of the stream however that is cut.
    var isWhole: Bool {
        if case .parts(_, _, isLast: false) = self { false } else { true }
    }
}

/// An endpoint, fed piece by piece, its replies taken behind every event. What must hold at every step is
/// checked here.
struct EndpointRun {
    private var endpoint: WebSocketEndpoint
    /// Behind which event this end begins to close by itself.
    private let closesBehind: Int?
    private let shortcut: Bool
    private var whole = 0
    private(set) var events: [Seen] = []

    /// - Parameter shortcut: whether messages that lie whole in a piece are taken the short way, as a connection
    ///   does.
    init(_ endpoint: WebSocketEndpoint, closesBehind: Int?, shortcut: Bool = false) {
        self.shortcut = shortcut
        self.endpoint = endpoint
        self.closesBehind = closesBehind
    }

    var state: CloseHandshake.State { endpoint.closeHandshake.state }

    mutating func feed(_ pieces: [ArraySlice<UInt8>]) {
        for piece in pieces {
            var input = Array(piece)
            var offset = 0
            // An event uses a byte at least, but for the end of a message without any.
            var left = 2 * input.count + 2
            while true {
                let before = state
                let event = input.withUnsafeMutableBytes { bytes -> Event? in
                    if shortcut, let message = endpoint.receiveWhole(bytes, at: &offset) {
                        return .message(message.kind, .input(message.range))
                    }
                    return endpoint.receive(bytes, at: &offset)
                }
                require(offset >= 0 && offset <= input.count, "read to byte \(offset) of \(input.count)")
                guard let event else { break }
                require(before == .open || before.isCloseSent, "\(event) behind the end")
                left -= 1
                require(left > 0, "events without end")
                take(event, input, wasOpen: before == .open)
            }
            require(offset == input.count, "input was left lying")
        }
        require(!endpoint.owesReplies, "replies without an event")
        if !endpoint.closeHandshake.mayReceive {
            require(!endpoint.isReceivingMessage, "holds on to what will never be whole")
        }
    }

    mutating func end() { endpoint.end() }

    private mutating func take(_ event: Event, _ input: [UInt8], wasOpen: Bool) {
        func bytes(_ payload: Payload) -> [UInt8] {
            let bytes = payload.bytes(in: input.span.bytes)
            require(bytes.count == payload.count, "a payload of another size than it says")
            return bytes
        }
        var isEndOfMessage = true
        switch event {
        case .message(let kind, let payload): note(.message(kind, bytes(payload)))
        case .part(let kind, let payload, let isLast):
            isEndOfMessage = isLast
            require(isLast || payload.count > 0, "a part that says nothing")
            if case .parts(let begun, let earlier, isLast: false) = events.last {
                requireSame(begun, kind, "a message that changes its kind")
                events[events.count - 1] = .parts(kind, earlier + bytes(payload), isLast: isLast)
            } else {
                events.append(.parts(kind, bytes(payload), isLast: isLast))
            }
        case .ping(let payload): note(.ping(bytes(payload)))
        case .pong(let payload): note(.pong(bytes(payload)))
        case .close(let payload): note(.close(payload))
        case .failed(let error): note(.failed(error))
        }
        checkReplies(to: event, bytes, wasOpen: wasOpen)
        guard isEndOfMessage else { return }
        whole += 1
        if whole == closesBehind {
            var output: [UInt8] = []
            let begins = state == .open
            let began = endpoint.close(.empty, into: &output)
            require(began == begins && output.isEmpty != begins, "closing began \(began), not \(begins)")
        }
    }

    /// A control frame between the parts of a message must not part what is to be joined.
    private mutating func note(_ seen: Seen) {
        switch (seen, events.last) {
        case (.ping, .parts(_, _, isLast: false)), (.pong, .parts(_, _, isLast: false)):
            events.insert(seen, at: events.count - 1)
        default: events.append(seen)
        }
    }

    /// RFC 6455 §5.5.1–§5.5.3, §7.1.7: what is owed, and not a frame more.
    private mutating func checkReplies(to event: Event, _ bytes: (Payload) -> [UInt8], wasOpen: Bool) {
        var output: [UInt8] = []
        endpoint.drainReplies(into: &output)
        guard let frames = WireFrame.read(output, from: endpoint.role) else {
            fatalError("replies that are no frames")
        }
        var expected: [WireFrame] = []
        switch event {
        case _ where !wasOpen: break
        case .ping(let payload): expected = [WireFrame(opcode: 10, payload: bytes(payload))]
        case .close(let close):
            let code = close.code.map { [UInt8($0.rawValue >> 8), UInt8($0.rawValue & 0xFF)] } ?? []
            expected = [WireFrame(opcode: 8, payload: code + close.reason.utf8)]
        case .failed(let error):
            let code = error.closeCode.rawValue
            let reason = frames.first?.payload.dropFirst(2) ?? []
            require(String(validating: reason, as: UTF8.self) != nil, "a reason that is not UTF-8")
            require(reason.count <= 123, "a reason of \(reason.count) bytes")
            require([1002, 1007, 1008, 1009].contains(code), "a failure with code \(code)")
            expected = [WireFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)]
        default: break
        }
        requireSame(frames, expected, "replies to \(event)")
    }
}

extension CloseHandshake.State {
    fileprivate var isCloseSent: Bool {
        if case .closeSent = self { true } else { false }
    }
}

extension EndpointRun {
    /// What must hold of events, whatever the bytes were.
    func check(_ limits: Limits, _ delivery: Delivery) {
        for (index, event) in events.enumerated() {
            let isLast = index == events.count - 1
            switch event {
            case .message(let kind, let bytes):
                require(delivery == .messages, "a whole message, though parts were wanted")
                require(bytes.count <= limits.maxMessageSize, "a message of \(bytes.count) bytes")
                requireText(kind, bytes)
            case .parts(let kind, let bytes, let isWhole):
                require(delivery == .parts, "parts, though whole messages were wanted")
                // The end of what is unfinished may be half a character.
                if isWhole { requireText(kind, bytes) }
            case .ping(let bytes), .pong(let bytes):
                require(bytes.count <= 125, "a control frame of \(bytes.count) bytes")
            case .close(let close):
                require(isLast, "something behind a close frame")
                let code = close.code?.rawValue ?? 1000
                require(
                    (1000...1003).contains(code) || (1007...1014).contains(code)
                        || (3000...4999).contains(code),
                    "close code \(code)"
                )
            case .failed(let error):
                require(isLast, "something behind a failure")
                require(!error.description.isEmpty, "a failure without words")
            }
        }
    }

    /// By the standard library's own reading of UTF-8.
    private func requireText(_ kind: MessageKind, _ bytes: [UInt8]) {
        require(kind != .text || String(validating: bytes, as: UTF8.self) != nil, "text that is not UTF-8")
    }

    /// The events, as far as they do not depend on the cuts: how much of an unfinished message was handed out
    /// before a failure does.
    var settledEvents: [Seen] {
        guard case .failed = events.last else { return events }
        return events.filter(\.isWhole)
    }
}
