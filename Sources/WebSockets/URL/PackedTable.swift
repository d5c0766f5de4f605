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
            var number: UInt64 = 0
            var index = row * width + columns.lowerBound
            let end = row * width + columns.upperBound
            while index < end {
                number = number << 6 | UInt64(bytes[index] &- 0x30)
                index += 1
            }
            return number
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
