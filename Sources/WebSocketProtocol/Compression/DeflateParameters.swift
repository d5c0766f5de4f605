/// The parameters of one permessage-deflate element, offer or answer (RFC 7692 §7.1).
struct DeflateParameters: Sendable, Hashable {
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

    init() {}

    /// - Throws: ``ProtocolError/invalidExtensions(_:)`` for a parameter that §7.1 does not define, that is
    ///   given twice, or whose value is none.
    init(_ element: ExtensionElement) throws(ProtocolError) {
        var seen: Set<String> = []
        for parameter in element.parameters {
            guard seen.insert(parameter.name).inserted else {
                throw Self.invalid(parameter, "is given twice")
            }
            switch parameter.name {
            case "server_no_context_takeover":
                guard parameter.value == nil else { throw Self.invalid(parameter, "has no value") }
                serverNoContextTakeover = true
            case "client_no_context_takeover":
                guard parameter.value == nil else { throw Self.invalid(parameter, "has no value") }
                clientNoContextTakeover = true
            case "server_max_window_bits":
                guard let bits = parameter.value.flatMap(Self.windowBits) else {
                    throw Self.invalid(parameter, "is a number from 8 to 15")
                }
                serverMaxWindowBits = bits
            case "client_max_window_bits":
                guard let value = parameter.value else {
                    clientMaxWindowBits = .any
                    continue
                }
                guard let bits = Self.windowBits(value) else {
                    throw Self.invalid(parameter, "is a number from 8 to 15")
                }
                clientMaxWindowBits = .bits(bits)
            default:
                throw Self.invalid(parameter, "is not a parameter of \(Self.extensionName)")
            }
        }
    }

    private static func invalid(_ parameter: ExtensionElement.Parameter, _ why: String) -> ProtocolError {
        let value = parameter.value.map { "=\($0)" } ?? ""
        return .invalidExtensions("\(parameter.name)\(value): \(parameter.name) \(why)")
    }

    /// §7.1.2.1: a decimal number without leading zeroes, 8 to 15.
    private static func windowBits(_ text: String) -> Int? {
        ["8": 8, "9": 9, "10": 10, "11": 11, "12": 12, "13": 13, "14": 14, "15": 15][text]
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
