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

    let textsReceived = Counter()
    let binariesReceived = Counter()
    /// Bytes of messages, after decompression.
    let payloadReceived = Counter()
    let textsSent = Counter()
    let binariesSent = Counter()
    /// Bytes of messages, before compression, handed to the transport.
    let payloadSent = Counter()
    let pingsReceived = Counter()
    let pongsReceived = Counter()
    let pingsSent = Counter()

    /// Told on the loop how long a peer took to answer a ping.
    let onRoundTrip: (@Sendable (Duration) -> Void)?

    package init(onRoundTrip: (@Sendable (Duration) -> Void)? = nil) { self.onRoundTrip = onRoundTrip }

    /// Messages of one read, counted in one register: an addition for each.
    struct Tally {
        /// From the top: 28 bits of bytes, 18 of texts, 18 of binaries.
        private var sums: UInt64 = 0

        /// The largest read that can be counted so: it holds fewer than 2^18 messages, each of which has a header of two
        /// bytes at least, and fewer than 2^28 bytes. Others are counted message by message.
        static let largestRead = (1 << 19) - 1

        @inline(__always)
        mutating func add(_ kind: MessageKind, _ count: Int) {
            sums &+= UInt64(truncatingIfNeeded: count) &<< 36 | (kind == .text ? 1 << 18 : 1)
        }

        var texts: Int { Int(sums >> 18 & 0x3FFFF) }
        var binaries: Int { Int(sums & 0x3FFFF) }
        var payload: Int { Int(sums >> 36) }
    }
}

typealias MessageTally = LoopTraffic.Tally

// MARK: - On the loop

extension LoopTraffic {
    @inline(__always)
    func received(_ tally: Tally) {
        // Nearly always there is one kind.
        if tally.texts > 0 { textsReceived.add(tally.texts) }
        if tally.binaries > 0 { binariesReceived.add(tally.binaries) }
        payloadReceived.add(tally.payload)
    }

    func received(_ kind: MessageKind, _ count: Int) {
        kind == .text ? textsReceived.add(1) : binariesReceived.add(1)
        payloadReceived.add(count)
    }

    @inline(__always)
    func sent(texts: Int, binaries: Int) {
        if texts > 0 { textsSent.add(texts) }
        if binaries > 0 { binariesSent.add(binaries) }
    }

    func sent(_ kind: MessageKind) { kind == .text ? textsSent.add(1) : binariesSent.add(1) }
}

// MARK: - From anywhere

extension LoopTraffic {
    /// One of the numbers.
    package enum Figure: Sendable, CaseIterable {
        case textsReceived, binariesReceived, payloadReceived
        case textsSent, binariesSent, payloadSent
        case pingsReceived, pongsReceived, pingsSent
    }

    package subscript(figure: Figure) -> Int {
        switch figure {
        case .textsReceived: textsReceived.current
        case .binariesReceived: binariesReceived.current
        case .payloadReceived: payloadReceived.current
        case .textsSent: textsSent.current
        case .binariesSent: binariesSent.current
        case .payloadSent: payloadSent.current
        case .pingsReceived: pingsReceived.current
        case .pongsReceived: pongsReceived.current
        case .pingsSent: pingsSent.current
        }
    }
}
