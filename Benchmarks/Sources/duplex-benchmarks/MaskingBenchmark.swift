import WebSocketProtocol

/// Masking in place, beside a copy of the same bytes.
struct MaskingBenchmark {
    struct Line {
        let size: Int
        let isCached: Bool
        let misalignment: Int
        let comparison: Comparison
    }

    /// Bytes past the start of a page: a whole frame header, and an odd place.
    private static let misalignments = [0, 3]

    static func run(_ plan: Plan, buffers: BufferPair) -> [Line] {
        let key = MaskingKey(0x37, 0xFA, 0x21, 0x3D)
        return plan.sizes.flatMap { size in
            misalignments.map { misalignment in
                let bytes = buffers.bytes(size, misalignment: misalignment)
                let comparison = Comparison(bytes: size, budget: plan.budget(size: size)) {
                    var span = bytes.mutableBytes
                    key.apply(to: &span)
                } with: {
                    buffers.copy(size, misalignment: misalignment)
                }
                return Line(
                    size: size,
                    isCached: size != plan.uncachedSize,
                    misalignment: misalignment,
                    comparison: comparison
                )
            }
        }
    }
}
