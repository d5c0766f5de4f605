/// What is measured, and for how long.
struct Plan {
    /// Figures of a hurried run are for whoever runs it, not for the document.
    let isQuick: Bool

    /// In-cache sizes: two of small messages, where the call around the loop shows; then one whose two
    /// buffers fit the innermost cache of most processors, and one that fits only the next.
    let cachedSizes = [64, 1 << 10, 16 << 10, 256 << 10]

    /// Far more than the last cache of common processors gives to one core.
    var uncachedSize: Int { isQuick ? 64 << 20 : 128 << 20 }

    var sizes: [Int] { cachedSizes + [uncachedSize] }

    /// Time for one line of a table about bytes.
    func budget(size: Int) -> Duration {
        let full: Duration = size == uncachedSize ? .seconds(2) : .seconds(1)
        return isQuick ? full / 10 : full
    }

    /// Time for one line of the table about messages.
    var messageBudget: Duration { isQuick ? .milliseconds(100) : .seconds(1) }
}
