import Testing

@testable import WebSocketProtocol

@Suite("Base64")
struct Base64Tests {
    @Test(
        "The test vectors of RFC 4648 §10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func vectors(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        // An empty text is no value of a header, and so not taken for one.
        #expect(Base64.decodedCount(encoded) == (plain.isEmpty ? nil : plain.utf8.count))
    }

    @Test("Every character of the alphabet stands in its place")
    func alphabet() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        for (value, character) in alphabet.enumerated() {
            // The six bits of the value four times over.
            let word = value << 18 | value << 12 | value << 6 | value
            let bytes = [UInt8(word >> 16), UInt8(word >> 8 & 0xFF), UInt8(word & 0xFF)]
            #expect(Base64.encode(bytes) == String(repeating: character, count: 4))
            #expect(Base64.decodedCount(String(repeating: character, count: 4)) == 3)
        }
    }

    @Test("A character outside the alphabet is refused, wherever it stands")
    func otherCharacters() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for byte in UInt8.min..<0x80 {
            let character = Character(Unicode.Scalar(byte))
            let count = alphabet.contains(character) ? 6 : nil
            #expect(Base64.decodedCount("\(character)AAAAAAA") == count, "\(byte)")
            #expect(Base64.decodedCount("AAA\(character)AAAA") == count, "\(byte)")
            #expect(Base64.decodedCount("AAAAAAA\(character)") == (character == "=" ? 5 : count), "\(byte)")
        }
        #expect(Base64.decodedCount("AA\u{E9}=") == nil)
    }

    @Test(
        "A wrong length or padding is refused",
        arguments: [
            "", "A", "AA", "AAA", "AAAAA", "=", "==", "===", "====", "A===", "AAAA====", "AA=A", "A=AA",
            "Zg= =", "Zg==\n",
        ]
    )
    func padding(_ text: String) {
        #expect(Base64.decodedCount(text) == nil)
    }

    /// RFC 4648 §3.5 lets a decoder refuse these; nothing is decoded here, only counted.
    @Test("Left-over bits that are not zero are let pass", arguments: [("Zh==", 1), ("Zm9=", 2)])
    func leftOverBits(_ text: String, _ count: Int) {
        #expect(Base64.decodedCount(text) == count)
    }
}
