package import WebSocketProtocol

/// A frame as it stands on the wire, read by a decoder that shares nothing with the one under test.
package struct Frame: Equatable, Sendable {
    package var opcode: Opcode
    package var payload: [UInt8] = []
    package var isFinal = true
    package var isMasked = false

    package init(_ opcode: Opcode, _ payload: [UInt8] = [], isFinal: Bool = true, isMasked: Bool = false) {
        self.opcode = opcode
        self.payload = payload
        self.isFinal = isFinal
        self.isMasked = isMasked
    }

    package static func text(_ text: String, isFinal: Bool = true) -> Frame {
        Frame(.text, Array(text.utf8), isFinal: isFinal)
    }

    package static func close(_ code: UInt16? = nil, _ reason: String = "") -> Frame {
        guard let code else { return Frame(.close) }
        return Frame(.close, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason.utf8)
    }

    /// The code of a close frame.
    package var closeCode: UInt16? {
        guard opcode == .close, payload.count >= 2 else { return nil }
        return UInt16(payload[0]) << 8 | UInt16(payload[1])
    }

    /// RFC 6455 §5.2. A client's frames are masked.
    package func bytes(from sender: Role) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode.rawValue]
        let mask: UInt8 = sender == .client ? 0x80 : 0
        switch payload.count {
        case ...125: bytes.append(mask | UInt8(payload.count))
        case ...0xFFFF:
            bytes.append(mask | 126)
            bytes += [UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(mask | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(payload.count >> shift & 0xFF))
            }
        }
        guard sender == .client else { return bytes + payload }
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        bytes += key
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index & 3]) }
        return bytes
    }

    package struct Malformed: Error {}

    /// Reads one frame off the front of `bytes`.
    ///
    /// - Returns: `nil` when it is not whole yet.
    package static func take(from bytes: inout ArraySlice<UInt8>) throws -> Frame? {
        var rest = bytes
        guard let first = rest.popFirst(), let second = rest.popFirst() else { return nil }
        guard first & 0x70 == 0 else { throw Malformed() }
        var length = Int(second & 0x7F)
        if length > 125 {
            let size = length == 126 ? 2 : 8
            guard rest.count >= size else { return nil }
            length = rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(size)
        }
        let isMasked = second & 0x80 != 0
        var key: [UInt8] = [0, 0, 0, 0]
        if isMasked {
            guard rest.count >= 4 else { return nil }
            key = Array(rest.prefix(4))
            rest = rest.dropFirst(4)
        }
        guard rest.count >= length else { return nil }
        var payload = Array(rest.prefix(length))
        if isMasked { for index in payload.indices { payload[index] ^= key[index & 3] } }
        bytes = rest.dropFirst(length)
        return Frame(Opcode(rawValue: first & 0x0F), payload, isFinal: first & 0x80 != 0, isMasked: isMasked)
    }

    package static func takeAll(from bytes: inout ArraySlice<UInt8>) throws -> [Frame] {
        var frames: [Frame] = []
        while let frame = try take(from: &bytes) { frames.append(frame) }
        return frames
    }
}
