/// What the rules for labels want to know of a code point that UTS #46 leaves valid.
struct PointProperties: Equatable {
    /// Bidi classes as far as RFC 5893 §2 tells them apart; numbered by scripts/unicode-tables.py.
    enum Bidi: UInt64 {
        case leftToRight
        /// R and AL.
        case rightToLeft
        case arabicNumber
        case europeanNumber
        case nonspacingMark
        /// ES, CS, ET, ON and BN.
        case neutral
        case other
    }

    /// Joining types (RFC 5892 appendix A.1); numbered by scripts/unicode-tables.py.
    enum Joining: UInt64 {
        /// U and C.
        case none
        case left
        case right
        case dual
        case transparent
    }

    private let bits: UInt64

    init(of point: UInt32) {
        let table = PackedTable(UnicodeTables.properties, width: 6)
        // The first row begins at 0, so there is always one in front.
        let row = table.partitioningRow { table.number($0, 0..<6) >> 15 <= UInt64(point) } - 1
        bits = table.number(row, 0..<6) & 0x7FFF
    }

    var bidi: Bidi { Bidi(rawValue: bits >> 12) ?? .other }
    var joining: Joining { Joining(rawValue: bits >> 9 & 7) ?? .none }
    var isMark: Bool { bits >> 8 & 1 == 1 }
    var combiningClass: UInt8 { UInt8(bits & 0xFF) }
    /// RFC 5892 appendix A: what may have a joiner behind it.
    var isVirama: Bool { combiningClass == 9 }
}
