import WebSocketProtocol

// The connection's side of `Outside`: what tasks beyond the event loop read and send.

extension ConnectionCore {
    /// Tasks beyond the loop read or send from here on.
    func meet(_ outside: Outside) {
        guard self.outside == nil else { return }
        // What they send waits elsewhere than in the burst buffer.
        leaveBurst()
        self.outside = outside
        outside.isHolding(bufferedCost)
        if let end {
            outside.refuse(with: .ended(end))
        } else if closeRequest != nil || !endpoint.maySendData {
            outside.refuse(with: .usage(.notOpen))
        }
        outside.acceptOrders()
    }

    /// Has messages go to `outside` from here on, those that wait first.
    ///
    /// - Returns: false if the messages have another reader.
    func read(by outside: Outside) -> Bool {
        guard callbacks == nil, !inbound.hasWaiter else { return false }
        meet(outside)
        guard !isReadOutside else { return true }
        isReadOutside = true
        outside.ask()
        while let message = inbound.pop(leaving: &scratch.spareMessages) {
            // The peer's close frame, or the end, has yet to be read.
            if outside.push(message), closeRequest == nil, endpoint.maySendData { pauseReading() }
        }
        if let end { outside.endReading(end) }
        return true
    }

    /// Sends what tasks beyond the loop have sent.
    func takeOrders(of outside: Outside) {
        guard !isTakingOrders else { return }
        isTakingOrders = true
        defer {
            isTakingOrders = false
            outside.isHolding(bufferedCost)
        }
        while true {
            let messages = outside.takeOrders()
            guard !messages.isEmpty else { break }
            // What was published before these were sent is there by now, and goes out before them.
            scratch.takeIn()
            for message in messages {
                do throws(SendError) {
                    try enqueue(message)
                } catch {
                    // Closing began between the acceptance and now.
                    outbound.drop(bytes: message.bytes.count)
                }
            }
        }
    }

    /// Closing begins: what has been accepted goes first, and nothing is accepted any more.
    func refuseOrders(with error: SendError = .usage(.notOpen)) {
        guard let outside else { return }
        outside.refuse(with: error)
        takeOrders(of: outside)
    }
}
