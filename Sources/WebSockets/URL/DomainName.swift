/// Domain names beyond ASCII, by UTS #46 as the URL Standard §3.3 wants it: CheckBidi and CheckJoiners on;
/// CheckHyphens, UseSTD3ASCIIRules, Transitional_Processing, VerifyDnsLength and IgnoreInvalidPunycode off.
enum DomainName {
    /// "ToASCII" (UTS #46 §4.2).
    static func ascii(_ name: String) throws(URLParseFailure) -> [UInt8] {
        var points: [UInt32] = []
        points.reserveCapacity(name.utf8.count)
        for scalar in name.unicodeScalars { try map(scalar, into: &points) }
        points = Normalization.nfc(points)
        do throws(LabelFault) {
            var labels: [ArraySlice<UInt32>] = []
            for label in points.split(separator: dot, omittingEmptySubsequences: false) {
                labels.append(try checked(label))
            }
            guard BidiRule.isFollowed(by: labels) else { throw .bidi }
            return try joined(labels)
        } catch {
            throw URLParseFailure(.label(error))
        }
    }

    private static let dot = UInt32(UInt8(ascii: "."))
    private static let prefix: [UInt32] = "xn--".unicodeScalars.map(\.value)

    private static func map(_ scalar: Unicode.Scalar, into output: inout [UInt32]) throws(URLParseFailure) {
        if scalar.isASCII {
            output.append(UInt32(UInt8(ascii: scalar).lowercased))
            return
        }
        switch HostMapping(of: scalar.value) {
        case .valid: output.append(scalar.value)
        case .ignored: break
        case .mapped(let sequence): sequence.append(to: &output)
        case .disallowed: throw URLParseFailure(.domainCharacter(scalar))
        }
    }

    /// A label, decoded if need be, that meets the validity criteria (UTS #46 §4.1).
    ///
    /// One that was not encoded consists of valid code points in NFC, as it comes out of mapping and normalization.
    private static func checked(_ label: ArraySlice<UInt32>) throws(LabelFault) -> ArraySlice<UInt32> {
        guard label.starts(with: prefix) else {
            try check(label)
            return label
        }
        guard label.allSatisfy({ $0 < 0x80 }) else { throw .punycode }
        let decoded = try Punycode.decode(label.dropFirst(prefix.count))
        // What needs no encoding must not have one.
        guard decoded.contains(where: { $0 >= 0x80 }) else { throw .punycode }
        guard !decoded.starts(with: prefix) else { throw .nestedPrefix }
        let isMapped = decoded.allSatisfy { HostMapping(of: $0) == .valid }
        guard isMapped, Normalization.nfc(decoded) == decoded else { throw .notNormalized }
        try check(decoded[...])
        return decoded[...]
    }

    private static func check(_ label: ArraySlice<UInt32>) throws(LabelFault) {
        if let first = label.first, PointProperties(of: first).isMark { throw .leadingMark }
        guard JoinerRule.isFollowed(by: label) else { throw .joiner }
    }

    private static func joined(_ labels: [ArraySlice<UInt32>]) throws(LabelFault) -> [UInt8] {
        var output: [UInt8] = []
        for (index, label) in labels.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ".")) }
            if label.allSatisfy({ $0 < 0x80 }) {
                output += label.map { UInt8($0) }
            } else {
                guard label.count <= Punycode.limit else { throw .length(limit: Punycode.limit) }
                output += Array("xn--".utf8) + Punycode.encode(label)
            }
        }
        return output
    }
}

/// The joiners, which are invisible, only where they make a difference (RFC 5892 appendix A.1 and A.2).
enum JoinerRule {
    private static let nonJoiner: UInt32 = 0x200C
    private static let joiner: UInt32 = 0x200D

    static func isFollowed(by label: ArraySlice<UInt32>) -> Bool {
        label.indices.allSatisfy { index in
            guard label[index] == nonJoiner || label[index] == joiner else { return true }
            let before = label[..<index]
            if let last = before.last, PointProperties(of: last).isVirama { return true }
            guard label[index] == nonJoiner else { return false }
            // A joiner is not transparent, so that no code point is looked at more than twice.
            let left = firstOpaque(before.reversed())
            let right = firstOpaque(label[(index + 1)...])
            return (left == .left || left == .dual) && (right == .right || right == .dual)
        }
    }

    private static func firstOpaque(_ points: some Sequence<UInt32>) -> PointProperties.Joining? {
        for point in points {
            let joining = PointProperties(of: point).joining
            if joining != .transparent { return joining }
        }
        return nil
    }
}

/// The Bidi Rule for all labels of a name that has one from right to left (RFC 5893 §1.4 and §2).
enum BidiRule {
    static func isFollowed(by labels: [ArraySlice<UInt32>]) -> Bool {
        let classes = labels.map { label in label.map { PointProperties(of: $0).bidi } }
        let isBidi = classes.contains { $0.contains { $0 == .rightToLeft || $0 == .arabicNumber } }
        return !isBidi || classes.allSatisfy(isFollowed)
    }

    private static func isFollowed(by label: [PointProperties.Bidi]) -> Bool {
        // An empty label has no direction.
        guard let first = label.first else { return true }
        let last = label.last { $0 != .nonspacingMark }
        switch first {
        case .leftToRight:
            let isAllowed = label.allSatisfy { bidi in
                switch bidi {
                case .leftToRight, .europeanNumber, .nonspacingMark, .neutral: true
                case .rightToLeft, .arabicNumber, .other: false
                }
            }
            return isAllowed && (last == .leftToRight || last == .europeanNumber)
        case .rightToLeft:
            let isAllowed = label.allSatisfy { $0 != .leftToRight && $0 != .other }
            let isOneSystem = !label.contains(.europeanNumber) || !label.contains(.arabicNumber)
            return isAllowed && isOneSystem
                && (last == .rightToLeft || last == .europeanNumber || last == .arabicNumber)
        case .arabicNumber, .europeanNumber, .nonspacingMark, .neutral, .other:
            return false
        }
    }
}
