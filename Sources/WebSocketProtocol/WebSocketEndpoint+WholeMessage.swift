// The read side once more, for the usual case.

extension WebSocketEndpoint {
    /// A message that lies whole in the input.
    public struct WholeMessage: Sendable, Hashable {
        public let kind: MessageKind
        /// Where its payload lies, unmasked.
        public let range: Range<Int>
    }

    /// Takes the next message if it is one frame, lies whole in the input and breaks no rule, as nearly all
    /// messages do.
    ///
    /// What is anything else is left for ``receive(_:at:)``, which alone judges and explains: whoever reads many
    /// small messages asks here first, and there when the answer is `nil`.
    ///
    /// - Parameters: as those of ``receive(_:at:)``.
    public mutating func receiveWhole(
        _ input: UnsafeMutableRawBufferPointer,
        at offset: inout Int
    ) -> WholeMessage? {
        guard isBetweenMessages, let base = input.baseAddress else { return nil }
        let available = input.count - offset
        guard available >= 2 else { return nil }
        let first = base.load(fromByteOffset: offset, as: UInt8.self)
        let second = base.load(fromByteOffset: offset + 1, as: UInt8.self)
        let isMasked = second & 0x80 != 0
        // Final, no reserved bits, text or binary; masked if it must be.
        guard first == 0x81 || first == 0x82, isMasked == (role == .server) else { return nil }
        var length = Int(second & 0x7F)
        var index = 2
        if length == 126 {
            guard available >= 4 else { return nil }
            length = Int(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)))
            guard length > 125 else { return nil }
            index = 4
        } else if length == 127 {
            guard available >= 10 else { return nil }
            let long = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset + 2, as: UInt64.self))
            guard long > 0xFFFF, long <= UInt64(available) else { return nil }
            length = Int(long)
            index = 10
        }
        guard length <= shared.largestWholeMessage, available - index - (isMasked ? 4 : 0) >= length else {
            return nil
        }
        var key = MaskingKey(word: 0)
        if isMasked {
            key = MaskingKey(word: base.loadUnaligned(fromByteOffset: offset + index, as: UInt32.self))
            index += 4
        }
        let range = (offset + index)..<(offset + index + length)
        let payload = UnsafeMutableRawBufferPointer(rebasing: input[range])
        if isMasked { key.apply(to: payload) }
        let kind: MessageKind = first == 0x81 ? .text : .binary
        if kind == .text {
            var utf8 = UTF8Validator()
            guard utf8.validate(UnsafeRawBufferPointer(payload)) == nil, utf8.isComplete else {
                // Masked again, so that it is judged from the beginning.
                if isMasked { key.apply(to: payload) }
                return nil
            }
        }
        offset = range.upperBound
        return WholeMessage(kind: kind, range: range)
    }
}
