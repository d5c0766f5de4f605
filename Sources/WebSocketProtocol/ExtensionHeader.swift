/// One extension as `Sec-WebSocket-Extensions` names it (RFC 6455 §9.1): `name; key; key=value`.
public struct ExtensionElement: Sendable, Hashable {
    /// A parameter; the value, if any, without its quotation marks.
    public struct Parameter: Sendable, Hashable {
        public var name: String
        public var value: String?

        public init(name: String, value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    public var name: String
    /// In the order written; names may repeat here, and it is the extension that says whether they may.
    public var parameters: [Parameter]

    public init(name: String, parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }

    /// Reads the elements of all the header's fields, in order of preference.
    ///
    /// - Throws: ``ProtocolError/invalidExtensions(_:)`` for what breaks the grammar; a value in quotation
    ///   marks must be a token once they are taken off (RFC 6455 §9.1).
    public static func parse(_ fields: [String]) throws(ProtocolError) -> [ExtensionElement] {
        var elements: [ExtensionElement] = []
        try scan(fields.map { Array($0.utf8)[...] }) { part in
            switch part {
            case .name(let name):
                elements.append(ExtensionElement(name: String(decoding: name, as: UTF8.self)))
            case .parameter(let name, let value):
                elements[elements.count - 1].parameters.append(
                    Parameter(
                        name: String(decoding: name, as: UTF8.self),
                        value: value.map { String(decoding: $0, as: UTF8.self) }
                    )
                )
            }
        }
        return elements
    }

    /// Reads the header as ``parse(_:)`` does, and keeps nothing of it.
    static func check(_ fields: [ArraySlice<UInt8>]) throws(ProtocolError) { try scan(fields) { _ in } }

    /// What an element is made of, in order.
    enum Part {
        /// Begins an element.
        case name(ArraySlice<UInt8>)
        case parameter(ArraySlice<UInt8>, value: ArraySlice<UInt8>?)
    }

    static func scan(_ fields: [ArraySlice<UInt8>], _ found: (Part) -> Void) throws(ProtocolError) {
        var isEmpty = true
        for field in fields {
            var scanner = ExtensionScanner(bytes: field)
            try scanner.elements {
                isEmpty = false
                found($0)
            }
        }
        guard fields.isEmpty || !isEmpty else { throw .invalidExtensions("empty") }
    }

    /// The element as it stands in a header.
    public var headerValue: String {
        parameters.reduce(into: name) { text, parameter in
            text += "; \(parameter.name)"
            if let value = parameter.value { text += "=\(value)" }
        }
    }
}

/// A linear scanner: it never looks back, so no value can make it slow.
private struct ExtensionScanner {
    let bytes: ArraySlice<UInt8>
    var index: Int

    init(bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    private var isAtEnd: Bool { index == bytes.endIndex }

    mutating func elements(_ found: (ExtensionElement.Part) -> Void) throws(ProtocolError) {
        while true {
            skipBlanks()
            // RFC 9110 §5.6.1.2: a recipient passes over empty list elements.
            if take(",") { continue }
            guard !isAtEnd else { return }
            try element(found)
            skipBlanks()
            guard isAtEnd || take(",") else {
                throw .invalidExtensions("\"\(shown)\" where a comma or semicolon is expected")
            }
        }
    }

    private mutating func element(_ found: (ExtensionElement.Part) -> Void) throws(ProtocolError) {
        found(.name(try token("extension name")))
        while true {
            skipBlanks()
            guard take(";") else { return }
            skipBlanks()
            let name = try token("parameter name")
            skipBlanks()
            var value: ArraySlice<UInt8>?
            if take("=") {
                skipBlanks()
                value = take("\"") ? try quoted() : try token("parameter value")
            }
            found(.parameter(name, value: value))
        }
    }

    private mutating func token(_ what: String) throws(ProtocolError) -> ArraySlice<UInt8> {
        let start = index
        while !isAtEnd, HTTPGrammar.isTokenByte(bytes[index]) { index += 1 }
        guard index > start else { throw .invalidExtensions("\(what) missing at \"\(shown)\"") }
        return bytes[start..<index]
    }

    private mutating func quoted() throws(ProtocolError) -> ArraySlice<UInt8> {
        var value: [UInt8] = []
        while !isAtEnd {
            if take("\"") {
                guard HTTPGrammar.isToken(value) else {
                    throw .invalidExtensions("a quoted value that is not a token")
                }
                return value[...]
            }
            if take("\\"), isAtEnd { break }
            value.append(bytes[index])
            index += 1
        }
        throw .invalidExtensions("quotation mark without its twin")
    }

    private mutating func skipBlanks() {
        while !isAtEnd, HTTPGrammar.isBlank(bytes[index]) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard !isAtEnd, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private var shown: String { String(decoding: bytes[index...].prefix(20), as: UTF8.self) }
}
