import WebSocketProtocol

/// Messages as an application sends them, from one end of a connection to the other: what was sent is what
/// arrives, whatever is sent in which order, with compression and without.
///
/// The first two bytes of an input choose the ends, the third the cuts. Of the rest, each pair of bytes is
/// something to do, and how long its payload is; the payload follows.
enum MessageTarget: FuzzTarget {
    static let name = "messages"

    static func run(_ input: [UInt8]) {
        guard input.count > 3 else { return }
        let role = input[0] & 1 == 0 ? Role.server : .client
        let delivery = input[0] & 2 == 0 ? Delivery.messages : .parts
        let agreement = input[0] & 4 == 0 ? nil : CompressedFrameTarget.agreement(input[1])
        let options = DeflateOptions(
            level: 1 + Int(input[0] >> 3 & 7),
            memoryLevel: 1 + Int(input[1] >> 6 & 3),
            threshold: input[0] & 0x80 == 0 ? 0 : 16
        )
        let pool = DeflatePool()
        func endpoint(_ role: Role) -> WebSocketEndpoint {
            WebSocketEndpoint(
                role: role,
                delivery: delivery,
                messageExtension: agreement.map { PerMessageDeflate($0, options, role: role, pool: pool) }
            )
        }
        var sending = Sending(endpoint(role.peer), delivery)
        sending.obey(input[3...])
        var run = EndpointRun(endpoint(role), closesBehind: nil)
        var cuts = Cuts(seed: UInt64(input[2]))
        run.feed(cuts.pieces(of: sending.wire[...]))
        run.check(Limits(), delivery)
        run.end()
        // A message that was not ended stays unfinished; of parts, some of it has arrived.
        requireSame(run.events.filter(\.isWhole), sending.expected, "something else arrived")
    }

    /// A message as one compressed payload.
    static func compressed(_ message: [UInt8]) -> [UInt8] {
        let deflate = PerMessageDeflate(
            CompressedFrameTarget.agreement(.max),
            DeflateOptions(threshold: 0),
            role: .server,
            pool: DeflatePool()
        )
        var output: [UInt8] = []
        _ = message.withUnsafeBytes { deflate.send(.binary, whole: $0, into: &output) }
        return output
    }

    static var seeds: [[UInt8]] {
        let hello = Array("Hello".utf8)
        var doings: [UInt8] = []
        for doing in 0..<8 as Range<UInt8> { doings += [doing, 5] + hello }
        var long: [UInt8] = [1, 200] + [UInt8](repeating: 0x61, count: 200)
        long += [0, 100]
        long += 0..<100
        var seeds: [[UInt8]] = []
        for choice in 0..<8 as Range<UInt8> {
            seeds.append([choice, choice, 0] + doings)
            seeds.append([choice | 0x80, ~choice, 7] + long)
        }
        return seeds
    }
}

/// One end that sends, and what the other should see of it.
private struct Sending {
    private var endpoint: WebSocketEndpoint
    private let delivery: Delivery
    private var unfinished: (kind: MessageKind, bytes: [UInt8])?
    private var isClosing = false
    private(set) var wire: [UInt8] = []
    private(set) var expected: [Seen] = []

    init(_ endpoint: WebSocketEndpoint, _ delivery: Delivery) {
        self.endpoint = endpoint
        self.delivery = delivery
    }

    mutating func obey(_ script: ArraySlice<UInt8>) {
        var rest = script
        while rest.count >= 2 {
            let (doing, size) = (rest.removeFirst(), rest.removeFirst())
            var payload = Array(rest.prefix(Int(size)))
            rest = rest.dropFirst(payload.count)
            // Now and then beyond the next size of zlib's and of a frame's.
            if doing & 0x40 != 0 {
                let count = doing & 0x38 == 0x38 ? 300 : 10
                payload = Array(repeatElement(payload, count: count).joined())
            }
            attempt(doing, payload)
        }
        let owed = unfinished != nil
        requireSame(endpoint.isSendingMessage, owed, "a message under way")
    }

    private mutating func attempt(_ doing: UInt8, _ payload: [UInt8]) {
        let (before, count) = (expected, wire.count)
        let usesExtensions = doing & 0x80 == 0
        do throws(UsageError) {
            switch doing & 7 {
            case 0: try whole(.binary, payload, usesExtensions)
            case 1: try whole(.text, payload, usesExtensions)
            case 2: try fragment(.binary, payload, isLast: doing & 8 != 0, usesExtensions)
            case 3: try fragment(.text, payload, isLast: doing & 8 != 0, usesExtensions)
            case 4:
                try endpoint.sendPing(payload.span.bytes, into: &wire)
                expected.append(.ping(payload))
            case 5:
                try endpoint.sendPong(payload.span.bytes, into: &wire)
                expected.append(.pong(payload))
            case 6:
                let text = String(decoding: payload, as: UTF8.self)
                try endpoint.send(text, usesExtensions: usesExtensions, into: &wire)
                expect(.text, Array(text.utf8))
            default:
                // Seldom, for it ends all.
                guard doing & 0x38 == 0x38 else { return }
                let code = CloseCode(UInt16(payload.first ?? 0) * 16)
                let close = try ClosePayload(sending: code, reason: String(decoding: payload, as: UTF8.self))
                guard endpoint.close(close, into: &wire) else { return }
                isClosing = true
                expected.append(.close(close))
            }
            require(wire.count > count, "nothing was sent")
        } catch {
            require(wire.count == count && expected == before, "\(error), and yet something was sent")
            check(error, doing, payload)
        }
    }

    private mutating func whole(
        _ kind: MessageKind,
        _ payload: [UInt8],
        _ usesExtensions: Bool
    ) throws(UsageError) {
        try endpoint.send(kind, payload.span.bytes, usesExtensions: usesExtensions, into: &wire)
        expect(kind, payload)
    }

    private mutating func fragment(
        _ kind: MessageKind,
        _ payload: [UInt8],
        isLast: Bool,
        _ usesExtensions: Bool
    ) throws(UsageError) {
        let bytes = payload.span.bytes
        try endpoint.sendFragment(kind, bytes, isLast: isLast, usesExtensions: usesExtensions, into: &wire)
        let all = (unfinished?.bytes ?? []) + payload
        unfinished = isLast ? nil : (kind, all)
        if isLast { expect(kind, all) }
    }

    private mutating func expect(_ kind: MessageKind, _ bytes: [UInt8]) {
        let event = delivery == .messages ? Seen.message(kind, bytes) : .parts(kind, bytes, isLast: true)
        expected.append(event)
    }

    /// That a call was refused for a reason.
    private func check(_ error: UsageError, _ doing: UInt8, _ payload: [UInt8]) {
        switch error {
        case .notOpen: require(isClosing, "not open, though nobody closed")
        case .messageUnderWay: require(unfinished != nil, "there is no message under way")
        case .textNotUTF8:
            let text = (unfinished?.bytes ?? []) + payload
            require(doing & 7 == 1 || doing & 7 == 3, "\(error), and it was no text")
            // Within a message, text that ends inside a character may yet go on.
            require(String(validating: text, as: UTF8.self) == nil, "text that was UTF-8")
        case .controlPayloadTooLong(let bytes): require(bytes == payload.count && bytes > 125, "\(error)")
        case .closeCodeNotSendable, .closeReasonTooLong: require(doing & 7 == 7, "\(error)")
        default: fatalError("\(error), of all things")
        }
    }
}
