import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Where the handshake's nonce comes from")
struct HandshakeNonceTests {
    @Test("A source is asked for the sixteen bytes of the nonce at once")
    func oneDraw() throws {
        let source = RandomSource { buffer in
            // Each byte says how many were asked for.
            for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: buffer.count) }
        }
        #expect(source.bytes(16) == Array(repeating: 16, count: 16))
        let handshake = try ClientHandshake(url: WebSocketURL("ws://a"), random: source)
        #expect(handshake.request.headerFields[.secWebSocketKey] == "EBAQEBAQEBAQEBAQEBAQEA==")
    }

    /// Sizes around the 256 bytes that the system gives at a time.
    @Test(
        "The system's source fills every byte it is given",
        arguments: [0, 1, 16, 255, 256, 257, 512, 1_000]
    )
    func everyByte(_ count: Int) {
        var nonzero = Set<Int>()
        // A byte that stays zero in twelve draws by chance is one in 2^96.
        for _ in 0..<12 {
            let bytes = RandomSource.system.bytes(count)
            #expect(bytes.count == count)
            nonzero.formUnion(bytes.indices.filter { bytes[$0] != 0 })
        }
        #expect(nonzero.count == count)
    }

    @Test("A buffer is overwritten, and no byte beside it")
    func filled() {
        var bytes = [UInt8](repeating: 0xAA, count: 48)
        let source = RandomSource { buffer in for index in buffer.indices { buffer[index] = 0x55 } }
        bytes.withUnsafeMutableBytes { source.fill(UnsafeMutableRawBufferPointer(rebasing: $0[16..<32])) }
        #expect(bytes[..<16].allSatisfy { $0 == 0xAA })
        #expect(bytes[16..<32].allSatisfy { $0 == 0x55 })
        #expect(bytes[32...].allSatisfy { $0 == 0xAA })
    }
}
