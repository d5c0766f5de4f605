import WebSocketProtocol

/// Validation of UTF-8, beside a copy of the same bytes.
struct UTF8Benchmark {
    struct Line {
        let text: SampleText
        let size: Int
        let isCached: Bool
        let misalignment: Int
        let comparison: Comparison
    }

    static func run(_ plan: Plan, buffers: BufferPair) -> [Line] {
        SampleText.allCases.flatMap { text in
            // Only ASCII is read in words wide enough for their alignment to matter.
            (text == .ascii ? [0, 3] : [0]).flatMap { misalignment in
                plan.sizes.map { size in
                    let bytes = buffers.bytes(size, misalignment: misalignment)
                    text.fill(bytes)
                    var isValid = true
                    let comparison = Comparison(bytes: size, budget: plan.budget(size: size)) {
                        var validator = UTF8Validator()
                        isValid = validator.validate(bytes.bytes) == nil && validator.isComplete && isValid
                    } with: {
                        buffers.copy(size, misalignment: misalignment)
                    }
                    precondition(isValid, "the sample text \"\(text.rawValue)\" is not valid UTF-8")
                    return Line(
                        text: text,
                        size: size,
                        isCached: size != plan.uncachedSize,
                        misalignment: misalignment,
                        comparison: comparison
                    )
                }
            }
        }
    }
}

/// What people write, in four mixtures.
enum SampleText: String, CaseIterable {
    case ascii = "ASCII"
    case latin = "Latin with accents"
    case cjk = "CJK"
    case mixed = "Latin, CJK, emoji"

    private var sample: String {
        switch self {
        case .ascii:
            "The quick brown fox jumps over the lazy dog; 0123456789 times, {\"said\": \"it\"}. "
        case .latin:
            "Fußgängerübergänge à Besançon, où l'été s'achève; el niño soñó con un pingüino en Łódź. "
        case .cjk:
            "祇園精舎の鐘の声、諸行無常の響きあり。床前明月光,疑是地上霜。나라의 말이 중국과 달라。"
        case .mixed:
            "See you at 8 in the café 👋 東京駅で会いましょう 🚄 – naïve plan, señor? 好的,没问题 👍🏽 ok! "
        }
    }

    /// Repeats the sample; the last one ends where a character does, and spaces fill what is left.
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        let sample = Array(sample.utf8)
        for index in bytes.indices { bytes[index] = sample[index % sample.count] }
        // The first byte of the character that the end may cut, unless that one is whole.
        var end = bytes.count
        while end > 0, sample[end % sample.count] & 0xC0 == 0x80 { end -= 1 }
        for index in end..<bytes.count { bytes[index] = 0x20 }
    }
}
