/// Base64 (RFC 4648 §4), for the short values of the opening handshake.
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        bytes.withUnsafeBytes { append($0, to: &text) }
        return String(decoding: text, as: UTF8.self)
    }

    static func append(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        text.reserveCapacity(text.count + (bytes.count + 2) / 3 * 4)
        var (word, count) = (UInt32(0), 0)
        for byte in bytes {
            word = word << 8 | UInt32(byte)
            count += 1
            guard count == 3 else { continue }
            append(word, characters: 4, to: &text)
            (word, count) = (0, 0)
        }
        guard count > 0 else { return }
        append(word << (24 - 8 * UInt32(count)), characters: count + 1, to: &text)
        for _ in count..<3 { text.append(UInt8(ascii: "=")) }
    }

    private static func append(_ word: UInt32, characters: Int, to text: inout [UInt8]) {
        for place in 0..<characters { text.append(alphabet[Int(word >> (18 - 6 * place)) & 63]) }
    }

    static func decodedCount(_ text: String) -> Int? { decodedCount(Array(text.utf8)[...]) }

    /// How many bytes the text stands for, or `nil` when it is not base64 with its padding.
    static func decodedCount(_ text: ArraySlice<UInt8>) -> Int? {
        guard !text.isEmpty, text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard text.dropLast(padding).allSatisfy(isCharacter) else { return nil }
        return text.count / 4 * 3 - padding
    }

    private static func isCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default:
            false
        }
    }
}
