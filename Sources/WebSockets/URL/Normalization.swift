/// Normalization Form C (UAX #15) of code points that UTS #46 leaves valid.
enum Normalization {
    static func nfc(_ input: [UInt32]) -> [UInt32] {
        // The first combining mark is U+0300, and no composite below can come apart without one.
        guard input.contains(where: { $0 >= 0x300 }) else { return input }
        var points: [UInt32] = []
        points.reserveCapacity(input.count)
        for point in input { decompose(point, into: &points) }
        let classes = reorder(&points)
        return compose(points, classes)
    }

    private static func decompose(_ point: UInt32, into output: inout [UInt32]) {
        if let syllable = Hangul.parts(of: point) {
            output += syllable
            return
        }
        // A composite's first part may be one itself; what it leaves behind comes out last to first.
        var first = point
        var marks: [UInt32] = []
        while first >= 0xC0, let parts = Compositions.parts(of: first) {
            first = parts.first
            marks.append(parts.second)
        }
        output.append(first)
        output += marks.reversed()
    }

    /// Puts each run of marks in the order of their combining classes, and returns the classes of all code points.
    private static func reorder(_ points: inout [UInt32]) -> [UInt8] {
        var classes = points.map { PointProperties(of: $0).combiningClass }
        var start = 0
        while start < points.count {
            guard classes[start] != 0 else {
                start += 1
                continue
            }
            var end = start
            while end < points.count, classes[end] != 0 { end += 1 }
            // The index keeps marks of one class in their order.
            let order = (start..<end).sorted { (classes[$0], $0) < (classes[$1], $1) }
            points.replaceSubrange(start..<end, with: order.map { points[$0] })
            classes.replaceSubrange(start..<end, with: order.map { classes[$0] })
            start = end
        }
        return classes
    }

    private static func compose(_ points: [UInt32], _ classes: [UInt8]) -> [UInt32] {
        var output: [UInt32] = []
        output.reserveCapacity(points.count)
        var starter: Int?
        // The class of what stands last behind the starter; nil if nothing does.
        var lastClass: UInt8?
        for (point, combiningClass) in zip(points, classes) {
            // A mark is blocked by one of its own class or higher in between, a starter by anything at all.
            if let starter, lastClass.map({ $0 < combiningClass }) ?? true,
                let composite = composite(output[starter], point)
            {
                output[starter] = composite
                continue
            }
            output.append(point)
            if combiningClass == 0 {
                starter = output.count - 1
                lastClass = nil
            } else {
                lastClass = combiningClass
            }
        }
        return output
    }

    private static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.composite(first, second) ?? Compositions.composite(first, second)
    }
}

/// Syllables, whose parts are computed (The Unicode Standard §3.12).
private enum Hangul {
    static let syllables: UInt32 = 0xAC00
    static let leading: UInt32 = 0x1100
    static let vowels: UInt32 = 0x1161
    /// One before the first, as a syllable need not have one.
    static let trailing: UInt32 = 0x11A7
    static let leadingCount: UInt32 = 19
    static let vowelCount: UInt32 = 21
    static let trailingCount: UInt32 = 28
    static let syllableCount = leadingCount * vowelCount * trailingCount

    static func parts(of point: UInt32) -> [UInt32]? {
        let index = point &- syllables
        guard index < syllableCount else { return nil }
        let parts = [
            leading + index / (vowelCount * trailingCount),
            vowels + index % (vowelCount * trailingCount) / trailingCount,
        ]
        return index % trailingCount == 0 ? parts : parts + [trailing + index % trailingCount]
    }

    static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        let lead = first &- leading
        let vowel = second &- vowels
        if lead < leadingCount, vowel < vowelCount {
            return syllables + (lead * vowelCount + vowel) * trailingCount
        }
        let syllable = first &- syllables
        let trail = second &- trailing
        guard syllable < syllableCount, syllable % trailingCount == 0, trail > 0, trail < trailingCount else {
            return nil
        }
        return first + trail
    }
}

/// The canonical decompositions into two, which are also the compositions.
private enum Compositions {
    static func parts(of composite: UInt32) -> (first: UInt32, second: UInt32)? {
        let order = PackedTable(UnicodeTables.compositionOrder, width: 2)
        let table = table
        let place = order.partitioningRow {
            table.number(Int(order.number($0, 0..<2)), 8..<12) < UInt64(composite)
        }
        guard place < order.count else { return nil }
        let row = Int(order.number(place, 0..<2))
        guard table.number(row, 8..<12) == UInt64(composite) else { return nil }
        return (UInt32(table.number(row, 0..<4)), UInt32(table.number(row, 4..<8)))
    }

    static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        let table = table
        let pair = UInt64(first) << 24 | UInt64(second)
        let row = table.partitioningRow { table.number($0, 0..<8) < pair }
        guard row < table.count, table.number(row, 0..<8) == pair else { return nil }
        return UInt32(table.number(row, 8..<12))
    }

    private static var table: PackedTable { PackedTable(UnicodeTables.compositions, width: 12) }
}
