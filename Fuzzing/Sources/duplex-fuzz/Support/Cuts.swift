/// Where an input is cut, as a connection cuts what is sent over it. The same number gives the same cuts, so
/// that what is found is found again.
struct Cuts {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// Cuts that depend on the input and nothing else (FNV-1a).
    init(hashing bytes: [UInt8]) {
        state = bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Pieces of 1, up to 4, up to 32 or up to 256 bytes, longer where there is much to cut; and now and then
    /// an empty one.
    mutating func pieces(of bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes
        let most = [1, 4, 32, 256][Int(next() % 4)] * (1 + UInt64(bytes.count) / 4096)
        while !rest.isEmpty {
            let dice = next()
            let size = dice % 16 == 0 ? 0 : 1 + Int((dice >> 8) % most)
            pieces.append(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        return pieces
    }
}
