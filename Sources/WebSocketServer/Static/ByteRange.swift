/// What part of a file a request asks for (RFC 9110 §14).
enum ByteRange: Hashable, Sendable {
    /// All of it. Also for what a server may ignore (§14.2): a field that is no range, another unit than bytes, and
    /// several ranges at once.
    case whole
    /// A part, never empty.
    case part(Range<Int>)
    /// A range that begins behind the end: 416.
    case unsatisfiable

    /// - Parameters:
    ///   - field: the `Range` field, if there is one.
    ///   - size: the file's bytes.
    init(_ field: String?, size: Int) { self = Self.read(field, size: size) }

    private static func read(_ field: String?, size: Int) -> ByteRange {
        guard let field, let equals = field.firstIndex(of: "="),
            field[..<equals].lowercased() == "bytes"
        else { return .whole }
        let spec = field[field.index(after: equals)...].utf8.trimmed
        // A list has commas in it, and so it is no range by this reading.
        guard let dash = spec.firstIndex(of: UInt8(ascii: "-")) else { return .whole }
        let (before, after) = (spec[..<dash], spec[spec.index(after: dash)...])
        if before.isEmpty {
            // The last so many bytes; of a shorter file, all of it. An empty one has no part to tell of.
            guard let count = number(after) else { return .whole }
            guard count > 0 else { return .unsatisfiable }
            return size > 0 ? .part(max(size - count, 0)..<size) : .whole
        }
        guard let first = number(before) else { return .whole }
        var end = size
        if !after.isEmpty {
            guard let last = number(after), last >= first else { return .whole }
            // Compared before one is added.
            end = last < size ? last + 1 : size
        }
        return first < size ? .part(first..<end) : .unsatisfiable
    }

    /// Digits and nothing else; what is beyond `Int` is as good as its largest.
    private static func number(_ digits: Substring.UTF8View.SubSequence) -> Int? {
        guard !digits.isEmpty else { return nil }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowedToo) = tens.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
            value = overflowed || overflowedToo ? Int.max : sum
        }
        return value
    }
}

extension Substring.UTF8View {
    /// Without the spaces and tabs around it.
    fileprivate var trimmed: Substring.UTF8View {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var rest = self.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}
