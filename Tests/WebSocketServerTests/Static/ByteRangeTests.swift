import Testing

@testable import WebSocketServer

@Suite("Ranges")
struct ByteRangeTests {
    /// Of a file of ten bytes.
    @Test(
        arguments: [
            ("bytes=0-0", 0..<1), ("bytes=0-9", 0..<10), ("bytes=2-5", 2..<6), ("bytes=5-", 5..<10),
            ("bytes=9-", 9..<10), ("bytes=-1", 9..<10), ("bytes=-10", 0..<10),
            // More than there is: as much as there is.
            ("bytes=5-100", 5..<10), ("bytes=-100", 0..<10),
            ("bytes=0-99999999999999999999999", 0..<10), ("bytes=-99999999999999999999999", 0..<10),
            ("bytes=3-9223372036854775807", 3..<10),
            ("BYTES=1-2", 1..<3), ("bytes= 1-2 ", 1..<3), ("bytes=007-8", 7..<9),
        ])
    func `One range is a part`(field: String, part: Range<Int>) {
        #expect(ByteRange(field, size: 10) == .part(part))
    }

    @Test(arguments: ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999999-", "bytes=-0", "bytes=-000"])
    func `A range behind the end cannot be had`(field: String) {
        #expect(ByteRange(field, size: 10) == .unsatisfiable)
    }

    @Test(
        arguments: [
            nil, "", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1", "bytes=+1-2",
            "bytes=1--2",
            "bytes=1-2-3", "bytes=1 - 2", "bytes=0x1-2", "bytes=１-２", "lines=1-2", "bytes =1-2",
            // RFC 9110 §14.2: may be ignored, and several are.
            "bytes=0-1,4-5", "bytes=0-1, 2-3", "bytes=0-0,-1",
        ])
    func `What is no range, and more than one, is all of it`(field: String?) {
        #expect(ByteRange(field, size: 10) == .whole)
    }

    @Test func `An empty file has no part`() {
        #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-5", size: 0) == .whole)
        #expect(ByteRange(nil, size: 0) == .whole)
    }
}
