/// RFC 3629 §4's table, written down as it stands there, and a search through it.
enum NaiveUTF8 {
    /// A row: its name, and the range of each byte.
    static let table: [(name: String, ranges: [ClosedRange<UInt8>])] = [
        ("UTF8-1", [0x00...0x7F]),
        ("UTF8-2", [0xC2...0xDF, 0x80...0xBF]),
        ("UTF8-3, E0", [0xE0...0xE0, 0xA0...0xBF, 0x80...0xBF]),
        ("UTF8-3, E1-EC", [0xE1...0xEC, 0x80...0xBF, 0x80...0xBF]),
        ("UTF8-3, ED", [0xED...0xED, 0x80...0x9F, 0x80...0xBF]),
        ("UTF8-3, EE-EF", [0xEE...0xEF, 0x80...0xBF, 0x80...0xBF]),
        ("UTF8-4, F0", [0xF0...0xF0, 0x90...0xBF, 0x80...0xBF, 0x80...0xBF]),
        ("UTF8-4, F1-F3", [0xF1...0xF3, 0x80...0xBF, 0x80...0xBF, 0x80...0xBF]),
        ("UTF8-4, F4", [0xF4...0xF4, 0x80...0x8F, 0x80...0xBF, 0x80...0xBF]),
    ]

    enum Verdict: Equatable {
        case complete
        /// Ends inside a character.
        case incomplete
        /// No text that begins with the bytes before this one has this one next.
        case impossible(at: Int)
    }

    static func judge(_ bytes: [UInt8]) -> Verdict {
        var start = 0
        while start < bytes.count {
            var length = 1
            // Longer and longer, as long as some row still fits.
            while true {
                let character = bytes[start..<(start + length)]
                let fitting = table.first { row in
                    row.ranges.count >= length && zip(row.ranges, character).allSatisfy { $0.contains($1) }
                }
                guard let row = fitting else { return .impossible(at: start + length - 1) }
                if row.ranges.count == length { break }
                guard start + length < bytes.count else { return .incomplete }
                length += 1
            }
            start += length
        }
        return .complete
    }
}
