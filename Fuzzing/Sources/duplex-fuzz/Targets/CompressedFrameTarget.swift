import WebSocketProtocol

/// Frames to either end of a connection that has agreed on compression.
///
/// The first two bytes of an input choose the endpoint, the third the cuts; the rest are the peer's bytes.
enum CompressedFrameTarget: FuzzTarget {
    static let name = "compressed-frames"

    private static let limits = [
        Limits(maxFrameSize: 400, maxMessageSize: 500, maxMessageFragments: 3),
        Limits(maxMessageSize: 100_000),
        Limits(maxMessageSize: 0),
        Limits(maxFrameSize: 125, maxMessageSize: .max, maxMessageFragments: 4),
    ]

    static func run(_ input: [UInt8]) {
        guard input.count > 3 else { return }
        let role = input[0] & 1 == 0 ? Role.server : .client
        let delivery = input[0] & 2 == 0 ? Delivery.messages : .parts
        let limits = limits[Int(input[0] >> 2 & 3)]
        let closesBehind = input[0] & 16 == 0 ? nil : 1 + Int(input[0] >> 5 & 3)
        let agreement = agreement(input[1])
        let options = DeflateOptions(maxInflateRatio: input[1] & 0x80 == 0 ? 500 : 1)
        let wire = input[3...]

        func run(_ pieces: [ArraySlice<UInt8>]) -> EndpointRun {
            let pool = DeflatePool()
            let deflate = PerMessageDeflate(agreement, options, role: role, pool: pool)
            let endpoint = WebSocketEndpoint(
                role: role,
                limits: limits,
                delivery: delivery,
                messageExtension: deflate
            )
            var run = EndpointRun(endpoint, closesBehind: closesBehind)
            run.feed(pieces)
            run.check(limits, delivery)
            run.end()
            checkSize(run.events, wire.count, options)
            return run
        }
        let whole = run([wire])
        var cuts = Cuts(seed: UInt64(input[2]))
        let other = run(cuts.pieces(of: wire))
        // A window that is kept for life is as small as agreed, and a peer that reaches beyond it fails or not
        // by the cuts. Of parts, the limit holds for what one read makes, so that cuts may move the end.
        let incoming = role == .server ? agreement.client : agreement.server
        if delivery == .parts || (incoming.keepsContext && incoming.windowBits < 15) {
            for (one, other) in zip(whole.settledEvents, other.settledEvents)
            where !one.isFailure && !other.isFailure && one.isWhole && other.isWhole {
                requireSame(one, other, "another message when cut")
            }
        } else {
            let blurred = (whole.settledEvents.map(Self.blurred), other.settledEvents.map(Self.blurred))
            requireSame(blurred.0, blurred.1, "other events when cut")
        }
    }

    /// With and without context, and windows of 8, 9, 12 and 15 bits.
    static func agreement(_ choice: UInt8) -> DeflateAgreement {
        let bits = [8, 9, 12, 15]
        return DeflateAgreement(
            server: .init(keepsContext: choice & 1 != 0, windowBits: bits[Int(choice >> 2 & 3)]),
            client: .init(keepsContext: choice & 2 != 0, windowBits: bits[Int(choice >> 4 & 3)])
        )
    }

    /// A message that breaks several rules fails for the first that is noticed, and with more of it at hand
    /// that may be another. Not so for the rules of frames.
    private static func blurred(_ event: Seen) -> Seen {
        switch event {
        case .failed(.invalidUTF8), .failed(.malformedCompression), .failed(.messageTooBig),
            .failed(.inflatedTooMuch):
            .failed(.malformedCompression("or too big"))
        default: event
        }
    }

    /// That all messages together grew by no more than the ratio allows each of them.
    private static func checkSize(_ events: [Seen], _ wireSize: Int, _ options: DeflateOptions) {
        for event in events {
            guard case .parts(_, let bytes, _) = event else { continue }
            let most = max(wireSize * options.maxInflateRatio, DeflateOptions.ratioAllowance)
            require(bytes.count <= most, "\(wireSize) bytes became \(bytes.count)")
        }
    }

    static var seeds: [[UInt8]] {
        let letters = [UInt8](repeating: 0x61, count: 600)
        // "Hello" as RFC 7692 §7.2.3 has it: with a fixed code, again with context, as it is, and in a last
        // block; then a block of two, and nothing.
        let bodies: [[UInt8]] = [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0xF2, 0x00, 0x11, 0x00, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
            [0x00],
            MessageTarget.compressed(letters),
            MessageTarget.compressed(Array((0..<400).map { UInt8(truncatingIfNeeded: $0 * $0 / 3) })),
        ]
        return bodies.flatMap { body in
            (0..<16 as Range<UInt8>).map { choice in
                let sender = choice & 1 == 0 ? Role.client : .server
                let half = body.count / 2
                let frames = [
                    WireFrame(opcode: 1, payload: body, reservedBits: 4),
                    WireFrame(opcode: 2, payload: Array(body[..<half]), isFinal: false, reservedBits: 4),
                    WireFrame(opcode: 9, payload: [1]),
                    WireFrame(opcode: 0, payload: Array(body[half...])),
                    WireFrame(opcode: 1, payload: [0x61]),
                ]
                return [choice, choice << 4 | choice, 0] + frames.flatMap { $0.bytes(from: sender) }
            }
        }
    }
}

extension Seen {
    fileprivate var isFailure: Bool {
        if case .failed = self { true } else { false }
    }
}
