import Testing

@testable import WebSocketTransport

@Suite("Unwritten bytes")
struct UnwrittenBytesTests {
    @Test(
        "They come out as they went in, and each write is done when its last byte is",
        arguments: [1, 700, 90_000]
    )
    func order(_ step: Int) {
        var unwritten = UnwrittenBytes(room: 10)
        var expected: [UInt8] = []
        var ends: [Int] = []
        for number in 0..<60 {
            let first = [UInt8](repeating: UInt8(number), count: number * 97 % 3000)
            let more = [UInt8](repeating: UInt8(200 - number), count: number * 31 % 5000)
            // Some of it has been taken, up to into the second part.
            let taken = number % 3 == 0 ? 0 : min(number * 61, first.count + more.count)
            unwritten.append(first.span.bytes, more.span.bytes, from: taken)
            expected += (first + more).dropFirst(taken)
            ends.append(expected.count)
        }
        // What was sent before and not taken whole, and answered then.
        let later: [UInt8] = [1, 2, 3]
        later.withUnsafeBytes { unwritten.putBack($0) }
        let earlier: [UInt8] = [7, 8, 9, 10]
        earlier.withUnsafeBytes { unwritten.putBack($0) }
        let all = earlier + later + expected

        var taken = 0
        var done = 0
        while !unwritten.isEmpty {
            let count = unwritten.withBytes { bytes in
                #expect(bytes.count == all.count - taken)
                #expect(bytes.prefix(50).elementsEqual(all[taken...].prefix(50)))
                return min(step, bytes.count)
            }
            taken += count
            done += unwritten.took(count)
            #expect(done == ends.count { $0 + 7 <= taken })
            if step == 1, taken > 3000 { break }
        }
        #expect(step == 1 || (taken == all.count && done == 60))
    }
}
