/// Why a text is no URL, or not one that may be used here.
///
/// A caller can do nothing about it but say so, hence one type with one sentence for all the ways to fail.
public struct URLParseFailure: Error, Sendable, Hashable {
    enum Reason: Sendable, Hashable {
        case relativeWithoutBase
        case relativeToOpaquePath(scheme: String)
        case hostMissing
        case portInvalid
        case portOutOfRange
        case bracketUnclosed
        case notIPv6(String)
        case notIPv4(String)
        case hostCharacter(Unicode.Scalar)
        case domainCharacter(Unicode.Scalar)
        case domainEmpty
        case label(LabelFault)
        case notSettable
        case webSocketScheme(String)
        case webSocketFragment
    }

    let reason: Reason

    init(_ reason: Reason) {
        self.reason = reason
    }
}

/// What is wrong with a part of a domain between two dots.
enum LabelFault: Error, Hashable {
    case punycode
    case length(limit: Int)
    case notNormalized
    case nestedPrefix
    case leadingMark
    case joiner
    case bidi
}

extension URLParseFailure: CustomStringConvertible {
    public var description: String {
        switch reason {
        case .relativeWithoutBase:
            "the URL has no scheme, and there is no base URL to complete it"
        case .relativeToOpaquePath(let scheme):
            "only a fragment can be relative to a \(scheme): URL without slashes"
        case .hostMissing:
            "the URL has no host where it must have one"
        case .portInvalid:
            "the port is not made of digits only"
        case .portOutOfRange:
            "the port is greater than 65535"
        case .bracketUnclosed:
            "the host begins with [ and does not end with ]"
        case .notIPv6(let text):
            "[\(text)] is not an IPv6 address"
        case .notIPv4(let text):
            "the host \(text) ends in a number but is not an IPv4 address"
        case .hostCharacter(let scalar):
            "\(Self.name(of: scalar)) is forbidden in a host"
        case .domainCharacter(let scalar):
            "\(Self.name(of: scalar)) is not allowed in a domain name"
        case .domainEmpty:
            "nothing is left of the domain name once its ignored characters are removed"
        case .label(let fault):
            fault.sentence
        case .notSettable:
            "this part of the URL cannot be set to that"
        case .webSocketScheme(let scheme):
            "the scheme of a WebSocket's URL is ws, wss, http or https, not \(scheme)"
        case .webSocketFragment:
            "a WebSocket's URL has no fragment (#)"
        }
    }

    private static func name(of scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let name = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return scalar.isASCII && scalar.value > 0x20 && scalar.value < 0x7F ? "\(scalar) (\(name))" : name
    }

    /// As much of a text as a sentence can hold.
    static func excerpt(_ bytes: some Collection<UInt8>) -> String {
        let limit = 64
        let text = String(decoding: bytes.prefix(limit), as: UTF8.self)
        return bytes.count > limit ? text + "..." : text
    }
}

extension LabelFault {
    fileprivate var sentence: String {
        switch self {
        case .punycode: "a label of the domain name begins with xn-- and is not Punycode"
        case .length(let limit):
            "a label of the domain name has more than \(limit) characters, some of them beyond ASCII"
        case .notNormalized:
            "a label of the domain name that begins with xn-- has characters that are never encoded"
        case .nestedPrefix: "a label of the domain name still begins with xn-- after it was decoded"
        case .leadingMark: "a label of the domain name begins with a combining mark"
        case .joiner: "a label of the domain name has an invisible joiner where it has no meaning"
        case .bidi: "the domain name mixes directions of writing"
        }
    }
}
