/// What a proxy says about a connection in HAProxy's PROXY protocol, ahead of anything else.
enum ProxyHeader: Sendable, Hashable {
    /// The connection is the proxy's own, such as a check whether we live (`LOCAL`).
    case local
    /// It is somebody's whose address has no name here: `UNKNOWN`, `UNSPEC`, a socket in the file system.
    case unknown
    case client(IPAddress, port: UInt16)
}

/// A header that breaks the rule of its name.
enum ProxyHeaderError: Error, Sendable, Hashable {
    /// Neither version 1 nor version 2 begins like this.
    case notAProxyHeader
    /// Version 1: more than 107 bytes without an end, or words that are wrong.
    case malformedLine
    /// Version 2: a version, a command or a family that there is not.
    case unsupported(UInt8)
    /// Version 2: an address that is shorter than its family's, or more bytes than ``ProxyHeaderParser/most``.
    case badLength(Int)
}

/// Reads the header of HAProxy's PROXY protocol ("The PROXY protocol, versions 1 & 2", §2), both versions, as its
/// bytes come.
///
/// What it keeps is bounded: the line of version 1, the addresses of version 2. The extensions behind those (TLVs) are
/// counted and skipped.
struct ProxyHeaderParser: Sendable {
    /// Version 1: the longest line there can be, its end included (§2.1).
    static let longestLine = 107
    /// Version 2: what may follow the 16 bytes of the header, extensions included. The protocol has 65,535; proxies
    /// use some hundreds.
    static let most = 4096

    private enum State {
        /// Not enough to tell the versions apart, version 1's line, or version 2's header with its address.
        case gathering([UInt8])
        /// Extensions that are left to skip.
        case skipping(Int, ProxyHeader)
        case done
    }

    private var state = State.gathering([])

    /// Whether a byte has come.
    var hasBegun: Bool {
        if case .gathering(let bytes) = state { return !bytes.isEmpty }
        return true
    }

    /// Takes bytes, and says so when the header is complete.
    ///
    /// - Parameter offset: where in `bytes` to begin; behind what was taken, when it returns. What lies there once the
    ///   header is complete is the client's.
    /// - Returns: the header, once; `nil` while there is more to come.
    mutating func parse(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) throws(ProxyHeaderError)
        -> ProxyHeader?
    {
        while true {
            switch state {
            case .done: return nil
            case .skipping(let left, let header):
                let count = min(left, bytes.count - offset)
                offset += count
                guard count == left else {
                    state = .skipping(left - count, header)
                    return nil
                }
                state = .done
                return header
            case .gathering(var gathered):
                guard offset < bytes.count else { return nil }
                // Out of the state while it is changed, so that it is not copied for each byte.
                state = .done
                gathered.append(bytes[offset])
                offset += 1
                if let header = try judge(gathered) { return header }
                if case .done = state { state = .gathering(gathered) }
            }
        }
    }

    /// Looks at what has been gathered: one byte more than the last time.
    private mutating func judge(_ gathered: [UInt8]) throws(ProxyHeaderError) -> ProxyHeader? {
        guard gathered[0] == Self.signature[0] else {
            let beginning = "PROXY ".utf8
            guard gathered.prefix(beginning.count).elementsEqual(beginning.prefix(gathered.count)) else {
                throw .notAProxyHeader
            }
            return try judgeLine(gathered)
        }
        guard gathered.prefix(Self.signature.count).elementsEqual(Self.signature.prefix(gathered.count))
        else {
            throw .notAProxyHeader
        }
        return try judgeBinary(gathered)
    }
}

// MARK: - Version 1

extension ProxyHeaderParser {
    private func judgeLine(_ line: [UInt8]) throws(ProxyHeaderError) -> ProxyHeader? {
        guard line.last == UInt8(ascii: "\n") else {
            // A CR is followed by its LF, and the line by no more.
            guard line.count < Self.longestLine,
                line.count < 2 || line[line.count - 2] != UInt8(ascii: "\r")
            else { throw .malformedLine }
            return nil
        }
        guard line.count >= 2, line[line.count - 2] == UInt8(ascii: "\r") else { throw .malformedLine }
        let words = String(decoding: line.dropLast(2), as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false)
        // "PROXY" is the first. What follows UNKNOWN is to be ignored.
        guard words.count > 1 else { throw .malformedLine }
        if words[1] == "UNKNOWN" { return .unknown }
        guard words[1] == "TCP4" || words[1] == "TCP6", words.count == 6,
            let source = Self.address(words[2], isIPv6: words[1] == "TCP6"),
            Self.address(words[3], isIPv6: words[1] == "TCP6") != nil,
            let port = Self.port(words[4]), Self.port(words[5]) != nil
        else { throw .malformedLine }
        return .client(source, port: port)
    }

    private static func address(_ text: Substring, isIPv6: Bool) -> IPAddress? {
        guard text.utf8.contains(UInt8(ascii: ":")) == isIPv6 else { return nil }
        return IPAddress(text)
    }

    private static func port(_ text: Substring) -> UInt16? {
        let isNumber = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isNumber, text == "0" || !text.hasPrefix("0") else { return nil }
        return UInt16(text)
    }
}

// MARK: - Version 2

extension ProxyHeaderParser {
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// §2.2: the families of addresses, each with what a pair of them takes.
    private enum Family {
        case none
        case ipv4
        case ipv6
        case unix

        /// - Parameter byte: family above, protocol below: a stream, since we serve nothing else.
        init?(_ byte: UInt8) {
            switch byte {
            case 0x00: self = .none
            case 0x11: self = .ipv4
            case 0x21: self = .ipv6
            case 0x31: self = .unix
            default: return nil
            }
        }

        var size: Int {
            switch self {
            case .none: 0
            case .ipv4: 12
            case .ipv6: 36
            case .unix: 216
            }
        }
    }

    private mutating func judgeBinary(_ header: [UInt8]) throws(ProxyHeaderError) -> ProxyHeader? {
        guard header.count >= 13 else { return nil }
        let command = header[12]
        guard command == 0x20 || command == 0x21 else { throw .unsupported(command) }
        guard header.count >= 16 else { return nil }
        let length = Int(header[14]) << 8 | Int(header[15])
        guard length <= Self.most else { throw .badLength(length) }
        // The address of a LOCAL connection means nothing, whatever its family.
        guard command == 0x21 else { return skip(length, .local) }
        guard let family = Family(header[13]) else { throw .unsupported(header[13]) }
        guard length >= family.size else { throw .badLength(length) }
        switch family {
        case .none, .unix: return skip(length, .unknown)
        case .ipv4, .ipv6:
            guard header.count == 16 + family.size else { return nil }
            let width = family == .ipv4 ? 4 : 16
            guard let source = IPAddress(bytes: header[16..<(16 + width)]) else { throw .badLength(length) }
            let place = 16 + 2 * width
            let port = UInt16(header[place]) << 8 | UInt16(header[place + 1])
            return skip(length - family.size, .client(source, port: port))
        }
    }

    private mutating func skip(_ count: Int, _ header: ProxyHeader) -> ProxyHeader? {
        guard count > 0 else { return header }
        state = .skipping(count, header)
        return nil
    }
}
