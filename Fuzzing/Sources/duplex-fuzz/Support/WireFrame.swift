import WebSocketProtocol

/// A frame as RFC 6455 §5.2 draws it, read and written by code that shares nothing with the code under test.
struct WireFrame: Equatable {
    var opcode: UInt8
    var payload: [UInt8] = []
    var isFinal = true
    /// RSV1–RSV3 as 4, 2 and 1.
    var reservedBits: UInt8 = 0

    /// A client's frames have a key of zeroes, so that a changed byte of input is a changed byte of payload.
    func bytes(from sender: Role) -> [UInt8] {
        let mask: UInt8 = sender == .client ? 0x80 : 0
        var bytes = [(isFinal ? 0x80 : 0) | reservedBits << 4 | opcode]
        let size = payload.count
        if size < 126 {
            bytes.append(mask | UInt8(size))
        } else {
            bytes += [mask | 126, UInt8(size >> 8 & 0xFF), UInt8(size & 0xFF)]
        }
        if sender == .client { bytes += [0, 0, 0, 0] }
        return bytes + payload
    }

    /// What an endpoint has sent.
    ///
    /// - Returns: `nil` for anything but whole frames, masked or not as the role wants.
    static func read(_ bytes: [UInt8], from sender: Role) -> [WireFrame]? {
        var frames: [WireFrame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 2 else { return nil }
            let (first, second) = (rest.removeFirst(), rest.removeFirst())
            guard (second & 0x80 != 0) == (sender == .client) else { return nil }
            var length = Int(second & 0x7F)
            if length >= 126 {
                let digits = length == 126 ? 2 : 8
                guard rest.count >= digits else { return nil }
                length = rest.prefix(digits).reduce(0) { $0 * 256 + Int($1) }
                guard length > (digits == 2 ? 125 : 65_535) else { return nil }
                rest = rest.dropFirst(digits)
            }
            var key: [UInt8] = [0, 0, 0, 0]
            if sender == .client {
                guard rest.count >= 4 else { return nil }
                key = Array(rest.prefix(4))
                rest = rest.dropFirst(4)
            }
            guard rest.count >= length else { return nil }
            let payload = rest.prefix(length).enumerated().map { $1 ^ key[$0 % 4] }
            rest = rest.dropFirst(length)
            frames.append(
                WireFrame(
                    opcode: first & 0xF,
                    payload: payload,
                    isFinal: first & 0x80 != 0,
                    reservedBits: first >> 4 & 7
                )
            )
        }
        return frames
    }
}

extension Role {
    var peer: Role { self == .client ? .server : .client }
}
