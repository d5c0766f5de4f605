import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.5.2, §5.5.3: pings and pongs.
@Suite("Pings and pongs", .ownThread)
struct ControlFrameTests {
    @Test("A ping is answered with its own payload, of any size that fits", arguments: Role.both)
    func answer(_ role: Role) throws {
        for text in ["", "p", String(repeating: "x", count: 125)] {
            let outcome = try outcome(of: [.ping(text)], role: role)
            #expect(outcome.events == [.ping(text)])
            #expect(outcome.replies == [.pong(text)])
        }
    }

    @Test("A pong that nobody asked for is an event and nothing else", arguments: Role.both)
    func unsolicited(_ role: Role) throws {
        let outcome = try outcome(of: [.pong("x"), .pong("")], role: role)
        #expect(outcome.events == [.pong("x"), .pong("")])
        #expect(outcome.replies == [])
    }

    @Test("While pongs cannot be sent, only the latest ping's is kept", arguments: Role.both)
    func latestOnly(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        let pings = 100_000
        var events = 0
        for number in 0..<(pings / 1000) {
            var input = (0..<1000).flatMap { WireFrame.ping("\(number * 1000 + $0)").bytes(from: role.peer) }
            var offset = 0
            while input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) != nil { events += 1 }
        }
        #expect(events == pings)
        var output: [UInt8] = []
        endpoint.drainReplies(into: &output)
        #expect(WireFrame.read(output, from: role) == [.pong("\(pings - 1)")])
    }

    @Test("Pings and pongs of our own: 125 bytes fit, 126 do not", arguments: Role.both)
    func sending(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        var output: [UInt8] = []
        let fits = [UInt8](repeating: 0x78, count: 125)
        try endpoint.sendPing(fits.span.bytes, into: &output)
        try endpoint.sendPong(fits.span.bytes, into: &output)
        let text = String(repeating: "x", count: 125)
        #expect(WireFrame.read(output, from: role) == [.ping(text), .pong(text)])
        output = []
        let long = fits + [0x78]
        let error = UsageError.controlPayloadTooLong(bytes: 126)
        #expect(throws: error) { try endpoint.sendPing(long.span.bytes, into: &output) }
        #expect(throws: error) { try endpoint.sendPong(long.span.bytes, into: &output) }
        #expect(output.isEmpty)
    }
}
