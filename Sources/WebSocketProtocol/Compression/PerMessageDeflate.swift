/// permessage-deflate at work on one connection (RFC 7692 §6, §7.2).
///
/// Without context takeover it borrows a codec from the pool for each message, so that an idle connection
/// has none. With it, the codec is made at the first message that needs it, and stays.
public final class PerMessageDeflate: MessageExtension {
    public var agreement: DeflateAgreement { terms.agreement }
    /// Those of other connections too.
    package let terms: DeflateTerms
    private let pool: DeflatePool

    // Read side.
    private var inflater: Inflater?
    /// Of the message under way.
    private var bytesIn = 0
    private var bytesOut = 0

    // Write side.
    private var deflater: Deflater?

    /// - Parameters:
    ///   - role: which end this is.
    ///   - pool: that of the thread on which the connection lives.
    public init(_ agreement: DeflateAgreement, _ options: DeflateOptions, role: Role, pool: DeflatePool) {
        terms = pool.terms(agreement, options, role)
        self.pool = pool
    }

    private var options: DeflateOptions { terms.options }
    private var incoming: DeflateAgreement.Direction { terms.incoming }
    private var outgoing: DeflateAgreement.Direction { terms.outgoing }

    /// RFC 7692 §6: the "Per-Message Compressed" bit.
    public var reservedBits: UInt8 { 4 }

    /// Two connections with the same key have the same frames for the same message.
    package struct SharedFrameKey: Hashable, Sendable {
        let configuration: Deflater.Configuration
        let threshold: Int
    }

    /// `nil` where the compressor remembers earlier messages, so that no two frames are alike.
    package var sharedFrameKey: SharedFrameKey? {
        outgoing.keepsContext
            ? nil : SharedFrameKey(configuration: configuration, threshold: options.threshold)
    }

    /// A whole message as a server's frame, to be shared by all connections with the same
    /// ``sharedFrameKey``.
    ///
    /// - Returns: `nil` for one that is sent as it is.
    package func frame(_ kind: MessageKind, _ payload: [UInt8]) -> [UInt8]? {
        var changed: [UInt8] = []
        let bits = payload.withUnsafeBytes { send(kind, whole: $0, into: &changed) }
        guard bits != 0 else { return nil }
        var frame: [UInt8] = []
        FrameHeader(reservedBits: bits, opcode: kind.opcode, payloadLength: UInt64(changed.count))
            .append(to: &frame)
        return frame + changed
    }

    private var configuration: Deflater.Configuration { terms.configuration }

    // MARK: Receiving

    public func receive(
        _ piece: UnsafeRawBufferPointer,
        isLast: Bool,
        limit: Int,
        into output: inout [UInt8]
    ) throws(ProtocolError) {
        // zlib looks for what lies beyond its window in what it has just written, so that a peer that reaches
        // farther than it promised would be understood or not by how its bytes are cut. What is borrowed for
        // a message may as well have the whole window; what is kept for life is kept as small as agreed.
        let windowBits = incoming.keepsContext ? incoming.windowBits : 15
        guard let inflater = inflater ?? pool.takeInflater(windowBits: windowBits) else {
            throw .malformedCompression("no memory for a decompressor")
        }
        self.inflater = inflater
        bytesIn += piece.count
        let (most, overflow) = bytesIn.multipliedReportingOverflow(by: options.maxInflateRatio)
        let allowance = overflow ? .max : max(most, DeflateOptions.ratioAllowance)
        let room = min(limit, allowance - bytesOut)
        let before = output.count
        do throws(Inflater.Failure) {
            try inflater.decompress(piece, isLast: isLast, limit: room, into: &output)
        } catch {
            let whole = UInt64(bytesOut) + UInt64(limit)
            switch error {
            case .malformed(let why): throw .malformedCompression(why)
            case .tooBig where room < limit: throw .inflatedTooMuch(ratio: options.maxInflateRatio)
            case .tooBig: throw .messageTooBig(length: whole + 1, limit: Int(clamping: whole))
            }
        }
        bytesOut += output.count - before
        if isLast { endIncoming() }
    }

    private func endIncoming() {
        bytesIn = 0
        bytesOut = 0
        guard !incoming.keepsContext, let inflater else { return }
        self.inflater = nil
        pool.giveBack(inflater)
    }

    // MARK: Sending

    public func send(
        _ kind: MessageKind,
        whole payload: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) -> UInt8 {
        guard payload.count >= options.threshold, let deflater = takeDeflater() else { return 0 }
        deflater.compress(payload, isLast: true, into: &output)
        endOutgoing()
        // What did not get smaller may go as it is, unless the peer has to remember it.
        return outgoing.keepsContext || output.count < payload.count ? reservedBits : 0
    }

    public func beginSending(_ kind: MessageKind) -> UInt8 { takeDeflater() == nil ? 0 : reservedBits }

    public func send(fragment payload: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]) {
        deflater?.compress(payload, isLast: isLast, into: &output)
        if isLast { endOutgoing() }
    }

    private func takeDeflater() -> Deflater? {
        if deflater == nil { deflater = pool.takeDeflater(configuration) }
        return deflater
    }

    private func endOutgoing() {
        guard !outgoing.keepsContext, let deflater else { return }
        self.deflater = nil
        pool.giveBack(deflater)
    }

    public func end() {
        if let deflater { pool.giveBack(deflater) }
        if let inflater { pool.giveBack(inflater) }
        deflater = nil
        inflater = nil
    }
}

/// What was agreed on, and how this end goes about it: nearly always the same for one connection after the other,
/// which therefore share it.
package final class DeflateTerms: Sendable {
    package let agreement: DeflateAgreement
    let options: DeflateOptions
    let incoming: DeflateAgreement.Direction
    let outgoing: DeflateAgreement.Direction
    let configuration: Deflater.Configuration

    init(_ agreement: DeflateAgreement, _ options: DeflateOptions, _ role: Role) {
        self.agreement = agreement
        self.options = options
        incoming = agreement.incoming(of: role)
        outgoing = agreement.outgoing(of: role)
        configuration = Deflater.Configuration(
            windowBits: outgoing.windowBits,
            level: options.level,
            memoryLevel: options.memoryLevel
        )
    }
}
