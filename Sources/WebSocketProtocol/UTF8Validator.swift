/// Checks UTF-8 as it arrives, in pieces cut anywhere, and says at the first impossible byte that the
/// text cannot become valid any more (RFC 3629 §4, RFC 6455 §8.1).
public struct UTF8Validator: Sendable, Hashable {
    /// What the text so far allows to follow.
    private var state = UTF8Automaton.boundary

    public init() {}

    /// Whether the text may end here: no character is half told.
    public var isComplete: Bool { state == UTF8Automaton.boundary }

    /// Takes the next piece of the text.
    ///
    /// - Returns: `nil` while the text can still be valid, else the offset in this piece of the first
    ///   byte that makes it impossible. After that the validator must not be used on.
    public mutating func validate(_ bytes: RawSpan) -> Int? {
        bytes.withUnsafeBytes { validate($0) }
    }

    mutating func validate(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let count = bytes.count
        // Text of nothing but ASCII never asks for the automaton's table.
        let start = isComplete ? Self.endOfASCII(base, from: 0, count: count) : 0
        guard start < count else { return nil }
        return UTF8Automaton.rows.withUnsafeBufferPointer {
            validate(base, from: start, count: count, rows: $0)
        }
    }

    private mutating func validate(
        _ base: UnsafeRawPointer,
        from start: Int,
        count: Int,
        rows: UnsafeBufferPointer<UInt64>
    ) -> Int? {
        var index = start
        while index < count {
            if isComplete { index = Self.endOfASCII(base, from: index, count: count) }
            // Sixteen bytes without a branch. What is impossible stays so, hence one look at the end.
            if count - index >= 16 {
                var state = state
                for offset in 0..<16 {
                    let byte = base.load(fromByteOffset: index &+ offset, as: UInt8.self)
                    state = rows[Int(byte)] &>> state
                }
                state &= UTF8Automaton.mask
                if state != UTF8Automaton.impossible {
                    self.state = state
                    index += 16
                    continue
                }
            }
            // The last bytes, and a block that has an impossible one: which it is must be said.
            let end = min(index + 16, count)
            while index < end {
                let byte = base.load(fromByteOffset: index, as: UInt8.self)
                state = rows[Int(byte)] &>> state & UTF8Automaton.mask
                if state == UTF8Automaton.impossible { return index }
                index += 1
            }
        }
        return nil
    }

    /// The first place at or after `start` that may hold a byte above 7F: runs of ASCII are passed over
    /// 128 bytes, then 8 bytes at a time.
    private static func endOfASCII(_ base: UnsafeRawPointer, from start: Int, count: Int) -> Int {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var index = start
        while count - index >= 128 {
            let block =
                base.loadUnaligned(fromByteOffset: index, as: SIMD8<UInt64>.self)
                | base.loadUnaligned(fromByteOffset: index + 64, as: SIMD8<UInt64>.self)
            // Halved by hand: a comparison of whole vectors is made one lane at a time.
            let four = block.lowHalf | block.highHalf
            let two = four.lowHalf | four.highHalf
            guard (two[0] | two[1]) & highBits == 0 else { break }
            index += 128
        }
        while count - index >= 8 {
            let block = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard block & highBits == 0 else { break }
            index += 8
        }
        return index
    }
}

/// The automaton that reads UTF-8, laid out so that a step is one load and one shift.
///
/// Each byte has a row of 64 bits that holds every state's successor on that byte, six bits apiece, and
/// a state *is* the place of its successor in the rows: shifting the byte's row right by the state puts
/// the next state into the lowest six bits. No step waits for a guess about the byte before it.
private enum UTF8Automaton {
    /// Bits above the lowest six are those of other states; a masking shift (`&>>`) ignores them too.
    static let mask: UInt64 = 0x3F

    /// The text is not UTF-8. Zero in every row, so nothing leads out of it.
    static let impossible: UInt64 = 0
    /// Between two characters.
    static let boundary: UInt64 = 6
    static let oneMissing: UInt64 = 12
    static let twoMissing: UInt64 = 18
    static let threeMissing: UInt64 = 24
    // After these first bytes some continuations would be overlong, a surrogate, or above U+10FFFF.
    static let afterE0: UInt64 = 30
    static let afterED: UInt64 = 36
    static let afterF0: UInt64 = 42
    static let afterF4: UInt64 = 48

    private static let states = [
        boundary, oneMissing, twoMissing, threeMissing, afterE0, afterED, afterF0, afterF4,
    ]

    /// A row for each byte.
    static let rows: [UInt64] = (UInt8.min...UInt8.max).map { byte in
        states.reduce(0) { row, state in row | successor(of: state, on: byte) << state }
    }

    /// The table of RFC 3629 §4.
    private static func successor(of state: UInt64, on byte: UInt8) -> UInt64 {
        switch (state, byte) {
        case (boundary, 0x00...0x7F): boundary
        case (boundary, 0xC2...0xDF): oneMissing
        case (boundary, 0xE0): afterE0
        case (boundary, 0xED): afterED
        case (boundary, 0xE1...0xEF): twoMissing
        case (boundary, 0xF0): afterF0
        case (boundary, 0xF1...0xF3): threeMissing
        case (boundary, 0xF4): afterF4
        case (oneMissing, 0x80...0xBF): boundary
        case (twoMissing, 0x80...0xBF), (afterE0, 0xA0...0xBF), (afterED, 0x80...0x9F): oneMissing
        case (threeMissing, 0x80...0xBF), (afterF0, 0x90...0xBF), (afterF4, 0x80...0x8F): twoMissing
        default: impossible
        }
    }
}
