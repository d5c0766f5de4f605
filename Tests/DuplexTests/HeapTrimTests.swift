#if os(Linux)
import CommandSupport
import Foundation
import Testing

/// Memory that goes back to the system.
@Suite("Trimming the heap", .enabled(if: HeapTrim.isAvailable, "the C library has no malloc_trim"))
struct HeapTrimTests {
    @Test func `What was freed below something in use goes back`() throws {
        // What others have left free would serve for the blocks, too.
        HeapTrim.now()
        let before = try Self.residentBytes()
        // Blocks that the allocator takes from its heap, not from the system one by one, and in the place of some of
        // them small ones that stay: the heap cannot shrink from its end.
        let block = 64 << 10
        var blocks = (0..<4096).map { _ in [UInt8](repeating: 1, count: block) }
        let pins = stride(from: 0, to: blocks.count, by: 64).map { index in
            defer { blocks[index] = [] }
            return [UInt8](repeating: 2, count: 100)
        }
        #expect(try Self.residentBytes() - before > 200 << 20)
        blocks = []
        HeapTrim.now()
        #expect(try Self.residentBytes() - before < 50 << 20)
        #expect(pins.allSatisfy { $0.count == 100 })
    }

    private static func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(fields.dropFirst().first.flatMap { Int($0) }) * Int(getpagesize())
    }
}
#endif
