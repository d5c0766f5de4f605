import Synchronization
import WebSocketProtocol

/// What the connections of one server on one event loop have carried so far.
///
/// Only ever grows. The loop counts, and any thread may look: a connection has no counters of its own, and whoever
/// wants to know what a server does adds up its loops.
package final class LoopTraffic: Sendable {
    /// A number that the loop's thread alone changes and any thread reads.
    ///
    /// Adding is a load, an addition and a store, each a plain instruction without a lock on the bus. Nothing is lost by
    /// that: there is one writer, so that nobody can have stored anything between its load and its store. A reader sees
    /// some value that was stored, whole, and never an older one than it saw before; it may be behind by the read that
    /// is under way. Numbers are not read in one moment, so they need not fit each other to the message.
    struct Counter: ~Copyable, Sendable {
        private let value = Atomic(0)

        @inline(__always)
        func add(_ amount: Int) {
            value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
        }

        var current: Int { value.load(ordering: .relaxed) }
    }

    // In order of use, and on end, so that a message touches few cache lines.

    /// Bytes of frames, headers included, as read.
    let wireReceived = Counter()
    let textsReceived = Counter()
    let binariesReceived = Counter()
    /// Bytes of messages, after decompression.
    let payloadReceived = Counter()
    let textsSent = Counter()
    let binariesSent = Counter()
    /// Bytes of messages, before compression, handed to the transport.
    let payloadSent = Counter()
    /// Bytes handed to the transport, the opening handshake's answer included.
    let wireSent = Counter()
    let pingsReceived = Counter()
    let pongsReceived = Counter()
    let pingsSent = Counter()

    /// Told on the loop how long a peer took to answer a ping.
    let onRoundTrip: (@Sendable (Duration) -> Void)?

    package init(onRoundTrip: (@Sendable (Duration) -> Void)? = nil) { self.onRoundTrip = onRoundTrip }

    /// Messages of one read, counted where they cost least: in registers.
    struct Tally {
        var texts = 0
        var binaries = 0
        var payload = 0

        init() {}

        init(_ kind: MessageKind, _ count: Int) { add(kind, count) }

        @inline(__always)
        mutating func add(_ kind: MessageKind, _ count: Int) {
            let isText = kind == .text ? 1 : 0
            texts &+= isText
            binaries &+= 1 &- isText
            payload &+= count
        }
    }
}

typealias MessageTally = LoopTraffic.Tally

// MARK: - On the loop

extension LoopTraffic {
    @inline(__always)
    func received(_ tally: Tally) {
        textsReceived.add(tally.texts)
        binariesReceived.add(tally.binaries)
        payloadReceived.add(tally.payload)
    }

    @inline(__always)
    func sent(_ tally: (texts: Int, binaries: Int)) {
        textsSent.add(tally.texts)
        binariesSent.add(tally.binaries)
    }

    func sent(_ kind: MessageKind) { kind == .text ? textsSent.add(1) : binariesSent.add(1) }

    @inline(__always)
    func sent(wire: Int, payload: Int) {
        wireSent.add(wire)
        payloadSent.add(payload)
    }
}

// MARK: - From anywhere

extension LoopTraffic {
    /// One of the numbers.
    package enum Figure: Sendable, CaseIterable {
        case textsReceived, binariesReceived, payloadReceived, wireReceived
        case textsSent, binariesSent, payloadSent, wireSent
        case pingsReceived, pongsReceived, pingsSent
    }

    package subscript(figure: Figure) -> Int {
        switch figure {
        case .textsReceived: textsReceived.current
        case .binariesReceived: binariesReceived.current
        case .payloadReceived: payloadReceived.current
        case .wireReceived: wireReceived.current
        case .textsSent: textsSent.current
        case .binariesSent: binariesSent.current
        case .payloadSent: payloadSent.current
        case .wireSent: wireSent.current
        case .pingsReceived: pingsReceived.current
        case .pongsReceived: pongsReceived.current
        case .pingsSent: pingsSent.current
        }
    }
}
