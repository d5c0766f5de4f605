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
    /// The payload of the chunks that were read, and where in `raw` the next one begins.
    private var chunks: [UInt8] = []
    private var nextChunk = 0
    private(set) var isComplete: Bool

    init(of response: HTTPResponse) {
        let fields = response.headerFields
        if response.status.code == 204 || response.status.code == 304 || response.status.code < 200 {
            framing = .none
        } else if let coding = fields[.transferEncoding] {
            framing = coding.lowercased() == "chunked" ? .chunked : .untilEnd
        } else if let length = fields[.contentLength].flatMap(Self.length(of:)) {
            framing = .length(length)
        } else {
            framing = .untilEnd
        }
        switch framing {
        case .none, .length(0): isComplete = true
        default: isComplete = false
        }
    }

    /// RFC 9110 §8.6: digits and nothing else. Whatever else stands there says nothing about the length.
    private static func length(of field: String) -> Int? {
        field.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(field) : nil
    }

    mutating func append(_ input: some Collection<UInt8>) {
        guard !isComplete else { return }
        raw.append(contentsOf: input.prefix(Self.limit - raw.count))
        switch framing {
        case .none, .untilEnd: break
        case .length(let length): isComplete = raw.count >= length
        case .chunked: isComplete = readChunks()
        }
        if raw.count >= Self.limit { isComplete = true }
    }

    /// What is there of the body. Chunks that break the rules are taken as they stand.
    var bytes: [UInt8] {
        switch framing {
        case .none: return []
        case .untilEnd: return raw
        case .length(let length): return Array(raw.prefix(length))
        case .chunked:
            let rest = raw[nextChunk...]
            // A line that is not whole is no payload.
            guard !isComplete || raw.count >= Self.limit, rest.contains(UInt8(ascii: "\n"))
            else { return chunks }
            guard let chunk = chunkAfterLine() else { return chunks + rest }
            return chunks + raw[chunk.start...].prefix(chunk.size)
        }
    }

    /// RFC 9112 §7.1: size in hexadecimal, line break, that many bytes, line break; a size of zero is last.
    ///
    /// - Returns: whether the last chunk is there.
    private mutating func readChunks() -> Bool {
        while let (size, start) = chunkAfterLine() {
            if size == 0 { return true }
            // With its line break: what follows a payload without one cannot be told from the next size.
            guard raw.count - start >= 2, size <= raw.count - start - 2 else { return false }
            chunks.append(contentsOf: raw[start..<(start + size)])
            nextChunk = start + size
            if raw[nextChunk] == UInt8(ascii: "\r") { nextChunk += 1 }
            if raw[nextChunk] == UInt8(ascii: "\n") { nextChunk += 1 }
        }
        return false
    }

    /// The size of the next chunk, and where its payload begins.
    private func chunkAfterLine() -> (size: Int, start: Int)? {
        let rest = raw[nextChunk...]
        guard let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let digits = rest[..<lineEnd].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }
        guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0
        else { return nil }
        return (size, lineEnd + 1)
    }
}
