import WebSocketProtocol

/// A frame as RFC 6455 §5.2 draws it, written and read by code that shares nothing with the code under test.
struct WireFrame: Equatable {
    var opcode: UInt8
    var payload: [UInt8] = []
    var isFinal = true
    /// RSV1–RSV3 as 4, 2 and 1.
    var reservedBits: UInt8 = 0

    static func text(_ text: String, isFinal: Bool = true) -> WireFrame {
        WireFrame(opcode: 1, payload: Array(text.utf8), isFinal: isFinal)
    }
    static func binary(_ payload: [UInt8], isFinal: Bool = true) -> WireFrame {
        WireFrame(opcode: 2, payload: payload, isFinal: isFinal)
    }
    static func continuation(_ payload: [UInt8], isFinal: Bool = true) -> WireFrame {
        WireFrame(opcode: 0, payload: payload, isFinal: isFinal)
    }
    static func ping(_ text: String) -> WireFrame { WireFrame(opcode: 9, payload: Array(text.utf8)) }
    static func pong(_ text: String) -> WireFrame { WireFrame(opcode: 10, payload: Array(text.utf8)) }
    static func close(_ code: Int, _ reason: String = "") -> WireFrame {
        WireFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason.utf8)
    }

    /// The key of every masked frame here: that of RFC 6455 §5.7.
    static let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

    /// A header of any sort, lawful or not.
    ///
    /// - Parameters:
    ///   - length: the seven bits in the second byte.
    ///   - extended: the length's further bytes.
    static func header(
        _ first: UInt8,
        length: UInt8,
        extended: [UInt8] = [],
        from sender: Role
    ) -> [UInt8] {
        sender == .client ? [first, 0x80 | length] + extended + key : [first, length] + extended
    }

    /// A number in network byte order.
    static func bytes(of number: UInt64, count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }

    func bytes(from sender: Role) -> [UInt8] {
        let first = (isFinal ? 0x80 : 0) | reservedBits << 4 | opcode
        let size = UInt64(payload.count)
        let header =
            switch payload.count {
            case ...125: Self.header(first, length: UInt8(payload.count), from: sender)
            case ...0xFFFF:
                Self.header(first, length: 126, extended: Self.bytes(of: size, count: 2), from: sender)
            default: Self.header(first, length: 127, extended: Self.bytes(of: size, count: 8), from: sender)
            }
        guard sender == .client else { return header + payload }
        return header + payload.enumerated().map { $1 ^ Self.key[$0 & 3] }
    }

    /// Frames as an endpoint of a role must write them, masked or not as that wants.
    ///
    /// - Returns: `nil` for anything else, such as half a frame.
    static func read(_ bytes: [UInt8], from sender: Role) -> [WireFrame]? {
        var frames: [WireFrame] = []
        var rest = bytes[...]
        while let first = rest.popFirst() {
            guard let second = rest.popFirst(), second & 0x80 == (sender == .client ? 0x80 : 0) else {
                return nil
            }
            var length = Int(second & 0x7F)
            if length > 125 {
                let size = length == 126 ? 2 : 8
                guard rest.count >= size else { return nil }
                length = rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
                guard length > (size == 2 ? 125 : 0xFFFF) else { return nil }
                rest = rest.dropFirst(size)
            }
            var key: [UInt8] = [0, 0, 0, 0]
            if sender == .client {
                guard rest.count >= 4 else { return nil }
                key = Array(rest.prefix(4))
                rest = rest.dropFirst(4)
            }
            guard rest.count >= length else { return nil }
            frames.append(
                WireFrame(
                    opcode: first & 0x0F,
                    payload: rest.prefix(length).enumerated().map { $1 ^ key[$0 & 3] },
                    isFinal: first & 0x80 != 0,
                    reservedBits: first >> 4 & 7
                )
            )
            rest = rest.dropFirst(length)
        }
        return frames
    }
}

extension Role {
    var peer: Role { self == .client ? .server : .client }
    static let both: [Role] = [.client, .server]
}
