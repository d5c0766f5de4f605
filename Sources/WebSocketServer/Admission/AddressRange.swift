import NIOCore

/// A block of IP addresses, such as those of the proxies that a server trusts.
///
/// ```swift
/// configuration.admission.trustedProxies = [.loopback, try AddressRange("10.0.0.0/8")]
/// ```
public struct AddressRange: Sendable, Hashable {
    private enum Form: Hashable {
        /// The first address, and how many bits of 128 are the block's.
        case block(IPAddress, bits: Int)
        case loopback
    }

    private let form: Form

    /// This machine: 127.0.0.0/8 and ::1.
    public static let loopback = AddressRange(form: .loopback)

    private init(form: Form) { self.form = form }

    /// Reads an address (`192.0.2.1`, `2001:db8::1`), a block in CIDR's notation (RFC 4632 §3.1: `10.0.0.0/8`,
    /// `2001:db8::/32`), or the word `loopback`.
    ///
    /// - Throws: ``AdmissionError`` for anything else, and for a block whose address has bits behind its prefix.
    public init(_ text: String) throws(AdmissionError) {
        func wrong(_ problem: String) -> AdmissionError {
            AdmissionError(setting: "an address range", value: text, problem: problem)
        }
        guard text != "loopback" else {
            form = .loopback
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else {
            throw wrong("does not begin with an address of IPv4 or IPv6")
        }
        let width = address.isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            form = .block(address, bits: 128)
            return
        }
        let digits = parts[1]
        guard (1...3).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            digits == "0" || !digits.hasPrefix("0"), let prefix = Int(digits), prefix <= width
        else {
            throw wrong("has a prefix that is no number from 0 to \(width)")
        }
        let bits = prefix + 128 - width
        guard Self.prefix(of: address, bits) == address else {
            throw wrong("has bits set behind its first \(prefix)")
        }
        form = .block(address, bits: bits)
    }

    private static func prefix(of address: IPAddress, _ bits: Int) -> IPAddress {
        // A shift by 64 or more gives zero.
        let high = bits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(bits))
        let low = bits <= 64 ? 0 : ~(UInt64.max >> UInt64(bits - 64))
        return IPAddress(high: address.high & high, low: address.low & low)
    }

    func contains(_ address: IPAddress) -> Bool {
        switch form {
        case .loopback: address.isLoopback
        case .block(let first, let bits):
            // Not all of IPv4, because it lies within ::/0.
            first.isIPv4 == address.isIPv4 && Self.prefix(of: address, bits) == first
        }
    }
}

extension AddressRange: CustomStringConvertible {
    public var description: String {
        switch form {
        case .loopback: "loopback"
        case .block(let first, 128): "\(first)"
        case .block(let first, let bits): "\(first)/\(first.isIPv4 ? bits - 96 : bits)"
        }
    }
}

extension [AddressRange] {
    func holds(_ address: IPAddress) -> Bool { contains { $0.contains(address) } }
}
