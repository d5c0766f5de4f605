import WebSocketProtocol

/// Messages that go to the same receivers one right after the other, put together once for all of them: what a
/// topic has gathered in one turn of a loop. To be used on that loop only.
package final class PreparedBatch {
    package let messages: [PreparedMessage]
    /// Payload bytes.
    package let payload: Int
    let largestMessage: Int
    let texts: Int
    /// Their frames on end, by what compresses them.
    private var frames: [(key: PerMessageDeflate.SharedFrameKey?, bytes: [UInt8])] = []

    package init(_ messages: [PreparedMessage]) {
        self.messages = messages
        payload = messages.reduce(0) { $0 + $1.message.bytes.count }
        largestMessage = messages.reduce(0) { max($0, $1.message.bytes.count) }
        texts = messages.reduce(0) { $0 + ($1.message.kind == .text ? 1 : 0) }
    }

    /// The frames for a connection, on end.
    ///
    /// - Returns: `nil` when its compressor remembers what it has sent, so that no frame can be shared.
    func bytes(for deflate: PerMessageDeflate?) -> [UInt8]? {
        let key = deflate?.sharedFrameKey
        if deflate != nil, key == nil, messages.contains(where: \.message.allowsCompression) { return nil }
        if let known = frames.first(where: { $0.key == key }) { return known.bytes }
        var bytes: [UInt8] = []
        for message in messages { bytes += message.frame(for: deflate) ?? [] }
        frames.append((key, bytes))
        return bytes
    }
}

extension ConnectionCore {
    /// Sends all of a batch, at once if nothing else waits.
    ///
    /// - Returns: how many of its messages were accepted: fewer than there are when the connection ended meanwhile.
    /// - Throws: ``SendError`` when none was.
    func send(_ batch: PreparedBatch) throws(SendError) -> Int {
        try checkMaySend()
        try checkRoom()
        guard endpoint.role == .server, mayGoAtOnce(batch.largestMessage),
            let frames = batch.bytes(for: deflate)
        else {
            for (accepted, message) in batch.messages.enumerated() {
                do throws(SendError) {
                    try enqueue(message.message)
                } catch {
                    guard accepted > 0 else { throw error }
                    return accepted
                }
            }
            return batch.messages.count
        }
        drainReplies()
        deadlines.messagePassed()
        outboxPayload += batch.payload
        shared.traffic.sent(texts: batch.texts, binaries: batch.messages.count - batch.texts)
        if outbox.isEmpty || frames.count >= payloadSizeForReference {
            writeOutbox(frames.span.bytes)
        } else {
            outbox.append(contentsOf: frames)
            flushSoon()
        }
        return batch.messages.count
    }
}

extension WebSocketConnection.Isolated {
    /// Sends all of a batch.
    ///
    /// - Returns: how many of its messages were accepted.
    /// - Throws: ``SendError`` when none was.
    package func send(_ batch: PreparedBatch) throws(SendError) -> Int { try core.send(batch) }
}

extension WebSocketConnection {
    /// This connection as its loop sees it, to whoever is there.
    package var isolated: Isolated? { coreOnLoop.map(Isolated.init) }
}
