/// The parameters of one permessage-deflate element, offer or answer (RFC 7692 §7.1).
struct DeflateParameters: Sendable {
    static let extensionName = "permessage-deflate"

    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverMaxWindowBits: Int?
    /// A client may offer this one without a value: it says only that the server may choose one (§7.1.2.2).
    var clientMaxWindowBits: ClientWindow?

    enum ClientWindow: Sendable, Hashable {
        case any
        case bits(Int)
    }

    /// Which have been read; each may stand once.
    private var seen: UInt8 = 0

    init() {}

    /// - Throws: ``ProtocolError/invalidExtensions(_:)`` for a parameter that §7.1 does not define, that is
    ///   given twice, or whose value is none.
    init(_ element: ExtensionElement) throws(ProtocolError) {
        for parameter in element.parameters {
            try take(Array(parameter.name.utf8)[...], value: parameter.value.map { Array($0.utf8)[...] })
        }
    }

    /// Reads one parameter more.
    mutating func take(_ name: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) throws(ProtocolError) {
        guard let known = Name.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else {
            throw Self.invalid(name, value, "is not a parameter of \(Self.extensionName)")
        }
        guard seen & known.bit == 0 else { throw Self.invalid(name, value, "is given twice") }
        seen |= known.bit
        switch known {
        case .serverNoContextTakeover:
            guard value == nil else { throw Self.invalid(name, value, "has no value") }
            serverNoContextTakeover = true
        case .clientNoContextTakeover:
            guard value == nil else { throw Self.invalid(name, value, "has no value") }
            clientNoContextTakeover = true
        case .serverMaxWindowBits:
            guard let bits = value.flatMap(Self.windowBits) else {
                throw Self.invalid(name, value, "is a number from 8 to 15")
            }
            serverMaxWindowBits = bits
        case .clientMaxWindowBits:
            guard let value else {
                clientMaxWindowBits = .any
                return
            }
            guard let bits = Self.windowBits(value) else {
                throw Self.invalid(name, value, "is a number from 8 to 15")
            }
            clientMaxWindowBits = .bits(bits)
        }
    }

    private enum Name: String, CaseIterable {
        case serverNoContextTakeover = "server_no_context_takeover"
        case clientNoContextTakeover = "client_no_context_takeover"
        case serverMaxWindowBits = "server_max_window_bits"
        case clientMaxWindowBits = "client_max_window_bits"

        var bit: UInt8 {
            switch self {
            case .serverNoContextTakeover: 1
            case .clientNoContextTakeover: 2
            case .serverMaxWindowBits: 4
            case .clientMaxWindowBits: 8
            }
        }
    }

    private static func invalid(
        _ name: ArraySlice<UInt8>,
        _ value: ArraySlice<UInt8>?,
        _ why: String
    ) -> ProtocolError {
        let name = String(decoding: name, as: UTF8.self)
        let value = value.map { "=\(String(decoding: $0, as: UTF8.self))" } ?? ""
        return .invalidExtensions("\(name)\(value): \(name) \(why)")
    }

    /// §7.1.2.1: a decimal number without leading zeroes, 8 to 15.
    private static func windowBits(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first, let last = text.last, text.allSatisfy(HTTPGrammar.isDigit) else {
            return nil
        }
        switch (text.count, Int(first) - 0x30, Int(last) - 0x30) {
        case (1, let bits, _) where bits >= 8: return bits
        case (2, 1, let units) where units <= 5: return 10 + units
        default: return nil
        }
    }

    /// Writes the parameters as an element of the header.
    func append(to output: inout [UInt8]) {
        output.append(contentsOf: Self.extensionName.utf8)
        if serverNoContextTakeover { output.append(contentsOf: "; server_no_context_takeover".utf8) }
        if clientNoContextTakeover { output.append(contentsOf: "; client_no_context_takeover".utf8) }
        if let serverMaxWindowBits {
            output.append(contentsOf: "; server_max_window_bits=\(serverMaxWindowBits)".utf8)
        }
        switch clientMaxWindowBits {
        case .any: output.append(contentsOf: "; client_max_window_bits".utf8)
        case .bits(let bits): output.append(contentsOf: "; client_max_window_bits=\(bits)".utf8)
        case nil: break
        }
    }

    var element: ExtensionElement {
        var element = ExtensionElement(name: Self.extensionName)
        if serverNoContextTakeover { element.parameters.append(.init(name: "server_no_context_takeover")) }
        if clientNoContextTakeover { element.parameters.append(.init(name: "client_no_context_takeover")) }
        if let serverMaxWindowBits {
            element.parameters.append(.init(name: "server_max_window_bits", value: "\(serverMaxWindowBits)"))
        }
        switch clientMaxWindowBits {
        case .any: element.parameters.append(.init(name: "client_max_window_bits"))
        case .bits(let bits):
            element.parameters.append(.init(name: "client_max_window_bits", value: "\(bits)"))
        case nil: break
        }
        return element
    }
}
