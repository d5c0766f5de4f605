import WebSocketProtocol

/// Messages that wait for their turn on the wire.
///
/// The queue is the message lock: only the message at its head is on the wire, so the fragments of two
/// messages never mix, whoever sends them.
struct OutboundQueue {
    /// Names the message a writer sends piece by piece.
    typealias StreamID = UInt64

    private enum Entry {
        case whole(Message)
        case stream(StreamID)
    }

    private struct Stream {
        let kind: MessageKind
        let allowsCompression: Bool
        /// Not yet on the wire; the last one of an ended stream may be empty.
        var pieces = Fifo<[UInt8]>()
        var bytes = 0
        var isEnded = false
        var text = UTF8Validator()
        var validated = 0
    }

    private var entries = Fifo<Entry>()
    /// Beside the queue, so that a piece is added where it stands: an element of a queue would be
    /// copied for each.
    private var streams: [StreamID: Stream] = [:]
    private var lastStreamID: StreamID = 0

    // The message at the head.
    /// How much of its first piece is on the wire.
    private var offset = 0
    /// Whether a fragment of it went out already.
    private var isUnderWay = false

    /// Payload bytes that wait.
    private(set) var bytes = 0
    /// Payload bytes that were accepted and will never be sent, since closing cut their message off.
    private(set) var droppedBytes = 0

    var isEmpty: Bool { entries.isEmpty }
    /// Messages that wait, whole or in pieces.
    var count: Int { entries.count }

    /// Whether there is something to put on the wire now.
    var hasNext: Bool {
        switch entries.first {
        case .whole: true
        case .stream(let id): streams[id]?.pieces.isEmpty == false
        case nil: false
        }
    }

    /// The message in pieces at the head, and how much of it waits.
    var headStream: (id: StreamID, bytes: Int)? {
        guard case .stream(let id) = entries.first, let stream = streams[id] else { return nil }
        return (id, stream.bytes)
    }

    mutating func append(_ message: Message) {
        bytes += message.bytes.count
        entries.append(.whole(message))
    }

    mutating func beginStream(_ kind: MessageKind, allowsCompression: Bool = true) -> StreamID {
        lastStreamID += 1
        streams[lastStreamID] = Stream(kind: kind, allowsCompression: allowsCompression)
        entries.append(.stream(lastStreamID))
        return lastStreamID
    }

    /// - Throws: ``UsageError/notOpen`` when there is no such stream (any more),
    ///   ``UsageError/textNotUTF8(offset:)``. Nothing is appended then.
    mutating func append(_ piece: [UInt8], toStream id: StreamID, isLast: Bool) throws(UsageError) {
        guard let isEnded = streams[id]?.isEnded, !isEnded else { throw .notOpen }
        try checkText(piece, ofStream: id, isLast: isLast)
        // An empty piece matters only as the end of the message.
        if isLast || !piece.isEmpty {
            streams[id]?.pieces.append(piece)
            streams[id]?.bytes += piece.count
            bytes += piece.count
        }
        streams[id]?.isEnded = isLast
    }

    private mutating func checkText(_ piece: [UInt8], ofStream id: StreamID, isLast: Bool) throws(UsageError)
    {
        guard streams[id]?.kind == .text, var text = streams[id]?.text, let validated = streams[id]?.validated
        else { return }
        if let bad = text.validate(piece.span.bytes) { throw .textNotUTF8(offset: validated + bad) }
        if isLast, !text.isComplete { throw .textNotUTF8(offset: validated + piece.count) }
        streams[id]?.text = text
        streams[id]?.validated = validated + piece.count
    }

    /// A fragment to put on the wire.
    struct Fragment {
        let kind: MessageKind
        let piece: [UInt8]
        /// The part of `piece` that is the fragment.
        let range: Range<Int>
        /// Whether it ends the message.
        let isLast: Bool
        /// Whether it is the message, first to last byte.
        let isWhole: Bool
        let allowsCompression: Bool
    }

    /// The next fragment of the message at the head, at most `limit` bytes of it, or `nil` when there is
    /// nothing to send now.
    mutating func next(limit: Int) -> Fragment? {
        let kind: MessageKind
        let piece: [UInt8]
        let isLastPiece: Bool
        let allowsCompression: Bool
        var streamID: StreamID?
        switch entries.first {
        case .whole(let message):
            (kind, piece, isLastPiece) = (message.kind, message.bytes, true)
            allowsCompression = message.allowsCompression
        case .stream(let id):
            guard let itsKind = streams[id]?.kind, let first = streams[id]?.pieces.first else { return nil }
            (kind, piece) = (itsKind, first)
            allowsCompression = streams[id]?.allowsCompression == true
            isLastPiece = streams[id]?.isEnded == true && streams[id]?.pieces.count == 1
            streamID = id
        case nil:
            return nil
        }

        let range = offset..<min(piece.count, offset + max(limit, 1))
        let isPieceDone = range.upperBound == piece.count
        let isLast = isPieceDone && isLastPiece
        let isFirst = !isUnderWay
        bytes -= range.count
        offset = isPieceDone ? 0 : range.upperBound
        isUnderWay = !isLast
        if let streamID {
            streams[streamID]?.bytes -= range.count
            if isPieceDone { _ = streams[streamID]?.pieces.popFirst() }
        }
        if isLast {
            _ = entries.popFirst()
            if let streamID { streams[streamID] = nil }
        }
        return Fragment(
            kind: kind,
            piece: piece,
            range: range,
            isLast: isLast,
            isWhole: isFirst && isLast,
            allowsCompression: allowsCompression
        )
    }

    /// Closing has begun, and no piece will be added any more: drops the messages in pieces that have not
    /// ended. If one of them is under way, what waits behind it can never follow (RFC 6455 §5.4), and goes
    /// too.
    mutating func dropUnfinished() {
        var kept = Fifo<Entry>()
        for (position, entry) in entries.enumerated() {
            guard case .stream(let id) = entry, streams[id]?.isEnded == false else {
                kept.append(entry)
                continue
            }
            if position == 0, isUnderWay {
                kept.append(entry)
                for cut in entries.dropFirst() { drop(cut) }
                break
            }
            drop(entry)
        }
        entries = kept
    }

    private mutating func drop(_ entry: Entry) {
        let count: Int
        switch entry {
        case .whole(let message): count = message.bytes.count
        case .stream(let id): count = streams.removeValue(forKey: id)?.bytes ?? 0
        }
        bytes -= count
        droppedBytes += count
    }

    /// A message that was accepted elsewhere found no place here.
    mutating func drop(bytes count: Int) { droppedBytes += count }

    mutating func removeAll() {
        entries.removeAll()
        streams.removeAll()
        bytes = 0
    }
}
