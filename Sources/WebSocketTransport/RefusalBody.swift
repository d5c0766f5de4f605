import HTTPTypes

/// The body of an answer that refused the opening handshake: collected so far as it helps to understand
/// the refusal, and no further (RFC 9112 §6).
struct RefusalBody {
    /// The most that is kept.
    static let limit = 64 << 10

    private enum Framing {
        case none
        case length(Int)
        case chunked
        case untilEnd
    }

    private let framing: Framing
    private var raw: [UInt8] = []
    private(set) var bytes: [UInt8] = []
    private(set) var isComplete: Bool

    init(of response: HTTPResponse) {
        let fields = response.headerFields
        if response.status.code == 204 || response.status.code == 304 || response.status.code < 200 {
            framing = .none
        } else if let coding = fields[.transferEncoding] {
            framing = coding.lowercased() == "chunked" ? .chunked : .untilEnd
        } else if let length = fields[.contentLength] {
            framing = .length(Int(length) ?? 0)
        } else {
            framing = .untilEnd
        }
        switch framing {
        case .none, .length(0): isComplete = true
        default: isComplete = false
        }
    }

    mutating func append(_ input: some Sequence<UInt8>) {
        guard !isComplete else { return }
        for byte in input where raw.count < Self.limit { raw.append(byte) }
        switch framing {
        case .none: break
        case .length(let length):
            bytes = Array(raw.prefix(length))
            isComplete = raw.count >= length
        case .chunked: isComplete = dechunk()
        case .untilEnd: bytes = raw
        }
        if raw.count >= Self.limit { isComplete = true }
    }

    /// RFC 9112 §7.1: size in hexadecimal, line break, that many bytes, line break; a size of zero is last.
    ///
    /// - Returns: whether the last chunk is there. A body that breaks the rules is taken as it stands.
    private mutating func dechunk() -> Bool {
        bytes = []
        var rest = raw[...]
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let digits = rest[..<lineEnd].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0 else {
                bytes = raw
                return false
            }
            if size == 0 { return true }
            rest = rest[(lineEnd + 1)...]
            bytes.append(contentsOf: rest.prefix(size))
            guard rest.count > size else { return false }
            rest = rest.dropFirst(size)
            if rest.first == UInt8(ascii: "\r") { rest = rest.dropFirst() }
            if rest.first == UInt8(ascii: "\n") { rest = rest.dropFirst() }
        }
        return false
    }
}
