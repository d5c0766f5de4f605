/// Reads a table of ``UnicodeTables``: rows of a fixed width, in which a number has six bits a character.
struct PackedTable {
    private let text: StaticString
    private let width: Int

    init(_ text: StaticString, width: Int) {
        self.text = text
        self.width = width
    }

    var count: Int { text.utf8CodeUnitCount / width }

    /// - Precondition: The row is one of the table's, and the columns are within it.
    func number(_ row: Int, _ columns: Range<Int>) -> UInt64 {
        text.withUTF8Buffer { bytes in
            columns.reduce(0) { $0 << 6 | UInt64(bytes[row * width + $1] &- 0x30) }
        }
    }

    /// The first row for which this is false, of rows for which it is true first and then never again.
    func partitioningRow(_ isBefore: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
