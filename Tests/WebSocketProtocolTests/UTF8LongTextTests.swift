import Testing

@testable import WebSocketProtocol

private extension UTF8Validator {
    mutating func validate(_ bytes: ArraySlice<UInt8>) -> Int? { bytes.withUnsafeBytes { validate($0) } }
}

/// What the table of RFC 3629 §4 says of a character must not depend on how much text stands about it: a
/// validator may read long text by other means than short.
@Suite("UTF8Validator in long texts", .ownThread)
struct UTF8LongTextTests {
    /// Texts to stand before or behind: of each length of character, so that the byte looked at comes to lie
    /// at every place of whatever is read at once.
    private static let surroundings: [[UInt8]] = (0...16).flatMap { count in
        ["é", "€", "🌍", "x€🌍é"].map { Array(String(repeating: $0, count: count).utf8) }
    }

    @Test("The row's characters are sound in the midst of any text", arguments: NaiveUTF8.table.map(\.name))
    func soundCharacters(_ name: String) throws {
        let row = try #require(NaiveUTF8.table.first { $0.name == name })
        for character in [row.ranges.map(\.lowerBound), row.ranges.map(\.upperBound)] {
            for before in Self.surroundings {
                let text = before + character + before
                var validator = UTF8Validator()
                #expect(validator.validate(text[...]) == nil, "\(character) at \(before.count)")
                #expect(validator.isComplete, "\(character) at \(before.count)")
                // And without its last byte it is unfinished, or nothing is missing.
                var half = UTF8Validator()
                #expect(half.validate((before + character.dropLast())[...]) == nil)
                #expect(half.isComplete == (character.count == 1), "\(character) at \(before.count)")
            }
        }
    }

    @Test(
        "A byte outside its range is found in the midst of any text",
        arguments: NaiveUTF8.table.map(\.name)
    )
    func brokenCharacters(_ name: String) throws {
        let row = try #require(NaiveUTF8.table.first { $0.name == name })
        let character = row.ranges.map(\.lowerBound)
        let behind = Array(String(repeating: "é€🌍", count: 5).utf8)
        for place in row.ranges.indices.dropFirst() {
            for outside in [row.ranges[place].lowerBound - 1, row.ranges[place].upperBound + 1] {
                let broken = character[..<place] + [outside]
                for before in Self.surroundings {
                    // The text may end there or go on.
                    for text in [before + broken, before + broken + behind] {
                        var validator = UTF8Validator()
                        #expect(validator.validate(text[...]) == before.count + place, "\(broken)")
                    }
                }
            }
        }
    }

    @Test("A first byte that begins nothing is found in the midst of any text")
    func impossibleFirst() {
        for byte in [0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xFE, 0xFF] as [UInt8] {
            for before in Self.surroundings {
                var validator = UTF8Validator()
                #expect(validator.validate((before + [byte] + before)[...]) == before.count, "\(byte)")
            }
        }
    }

    /// RFC 6455 §8.1 says to fail once the text is not UTF-8, which is before the rest has come.
    @Test(
        "What can become no character fails at its first wrong byte, whatever could follow",
        arguments: [
            [0xC0], [0xC1], [0xF5], [0xFF], [0x80],  // No first bytes at all.
            [0xE0, 0x80], [0xE0, 0x9F], [0xF0, 0x80], [0xF0, 0x8F],  // Overlong.
            [0xED, 0xA0], [0xED, 0xBF],  // Surrogates.
            [0xF4, 0x90], [0xF4, 0xBF],  // Above U+10FFFF.
            [0xC2, 0x41], [0xE2, 0x82, 0x41], [0xF0, 0x9F, 0x8C, 0xC2],  // Left unfinished.
        ] as [[UInt8]]
    )
    func failFast(_ bytes: [UInt8]) {
        let last = bytes.count - 1
        var whole = UTF8Validator()
        #expect(whole.validate(bytes[...]) == last)
        // In two pieces the offset is that in the second.
        for cut in 1..<bytes.count where bytes.count > 1 {
            var validator = UTF8Validator()
            #expect(validator.validate(Array("text: ".utf8) + bytes[..<cut]) == nil)
            #expect(!validator.isComplete)
            #expect(validator.validate(Array(bytes[cut...])[...]) == last - cut)
        }
    }

    /// Runs of ASCII and of longer characters, each of which may be read by means of its own.
    private func mixed(_ dice: inout Dice) -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<dice.roll(2...5) {
            text += [UInt8](
                repeating: 0x61,
                count: dice.pick([0, 1, 7, 8, 9, 127, 128, 129, dice.roll(0...300)])
            )
            text +=
                dice.text("éñ\u{80}\u{7FF}€世\u{800}\u{D7FF}\u{E000}\u{FFFF}🌍\u{10FFFF}", count: 0...40).utf8
        }
        return text
    }

    private func verdict(_ pieces: [ArraySlice<UInt8>]) -> NaiveUTF8.Verdict {
        var validator = UTF8Validator()
        for piece in pieces {
            if let bad = validator.validate(piece) { return .impossible(at: piece.startIndex + bad) }
        }
        return validator.isComplete ? .complete : .incomplete
    }

    @Test("Long texts of all sorts of runs, sound, cut short and damaged, at once and in pieces")
    func mixedTexts() {
        var found: [String: Int] = [:]
        for seed in 0..<500 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let sound = mixed(&dice)
            #expect(verdict([sound[...]]) == .complete, "seed \(seed)")
            #expect(verdict(dice.cut(sound)) == .complete, "seed \(seed)")
            guard !sound.isEmpty else { continue }
            var damaged = sound
            let place = dice.roll(0...(sound.count - 1))
            switch dice.roll(0...3) {
            case 0: damaged.removeLast(sound.count - place)
            case 1: damaged.remove(at: place)
            case 2: damaged[place] ^= 0x80
            default: damaged[place] = UInt8(truncatingIfNeeded: dice.next())
            }
            let expected = NaiveUTF8.judge(damaged)
            #expect(verdict([damaged[...]]) == expected, "seed \(seed)")
            #expect(verdict(dice.cut(damaged)) == expected, "seed \(seed)")
            switch expected {
            case .complete: found["complete", default: 0] += 1
            case .incomplete: found["incomplete", default: 0] += 1
            case .impossible: found["impossible", default: 0] += 1
            }
        }
        // All three came up, or the texts would test less than they say.
        #expect(found.count == 3, "\(found)")
    }
}
