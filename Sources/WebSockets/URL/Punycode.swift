/// The encoding of Unicode in the labels of domain names (RFC 3492), without the prefix `xn--`.
enum Punycode {
    /// More code points than any label can have. Encoding and decoding take a time proportional to the square of the
    /// length, and neither the standard nor UTS #46 without VerifyDnsLength bounds it; DNS does, at 63 bytes.
    static let limit = 1000

    private static let base = 36
    private static let minimum = 1
    private static let maximum = 26
    private static let skew = 38
    private static let damp = 700
    private static let initialBias = 72
    private static let initialPoint = 128
    private static let delimiter = UInt8(ascii: "-")

    /// - Parameter label: At most ``limit`` scalars.
    static func encode(_ label: ArraySlice<UInt32>) -> [UInt8] {
        var output = label.compactMap { $0 < 0x80 ? UInt8($0) : nil }
        let basicCount = output.count
        if basicCount > 0 { output.append(delimiter) }
        var handled = basicCount
        var delta = 0
        var bias = initialBias
        var point = initialPoint
        for next in Set(label.lazy.filter { $0 >= 0x80 }).sorted() {
            delta += (Int(next) - point) * (handled + 1)
            point = Int(next)
            for scalar in label {
                if scalar < next { delta += 1 }
                guard scalar == next else { continue }
                append(delta, bias, to: &output)
                bias = adapt(delta, handled + 1, isFirst: handled == basicCount)
                delta = 0
                handled += 1
            }
            delta += 1
            point += 1
        }
        return output
    }

    private static func append(_ delta: Int, _ bias: Int, to output: inout [UInt8]) {
        var rest = delta
        var position = base
        while true {
            let threshold = threshold(position, bias)
            guard rest >= threshold else { break }
            output.append(digit(threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            position += base
        }
        output.append(digit(rest))
    }

    /// - Parameter label: ASCII in lower case.
    /// - Throws: What is wrong with the label: it is no Punycode, or too long.
    static func decode(_ label: ArraySlice<UInt32>) throws(LabelFault) -> [UInt32] {
        var output: [UInt32] = []
        var rest = label
        if let mark = label.lastIndex(of: UInt32(delimiter)), mark > label.startIndex {
            output = Array(label[..<mark])
            rest = label[(mark + 1)...]
        }
        guard output.count <= limit else { throw .length(limit: limit) }
        var point = initialPoint
        var index = 0
        var bias = initialBias
        while !rest.isEmpty {
            let count = output.count + 1
            guard count <= limit else { throw .length(limit: limit) }
            let delta = try readDelta(&rest, bias)
            bias = adapt(delta, count, isFirst: index == 0)
            index += delta
            point += index / count
            index %= count
            guard let scalar = Unicode.Scalar(UInt32(clamping: point)) else { throw .punycode }
            output.insert(scalar.value, at: index)
            index += 1
        }
        return output
    }

    private static func readDelta(_ rest: inout ArraySlice<UInt32>, _ bias: Int) throws(LabelFault) -> Int {
        var delta = 0
        var weight = 1
        var position = base
        while true {
            guard let first = rest.first, let digit = value(of: first) else { throw .punycode }
            rest = rest.dropFirst()
            delta += digit * weight
            // More than the greatest delta there can be, and a weight that cannot overflow.
            guard delta <= 0x11_0000 * (limit + 1) else { throw .punycode }
            let threshold = threshold(position, bias)
            guard digit >= threshold else { return delta }
            weight *= base - threshold
            position += base
        }
    }

    private static func threshold(_ position: Int, _ bias: Int) -> Int {
        min(max(position - bias, minimum), maximum)
    }

    /// RFC 3492 §6.1.
    private static func adapt(_ delta: Int, _ count: Int, isFirst: Bool) -> Int {
        var delta = delta / (isFirst ? damp : 2)
        delta += delta / count
        var bias = 0
        while delta > (base - minimum) * maximum / 2 {
            delta /= base - minimum
            bias += base
        }
        return bias + (base - minimum + 1) * delta / (delta + skew)
    }

    private static func digit(_ value: Int) -> UInt8 {
        value < 26 ? UInt8(ascii: "a") + UInt8(value) : UInt8(ascii: "0") + UInt8(value - 26)
    }

    /// The letters are in lower case already.
    private static func value(of digit: UInt32) -> Int? {
        switch digit {
        case 0x61...0x7A: Int(digit - 0x61)
        case 0x30...0x39: Int(digit - 0x30) + 26
        default: nil
        }
    }
}
