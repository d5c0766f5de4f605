/// Bytes that do not change, with a media type (File API §3).
///
/// What a ``WebSocket`` hands out for binary messages while its ``WebSocket/binaryType`` is ``BinaryType/blob``. The
/// bytes are in memory, so slices share them; the methods are asynchronous as the browser's are.
public struct Blob: Sendable, Hashable {
    private let storage: ArraySlice<UInt8>
    /// The media type in lower case, or an empty text if it is unknown (File API §3.1).
    public let type: String

    /// A part that a blob is made of.
    public enum Part: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
        case text(String)
        case bytes([UInt8])
        case blob(Blob)

        public init(stringLiteral value: String) { self = .text(value) }
        public init(arrayLiteral elements: UInt8...) { self = .bytes(elements) }
    }

    /// A blob of the parts, one behind the other; text as UTF-8.
    ///
    /// - Parameters:
    ///   - parts: texts, bytes and other blobs.
    ///   - type: a media type; one with characters beyond printable ASCII counts as none.
    public init(_ parts: [Part] = [], type: String = "") {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): bytes += text.utf8
            case .bytes(let more): bytes += more
            case .blob(let blob): bytes += blob.storage
            }
        }
        self.init(storage: bytes[...], type: type)
    }

    /// A blob of bytes.
    public init(bytes: [UInt8], type: String = "") { self.init(storage: bytes[...], type: type) }

    private init(storage: ArraySlice<UInt8>, type: String) {
        self.storage = storage
        // File API §3.2: a type with anything but U+0020 to U+007E is dropped.
        self.type = type.utf8.allSatisfy { (0x20...0x7E).contains($0) } ? type.lowercased() : ""
    }

    /// The number of bytes.
    public var size: Int { storage.count }

    /// The bytes from `start` up to `end`; negative numbers count from the end (File API §3.3.1).
    public func slice(_ start: Int = 0, _ end: Int? = nil, contentType: String = "") -> Blob {
        let first = offset(start)
        let last = offset(end ?? size)
        let range = storage.startIndex + first..<storage.startIndex + max(first, last)
        return Blob(storage: storage[range], type: contentType)
    }

    private func offset(_ relative: Int) -> Int {
        relative < 0 ? max(0, size + max(relative, -size)) : min(relative, size)
    }

    /// The bytes as text, without a byte order mark; what is no UTF-8 becomes U+FFFD (File API §3.3.3).
    public func text() async -> String {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return String(decoding: storage.dropFirst(storage.starts(with: mark) ? mark.count : 0), as: UTF8.self)
    }

    /// The bytes (File API §3.3.4).
    public func arrayBuffer() async -> [UInt8] { Array(storage) }

    /// The bytes (File API §3.3.5).
    public func bytes() async -> [UInt8] { Array(storage) }

    /// The bytes, without waiting: they are in memory.
    var contents: [UInt8] { Array(storage) }
}

/// How a ``WebSocket`` hands out binary messages (WebSockets §3.1, `binaryType`).
public enum BinaryType: String, Sendable, Hashable, CustomStringConvertible {
    /// As a ``Blob``.
    case blob
    /// As the bytes themselves.
    case arraybuffer

    public var description: String { rawValue }
}
