import Testing

@testable import WebSocketProtocol

private extension UTF8Validator {
    mutating func validate(_ bytes: ArraySlice<UInt8>) -> Int? { bytes.withUnsafeBytes { validate($0) } }
}

/// RFC 3629 §4, RFC 6455 §8.1.
@Suite("UTF8Validator", .ownThread)
struct UTF8ValidatorTests {
    private func judge(_ bytes: [UInt8]) -> NaiveUTF8.Verdict {
        var validator = UTF8Validator()
        if let bad = validator.validate(bytes.span.bytes) { return .impossible(at: bad) }
        return validator.isComplete ? .complete : .incomplete
    }

    private func expectAsTheTable(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let (verdict, expected) = (judge(bytes), NaiveUTF8.judge(bytes))
        guard verdict != expected else { return }
        Issue.record("\(bytes): \(verdict), not \(expected)", sourceLocation: sourceLocation)
    }

    /// The ends of a range and what lies just outside, with every other border of the table.
    private static let edges: [UInt8] = [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xF0, 0xF4, 0xF5,
        0xFF,
    ]

    @Test("Each row of the table", arguments: NaiveUTF8.table.map(\.name))
    func rows(_ name: String) throws {
        let row = try #require(NaiveUTF8.table.first { $0.name == name })
        for pick in [\ClosedRange<UInt8>.lowerBound, \.upperBound] {
            let character = row.ranges.map { $0[keyPath: pick] }
            #expect(judge(character) == .complete)
            for length in 1..<max(1, character.count) {
                #expect(judge(Array(character.prefix(length))) == .incomplete)
            }
            // Each byte in turn moved just outside its range.
            for place in row.ranges.indices.dropFirst() {
                for outside in [row.ranges[place].lowerBound - 1, row.ranges[place].upperBound + 1] {
                    var broken = character
                    broken[place] = outside
                    #expect(judge(broken) == .impossible(at: place), "\(broken)")
                }
            }
        }
    }

    @Test("First bytes that begin nothing", arguments: Array(0x80...0xC1) + Array(0xF5...0xFF) as [UInt8])
    func impossibleFirst(_ byte: UInt8) {
        #expect(judge([byte]) == .impossible(at: 0))
        #expect(judge([0x61, byte, 0x61]) == .impossible(at: 1))
    }

    @Test("Every sequence of one and two bytes")
    func shortSequences() {
        for first in UInt8.min...UInt8.max {
            expectAsTheTable([first])
            for second in UInt8.min...UInt8.max { expectAsTheTable([first, second]) }
        }
    }

    @Test("Sequences of three bytes, each second byte, third bytes at the table's borders")
    func threeBytes() {
        for first in UInt8(0xDF)...0xF5 {
            for second in UInt8.min...UInt8.max {
                for third in Self.edges { expectAsTheTable([first, second, third]) }
            }
        }
    }

    @Test("Sequences of four bytes at the table's borders")
    func fourBytes() {
        for first in [0xEF, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5] as [UInt8] {
            for second in Self.edges {
                for third in Self.edges {
                    for fourth in Self.edges { expectAsTheTable([first, second, third, fourth]) }
                }
            }
        }
    }

    @Test("However text is cut, the verdict and its place are the same")
    func cuts() {
        let good = Array("aé€🌍 plain ASCII that is longer than sixteen bytes, then ünïcödé 世界 🌍🌎🌏".utf8)
        for text in [good, good + [0xE2, 0x82], good + [0xED, 0xA0, 0x80] + good] {
            let expected = NaiveUTF8.judge(text)
            for cut in 0...text.count {
                var validator = UTF8Validator()
                var verdict = NaiveUTF8.Verdict.complete
                if let bad = validator.validate(text[..<cut]) {
                    verdict = .impossible(at: bad)
                } else if let bad = validator.validate(text[cut...]) {
                    verdict = .impossible(at: cut + bad)
                } else if !validator.isComplete {
                    verdict = .incomplete
                }
                #expect(verdict == expected, "cut at \(cut)")
            }
            var validator = UTF8Validator()
            let bad = text.indices.first { validator.validate(text[$0...$0]) != nil }
            if case .impossible(let place) = expected { #expect(bad == place) } else { #expect(bad == nil) }
        }
    }

    @Test("Runs of ASCII of any length and alignment, with one byte that is none at any place")
    func wideASCII() {
        for misalignment in [0, 1, 3, 7, 8, 15] {
            for count in Array(0...70) + [127, 128, 129, 143, 144, 200, 256, 257] {
                var bytes = [UInt8](repeating: 0x61, count: misalignment + count)
                var validator = UTF8Validator()
                #expect(validator.validate(bytes[misalignment...]) == nil)
                #expect(validator.isComplete)
                for place in 0..<count {
                    // Of all bytes that are not ASCII the one that differs from it in one bit only.
                    bytes[misalignment + place] = 0x80
                    var validator = UTF8Validator()
                    let bad = validator.validate(bytes[misalignment...])
                    if bad != place { Issue.record("\(count) bytes, bad at \(place), found at \(bad ?? -1)") }
                    bytes[misalignment + place] = 0x61
                }
            }
        }
    }

    @Test("Texts at random, sound and damaged, as the table says")
    func random() {
        let alphabet = "az09 éñß€世界🌍\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}"
        for seed in 0..<2_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            var bytes = Array(dice.text(alphabet, count: 0...60).utf8)
            expectAsTheTable(bytes)
            guard !bytes.isEmpty else { continue }
            bytes[dice.roll(0...(bytes.count - 1))] = UInt8(truncatingIfNeeded: dice.next())
            expectAsTheTable(bytes)
        }
    }

    @Test("Nothing is nothing: empty pieces change nothing")
    func empty() {
        var validator = UTF8Validator()
        #expect(validator.validate([UInt8]().span.bytes) == nil)
        #expect(validator.isComplete)
        let half: [UInt8] = [0xE2]
        #expect(validator.validate(half.span.bytes) == nil)
        #expect(validator.validate([UInt8]().span.bytes) == nil)
        #expect(!validator.isComplete)
        let rest: [UInt8] = [0x82, 0xAC]
        #expect(validator.validate(rest.span.bytes) == nil)
        #expect(validator.isComplete)
    }
}
