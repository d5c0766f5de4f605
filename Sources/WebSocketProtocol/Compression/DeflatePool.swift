/// Compressors and decompressors that the connections of one thread take turns with: one message at a time
/// needs one, so a thousand connections that keep no context need not have a thousand.
///
/// Not `Sendable`: it belongs to one thread, or event loop.
public final class DeflatePool {
    private var deflaters: [Deflater.Configuration: [Deflater]] = [:]
    private var inflaters: [Int: [Inflater]] = [:]

    private var lastTerms: (terms: DeflateTerms, role: Role)?

    /// Idle ones kept of each kind; more are wanted only while messages arrive in pieces.
    static let idleLimit = 4

    public init() {}

    /// What connections that have the same to go by share.
    func terms(_ agreement: DeflateAgreement, _ options: DeflateOptions, _ role: Role) -> DeflateTerms {
        if let (terms, its) = lastTerms, its == role, terms.agreement == agreement, terms.options == options {
            return terms
        }
        let terms = DeflateTerms(agreement, options, role)
        lastTerms = (terms, role)
        return terms
    }

    func takeDeflater(_ configuration: Deflater.Configuration) -> Deflater? {
        deflaters[configuration]?.popLast() ?? Deflater(configuration)
    }

    func giveBack(_ deflater: Deflater) {
        deflater.reset()
        var idle = deflaters.removeValue(forKey: deflater.configuration) ?? []
        if idle.count < Self.idleLimit { idle.append(deflater) }
        deflaters[deflater.configuration] = idle
    }

    func takeInflater(windowBits: Int) -> Inflater? {
        inflaters[windowBits]?.popLast() ?? Inflater(windowBits: windowBits)
    }

    func giveBack(_ inflater: Inflater) {
        inflater.reset()
        var idle = inflaters.removeValue(forKey: inflater.windowBits) ?? []
        if idle.count < Self.idleLimit { idle.append(inflater) }
        inflaters[inflater.windowBits] = idle
    }
}
