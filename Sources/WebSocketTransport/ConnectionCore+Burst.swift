import WebSocketProtocol

// The short way from a read to a write: what is answered to the messages of one read is gathered in a buffer that the
// connections of the loop take turns with, and written from there.
//
// Only one connection has the buffer, while its callbacks are called for a read or the tasks run that a read has woken,
// and only while its answers need nothing but a header: a server's, uncompressed, with nothing that waits ahead of
// them. Whatever else happens meanwhile finds them in the outbox (see `outbox`), in front of all that comes later.

extension ConnectionCore {
    /// Takes the buffer, if what is sent from here on may be gathered there.
    func beginBurst() {
        guard burst == nil, !isOver, maySendBurst, gathered.isEmpty, hasNothingButOutbox, inFlight.isEmpty
        else { return }
        burst = scratch.takeBurst()
        burst?.begin(largestPayload: shared.largestGathered)
    }

    /// A message in pieces that is under way has its place in `outbound`, so there is none with nothing but the
    /// outbox.
    private var maySendBurst: Bool { endpoint.role == .server && deflate == nil && outside == nil }

    /// Gathers a message that may go at once.
    ///
    /// - Returns: false when it has to go the long way, which also judges and explains.
    @inline(__always)
    func gather(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard let burst, outbound.isEmpty, scratch.putOffWork.isEmpty,
            outboxPayload + inFlightPayload <= shared.options.outboundLimit,
            burst.count + inFlightWire < Self.transportWindow, burst.append(kind, payload)
        else { return false }
        outboxPayload += payload.count
        return true
    }

    /// Moves what was gathered to where it would be without the buffer. The buffer stays this connection's.
    func spillBurst() {
        guard let burst, burst.count > 0 else { return }
        let sums = burst.sums
        shared.traffic.sent(texts: sums.texts, binaries: sums.binaries)
        deadlines.messagePassed()
        if gathered.capacity == 0 { gathered = scratch.takeOutput() }
        gathered.append(contentsOf: burst.bytes)
        burst.begin(largestPayload: shared.largestGathered)
    }

    /// Gives the buffer up before the read is over: from here on messages go the long way.
    func leaveBurst() {
        guard let burst else { return }
        spillBurst()
        self.burst = nil
        scratch.giveBack(burst)
    }

    /// Writes what was gathered, if there is nothing else to write.
    ///
    /// - Returns: false when there may be something else.
    func writeBurst() -> Bool {
        guard let burst else { return false }
        let sums = burst.sums
        guard sums.bytes > 0, gathered.isEmpty, hasNothingButOutbox, !isOver else {
            leaveBurst()
            return false
        }
        // Not the connection's any more, and not yet anybody else's: the transport may have the peer answer
        // before it returns, where both are in one process.
        self.burst = nil
        let write = (wire: sums.bytes, payload: outboxPayload)
        outboxPayload = 0
        shared.count {
            $0.sent(texts: sums.texts, binaries: sums.binaries)
            $0.payloadSent.add(write.payload)
        }
        deadlines.messagePassed()
        if !hand(RawSpan(_unsafeBytes: burst.bytes)) { wrote(write) }
        scratch.giveBack(burst)
        return true
    }

    /// Writes what was gathered since ``beginBurst()``, and what tasks have sent in other ways.
    func endBurst() {
        if !writeBurst() { turnEnded() }
    }

    private func hand(_ bytes: RawSpan) -> Bool {
        #if os(Linux)
        if let native { return native._withUnsafeGuaranteedRef { $0.write(bytes, RawSpan()) } }
        #endif
        return transport?.write(bytes) ?? true
    }
}
