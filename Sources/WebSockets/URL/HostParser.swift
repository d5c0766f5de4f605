/// The host parser (URL Standard §3.5), which gives hosts as they are written again.
enum HostParser {
    /// - Parameter isOpaque: Whether the scheme is not special, so that the host need not be a domain or an address.
    static func parse(_ input: ArraySlice<UInt8>, isOpaque: Bool) throws(URLParseFailure) -> String {
        if input.first == UInt8(ascii: "[") {
            guard input.last == UInt8(ascii: "]") else { throw URLParseFailure(.bracketUnclosed) }
            let inside = input.dropFirst().dropLast()
            guard let address = IPv6Address(inside) else {
                throw URLParseFailure(.notIPv6(URLParseFailure.excerpt(inside)))
            }
            return "[\(address)]"
        }
        return isOpaque ? try opaqueHost(input) : try domainOrIPv4(input)
    }

    /// URL Standard §3.2, "forbidden host code point".
    private static let forbidden = ASCIISet("\0\t\n\r #/:<>?@[\\]^|")
    /// URL Standard §3.2, "forbidden domain code point".
    private static let forbiddenInDomain = ASCIISet(" #/:<>?@[\\]^|%\u{7F}", controls: true)

    private static func opaqueHost(_ input: ArraySlice<UInt8>) throws(URLParseFailure) -> String {
        if let byte = input.first(where: forbidden.contains) {
            throw URLParseFailure(.hostCharacter(Unicode.Scalar(byte)))
        }
        return PercentEncoding.encode(input, .c0Control)
    }

    private static func domainOrIPv4(_ input: ArraySlice<UInt8>) throws(URLParseFailure) -> String {
        let name = input.contains(UInt8(ascii: "%")) ? PercentEncoding.decode(input)[...] : input
        let domain: [UInt8]
        if name.allSatisfy({ $0 < 0x80 }) {
            // URL Standard §3.3, "domain parser": no matter what UTS #46 says of its labels.
            domain = name.map(\.lowercased)
        } else {
            domain = try DomainName.ascii(String(decoding: name, as: UTF8.self))
        }
        guard !domain.isEmpty else { throw URLParseFailure(.domainEmpty) }
        if let byte = domain.first(where: forbiddenInDomain.contains) {
            throw URLParseFailure(.hostCharacter(Unicode.Scalar(byte)))
        }
        guard IPv4Address.isExpected(in: domain) else { return String(decoding: domain, as: UTF8.self) }
        guard let address = IPv4Address(domain) else {
            throw URLParseFailure(.notIPv4(URLParseFailure.excerpt(domain)))
        }
        return address.description
    }
}
