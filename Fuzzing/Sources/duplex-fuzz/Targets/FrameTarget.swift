import WebSocketProtocol

/// Frames, to either end of a connection without extensions.
///
/// The first byte of an input chooses the endpoint, the second the cuts; the rest are the peer's bytes.
enum FrameTarget: FuzzTarget {
    static let name = "frames"

    private static let limits = [
        Limits(maxFrameSize: 400, maxMessageSize: 500, maxMessageFragments: 3),
        Limits(maxMessageSize: 500),
        Limits(maxFrameSize: 0, maxMessageSize: 0, maxMessageFragments: 0),
        Limits(maxFrameSize: 125, maxMessageSize: .max, maxMessageFragments: 1),
    ]

    static func run(_ input: [UInt8]) {
        guard input.count > 2 else { return }
        let role = input[0] & 1 == 0 ? Role.server : .client
        let delivery = input[0] & 2 == 0 ? Delivery.messages : .parts
        let limits = limits[Int(input[0] >> 2 & 3)]
        let closesBehind = input[0] & 16 == 0 ? nil : 1 + Int(input[0] >> 5 & 3)
        let wire = input[2...]

        func run(_ pieces: [ArraySlice<UInt8>], shortcut: Bool = false) -> EndpointRun {
            let endpoint = WebSocketEndpoint(role: role, limits: limits, delivery: delivery)
            var run = EndpointRun(endpoint, closesBehind: closesBehind, shortcut: shortcut)
            run.feed(pieces)
            run.check(limits, delivery)
            return run
        }
        let whole = run([wire])
        var cuts = Cuts(seed: UInt64(input[1]))
        let other = run(cuts.pieces(of: wire))
        requireSame(whole.settledEvents, other.settledEvents, "other events when cut")
        requireSame(whole.state, other.state, "another state when cut")
        cuts = Cuts(seed: UInt64(input[1]))
        let short = run(cuts.pieces(of: wire), shortcut: true)
        requireSame(whole.settledEvents, short.settledEvents, "other events the short way")
        requireSame(whole.state, short.state, "another state the short way")
    }

    static var seeds: [[UInt8]] {
        let text = Array("añ€🌍".utf8)
        let conversations: [[WireFrame]] = [
            [WireFrame(opcode: 1, payload: text), WireFrame(opcode: 9, payload: [1]), WireFrame(opcode: 8)],
            [
                WireFrame(opcode: 1, payload: Array(text[..<5]), isFinal: false),
                WireFrame(opcode: 10),
                WireFrame(opcode: 0, payload: Array(text[5...])),
                WireFrame(opcode: 8, payload: [0x03, 0xE8] + text),
            ],
            [WireFrame(opcode: 2, payload: [UInt8](repeating: 7, count: 130))],
            [WireFrame(opcode: 2, isFinal: false), WireFrame(opcode: 0), WireFrame(opcode: 2)],
        ]
        return conversations.flatMap { frames in
            (0..<32 as Range<UInt8>).map { choice in
                [choice, 0] + frames.flatMap { $0.bytes(from: choice & 1 == 0 ? .client : .server) }
            }
        }
    }
}
