import Testing

@testable import WebSocketProtocol

/// Messages in the parts they arrive in (``Delivery/parts``).
@Suite("Delivery in parts", .ownThread)
struct StreamingTests {
    @Test("Parts follow the reads, and nothing is held back", arguments: Role.both)
    func parts(_ role: Role) throws {
        let bytes = WireFrame.binary(Array(0..<100)).bytes(from: role.peer)
        let header = bytes.count - 100
        var endpoint = WebSocketEndpoint(role: role, delivery: .parts)
        var seen: [Seen] = []
        for piece in [bytes[..<(header + 10)], bytes[(header + 10)..<(header + 70)], bytes[(header + 70)...]]
        {
            var input = Array(piece)
            var offset = 0
            while let event = input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) {
                seen.append(Seen(event, in: input))
            }
        }
        #expect(
            seen == [
                .part(.binary, Array(0..<10), isLast: false), .part(.binary, Array(10..<70), isLast: false),
                .part(.binary, Array(70..<100), isLast: true),
            ]
        )
    }

    @Test("However it is cut, the parts are the message", arguments: Role.both)
    func joined(_ role: Role) throws {
        let frames: [WireFrame] = [
            .text("añ", isFinal: false), .ping("p"), .continuation(Array("€🌍".utf8), isFinal: false),
            .continuation([]), .binary([]), .binary([1, 2], isFinal: false), .continuation([3]),
        ]
        let outcome = try outcome(of: frames, role: role, delivery: .parts)
        #expect(
            outcome.events == [
                .part(.text, Array("añ".utf8), isLast: false), .ping("p"),
                .part(.text, Array("€🌍".utf8), isLast: true), .part(.binary, [], isLast: true),
                .part(.binary, [1, 2, 3], isLast: true),
            ]
        )
    }

    @Test("A frame of 8 GiB passes through without being kept, far above the message limit")
    func hugeFrame() throws {
        var endpoint = WebSocketEndpoint(
            role: .client,
            limits: Limits(maxMessageSize: 1000),
            delivery: .parts
        )
        var input = WireFrame.header(
            0x82,
            length: 127,
            extended: WireFrame.bytes(of: 1 << 33, count: 8),
            from: .server
        )
        var offset = 0
        #expect(input.withUnsafeMutableBytes { endpoint.receive($0, at: &offset) } == nil)
        input = [UInt8](repeating: 7, count: 1 << 16)
        for _ in 0..<64 {
            offset = 0
            let event = input.withUnsafeMutableBytes { endpoint.receive($0, at: &offset) }
            // Where it lies in the input, not a copy.
            #expect(event == .part(.binary, .input(0..<(1 << 16)), isLast: false))
        }
    }

    @Test("Text is checked as it comes", arguments: Role.both)
    func text(_ role: Role) throws {
        let frames: [WireFrame] = [
            .text("ab", isFinal: false), WireFrame(opcode: 0, payload: [0x63, 0xFF, 0x64], isFinal: false),
        ]
        let bytes = frames.flatMap { $0.bytes(from: role.peer) }
        let endpoint = WebSocketEndpoint(role: role, delivery: .parts)
        // How much of the good beginning comes before the failure depends on the cut.
        for cut in bytes.indices {
            let outcome = try outcome(of: [bytes[..<cut], bytes[cut...]], at: endpoint)
            #expect(outcome.events.last == .failed(.invalidUTF8(offset: 3)))
        }
    }

    @Test("A change of delivery takes effect with the next message")
    func change() {
        var endpoint = WebSocketEndpoint(role: .client)
        func receive(_ frame: WireFrame) -> [Seen] {
            var input = frame.bytes(from: .server)
            var offset = 0
            var seen: [Seen] = []
            while let event = input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) {
                seen.append(Seen(event, in: input))
            }
            return seen
        }
        #expect(receive(.text("a", isFinal: false)) == [])
        endpoint.delivery = .parts
        #expect(receive(.continuation(Array("b".utf8))) == [.text("ab")])
        #expect(receive(.text("c")) == [.part(.text, Array("c".utf8), isLast: true)])
    }
}
