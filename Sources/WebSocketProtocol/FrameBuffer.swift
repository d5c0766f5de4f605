/// Frames of a server, gathered in memory that stays where it is: each costs a copy of its payload and little else.
///
/// For whoever answers many small messages at a time and has checked beforehand what ``WebSocketEndpoint`` would:
/// that data may be sent and that no fragmented message is under way.
///
/// A handle as large as a pointer; copies name the same memory. Its owner, who called ``allocate(capacity:)``, calls
/// ``deallocate()`` once nobody uses any of them, and nobody shares it between threads.
package struct FrameBuffer {
    private struct Head {
        let capacity: Int
        var used = 0
        var largestPayload = 0
        /// Messages of each kind, one in each half.
        var tally: UInt64 = 0
    }

    // Every access goes through the functions below, which compare with the capacity first.
    private let head: UnsafeMutablePointer<Head>
    private var frames: UnsafeMutableRawPointer { UnsafeMutableRawPointer(head) + Self.headSize }
    private static var headSize: Int { 64 }

    /// - Parameter capacity: in bytes. The memory costs nothing before it is used.
    package static func allocate(capacity: Int) -> FrameBuffer {
        let capacity = max(capacity, 0)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: headSize + capacity, alignment: 64)
        return FrameBuffer(head: memory.initializeMemory(as: Head.self, to: Head(capacity: capacity)))
    }

    package func deallocate() { UnsafeMutableRawPointer(head).deallocate() }

    /// Bytes of all frames.
    package var count: Int { head.pointee.used }

    /// Bytes of all frames, and how many there are of each kind.
    package var sums: (bytes: Int, texts: Int, binaries: Int) {
        let tally = head.pointee.tally
        return (head.pointee.used, Int(tally >> 32), Int(tally & 0xFFFF_FFFF))
    }

    /// Begins anew.
    ///
    /// - Parameter largestPayload: what is larger will be refused.
    package func begin(largestPayload: Int) {
        head.pointee.used = 0
        head.pointee.largestPayload = largestPayload
        head.pointee.tally = 0
    }

    /// Appends a whole message as one frame: final, unmasked, unchanged by extensions (RFC 6455 §5.2).
    ///
    /// - Returns: whether there was room and the message is not too large; if not, nothing is appended.
    package func append(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        let length = payload.count
        let used = head.pointee.used
        guard length <= head.pointee.largestPayload,
            head.pointee.capacity - used - Self.longestHeader >= length
        else { return false }
        let frame = frames + used
        frame.storeBytes(of: 0x80 | kind.opcode.rawValue, as: UInt8.self)
        var header = 2
        if length <= FrameHeader.maximumControlPayload {
            frame.storeBytes(of: UInt8(truncatingIfNeeded: length), toByteOffset: 1, as: UInt8.self)
        } else if length <= 0xFFFF {
            frame.storeBytes(of: 126, toByteOffset: 1, as: UInt8.self)
            let bytes = UInt16(truncatingIfNeeded: length).bigEndian
            frame.storeBytes(of: bytes, toByteOffset: 2, as: UInt16.self)
            header = 4
        } else {
            frame.storeBytes(of: 127, toByteOffset: 1, as: UInt8.self)
            frame.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            header = 10
        }
        if let start = payload.baseAddress { (frame + header).copyMemory(from: start, byteCount: length) }
        head.pointee.used = used + header + length
        // In one addition. Neither half can overflow into the other: a frame has two bytes at least, and the memory
        // holds far fewer than 2^33.
        head.pointee.tally &+= kind == .text ? 1 << 32 : 1
        return true
    }

    /// Unmasked.
    private static var longestHeader: Int { 10 }

    /// The frames, until the next change.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: frames, count: count) }
}
