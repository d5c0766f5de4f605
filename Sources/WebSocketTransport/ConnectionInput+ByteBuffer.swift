package import NIOCore

extension ConnectionInput {
    /// Bytes came in a buffer that others may hold too: a copy of them is delivered.
    package func received(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes in
            LoopScratch.current.withMutableCopy(of: bytes) { received($0) }
        }
    }
}
