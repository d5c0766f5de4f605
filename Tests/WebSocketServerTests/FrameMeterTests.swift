import NIOCore
import Testing

@testable import WebSocketServer

/// Frames are counted by their headers, however the bytes are cut.
@Suite("Counting frames of HTTP/2")
struct FrameMeterTests {
    private typealias Raw = HTTP2RawFrame

    private static let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func count(_ frames: [Raw], piece: Int = .max, _ meter: inout FrameMeter) throws {
        try count(bytes: frames.flatMap(\.bytes), piece: piece, at: Self.now, &meter)
    }

    private func count(bytes: [UInt8], piece: Int, at now: NIODeadline, _ meter: inout FrameMeter) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try Array(rest.prefix(piece)).withUnsafeBytes { try meter.count($0, at: now) }
            rest = rest.dropFirst(piece)
        }
    }

    private func meter(_ limit: Int) throws -> FrameMeter {
        var meter = FrameMeter(limit: limit, now: Self.now)
        try count(bytes: FrameMeter.preface, piece: 5, at: Self.now, &meter)
        return meter
    }

    @Test(arguments: [1, 2, 7, 9, 13, 1_000])
    func `What carries something is free, and what carries nothing is not`(piece: Int) throws {
        var meter = try meter(3)
        let free = [
            Raw(type: Raw.data, stream: 1, payload: [UInt8](repeating: 4, count: 300)),
            Raw(type: Raw.data, flags: Raw.endStream, stream: 1),
            Raw(type: Raw.headers, stream: 3, payload: [0x82]),
        ]
        for _ in 0..<10 { try count(free, piece: piece, &meter) }
        let ping = Raw(type: Raw.ping, payload: [6, 6, 6, 6, 6, 6, 6, 6])
        try count([ping, Raw(type: Raw.data, stream: 1), ping], piece: piece, &meter)
        #expect(throws: FrameMeter.Flood.controlFrames(limit: 3)) {
            try count([free[0], ping], piece: piece, &meter)
        }
    }

    @Test func `Large ones count for more`() throws {
        var meter = try meter(100)
        let settings = Raw(type: Raw.settings, payload: [UInt8](repeating: 0, count: 64 * 49))
        try count([settings, settings], &meter)
        #expect(throws: FrameMeter.Flood.self) { try count([Raw(type: Raw.settings)], &meter) }
    }

    @Test func `After a while it begins anew`() throws {
        var meter = try meter(2)
        let ping = Raw(type: Raw.ping, payload: [UInt8](repeating: 0, count: 8))
        try count([ping, ping], &meter)
        let later = Self.now + .seconds(Int64(FrameMeter.seconds))
        try count(bytes: ping.bytes + ping.bytes, piece: .max, at: later, &meter)
        #expect(throws: FrameMeter.Flood.self) {
            try count(bytes: ping.bytes, piece: .max, at: later + .seconds(9), &meter)
        }
    }

    @Test func `Room for what was sent is made in four frames at most, and a few more`() throws {
        var meter = try meter(5)
        let update = Raw(type: Raw.windowUpdate, payload: [0, 0, 0, 1])
        for _ in 0..<100 { meter.sentData() }
        for _ in 0..<405 { try count([update], &meter) }
        #expect(throws: FrameMeter.Flood.windowUpdates) { try count([update], &meter) }
    }
}
