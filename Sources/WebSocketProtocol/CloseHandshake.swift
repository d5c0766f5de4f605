/// The closing handshake (RFC 6455 §5.5.1, §7): who said what, and what is owed.
///
/// A pure state machine: each transition returns what the caller has to do, and does nothing itself.
public struct CloseHandshake: Sendable, Hashable {
    /// Which end began.
    public enum Initiator: Sendable, Hashable {
        case local
        case peer
    }

    ///
    /// Indirect, so that a connection on which nobody closes holds no room for what closing leaves behind.
    public indirect enum State: Sendable, Hashable {
        /// No close frame either way.
        case open
        /// Ours is sent; the peer's is awaited.
        case closeSent(ClosePayload)
        /// The peer's is here; our answer is owed.
        case closeReceived(ClosePayload)
        /// Both went through: the closing handshake is complete.
        case complete(sent: ClosePayload, received: ClosePayload, by: Initiator)
        /// The peer broke the protocol. `owed` is the close frame that tells it so, until it is taken;
        /// `sent` is the one that went out, if any did.
        case failed(ProtocolError, sent: ClosePayload?, owed: ClosePayload?)
    }

    public private(set) var state: State = .open {
        didSet { (maySendData, mayReceive) = (state == .open, state.mayReceive) }
    }

    public init() {}

    // Stored, since they are asked for with each message.

    /// Whether data may still be sent (§5.5.1: none after a close frame).
    public private(set) var maySendData = true

    /// Whether anything the peer sends still matters (§1.4, §5.5.1: nothing after its close frame, and
    /// §7.1.7: nothing after the connection has been failed).
    public private(set) var mayReceive = true

    /// We want to close.
    ///
    /// - Returns: the frame to send, or `nil` when closing has begun already.
    public mutating func close(_ payload: ClosePayload) -> ClosePayload? {
        guard state == .open else { return nil }
        state = .closeSent(payload)
        return payload
    }

    /// The peer's close frame arrived.
    public mutating func receive(_ payload: ClosePayload) {
        switch state {
        case .open: state = .closeReceived(payload)
        case .closeSent(let sent): state = .complete(sent: sent, received: payload, by: .local)
        case .closeReceived, .complete, .failed: break
        }
    }

    /// The peer broke the protocol (§7.1.7, _Fail the WebSocket Connection_).
    public mutating func fail(_ error: ProtocolError) {
        switch state {
        case .open: state = .failed(error, sent: nil, owed: ClosePayload(failing: error))
        // A close frame went out already; a second one must not.
        case .closeSent(let sent): state = .failed(error, sent: sent, owed: nil)
        case .closeReceived, .complete, .failed: break
        }
    }

    /// Whether a close frame of ours is due.
    public var owesFrame: Bool {
        switch state {
        case .closeReceived: true
        case .failed(_, _, let owed): owed != nil
        default: false
        }
    }

    /// Takes the close frame that is due, which counts as sending it.
    public mutating func takeOwedFrame() -> ClosePayload? {
        switch state {
        case .closeReceived(let received):
            // RFC 6455 §5.5.1: the answer typically echoes the code. The reason is echoed with it, so
            // that the end that began finds its own words in its close event.
            state = .complete(sent: received, received: received, by: .peer)
            return received
        case .failed(let error, _, let owed?):
            state = .failed(error, sent: owed, owed: nil)
            return owed
        default:
            return nil
        }
    }

    /// The close frame we sent, if one went out.
    public var sent: ClosePayload? {
        switch state {
        case .open, .closeReceived: nil
        case .closeSent(let sent), .complete(let sent, _, _): sent
        case .failed(_, let sent, _): sent
        }
    }

    /// The close frame the peer sent, if one arrived whole and valid.
    public var received: ClosePayload? {
        switch state {
        case .closeReceived(let received), .complete(_, let received, _): received
        default: nil
        }
    }

    /// The code an application is told (§7.1.5): that of the peer's close frame, 1005 when it held none,
    /// 1006 when none arrived.
    public var code: CloseCode {
        guard let received else { return .abnormalClosure }
        return received.code ?? .noStatusReceived
    }

    /// The reason an application is told (§7.1.6).
    public var reason: String { received?.reason ?? "" }

    /// Whether both close frames went through (§7.1.4: _closed cleanly_).
    public var isComplete: Bool {
        if case .complete = state { true } else { false }
    }
}

extension CloseHandshake.State {
    fileprivate var mayReceive: Bool {
        switch self {
        case .open, .closeSent: true
        case .closeReceived, .complete, .failed: false
        }
    }
}
