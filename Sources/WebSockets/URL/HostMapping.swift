/// What UTS #46 §4 makes of a code point before anything else is looked at.
enum HostMapping: Equatable {
    case valid
    case ignored
    case disallowed
    case mapped(Sequence)

    /// Scalars in the pool of ``UnicodeTables``, or one that is computed.
    enum Sequence: Equatable {
        case scalar(UInt32)
        case pool(Range<Int>)

        func append(to output: inout [UInt32]) {
            switch self {
            case .scalar(let value): output.append(value)
            case .pool(let rows):
                let pool = PackedTable(UnicodeTables.sequences, width: 4)
                for row in rows { output.append(UInt32(pool.number(row, 0..<4))) }
            }
        }
    }

    init(of point: UInt32) {
        let table = PackedTable(UnicodeTables.mapping, width: 8)
        // The first row begins at 0, so there is always one in front.
        let row = table.partitioningRow { table.number($0, 0..<4) >> 3 <= UInt64(point) } - 1
        let head = table.number(row, 0..<4)
        let payload = table.number(row, 4..<8)
        let offset = point - UInt32(head >> 3)
        // The kinds are numbered by scripts/unicode-tables.py.
        switch head & 7 {
        case 0: self = .valid
        case 1: self = .ignored
        // The shift may be negative, modulo 2^24.
        case 3: self = .mapped(.scalar((point + UInt32(payload)) & 0xFF_FFFF))
        case 4: self = offset % 2 == 0 ? .mapped(.scalar(point + 1)) : .valid
        case 5:
            let length = Int(payload & 31)
            let start = Int(payload >> 5) + Int(offset) * length
            self = .mapped(.pool(start..<(start + length)))
        default: self = .disallowed
        }
    }
}
