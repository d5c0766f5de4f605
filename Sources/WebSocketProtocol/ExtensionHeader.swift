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
        for field in fields {
            var scanner = ExtensionScanner(bytes: Array(field.utf8))
            elements += try scanner.elements()
        }
        guard fields.isEmpty || !elements.isEmpty else { throw .invalidExtensions("empty") }
        return elements
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
    let bytes: [UInt8]
    var index = 0

    mutating func elements() throws(ProtocolError) -> [ExtensionElement] {
        var result: [ExtensionElement] = []
        while true {
            skipBlanks()
            // RFC 9110 §5.6.1.2: a recipient passes over empty list elements.
            if take(",") { continue }
            guard index < bytes.count else { break }
            result.append(try element())
            skipBlanks()
            guard index == bytes.count || take(",") else {
                throw .invalidExtensions("\"\(shown)\" where a comma or semicolon is expected")
            }
        }
        return result
    }

    private mutating func element() throws(ProtocolError) -> ExtensionElement {
        var element = ExtensionElement(name: try token("extension name"))
        while true {
            skipBlanks()
            guard take(";") else { return element }
            skipBlanks()
            var parameter = ExtensionElement.Parameter(name: try token("parameter name"))
            skipBlanks()
            if take("=") {
                skipBlanks()
                parameter.value = take("\"") ? try quoted() : try token("parameter value")
            }
            element.parameters.append(parameter)
        }
    }

    private mutating func token(_ what: String) throws(ProtocolError) -> String {
        let start = index
        while index < bytes.count, HTTPGrammar.isTokenByte(bytes[index]) { index += 1 }
        guard index > start else { throw .invalidExtensions("\(what) missing at \"\(shown)\"") }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func quoted() throws(ProtocolError) -> String {
        var value: [UInt8] = []
        while index < bytes.count {
            if take("\"") {
                guard HTTPGrammar.isToken(value) else {
                    throw .invalidExtensions("a quoted value that is not a token")
                }
                return String(decoding: value, as: UTF8.self)
            }
            if take("\\"), index == bytes.count { break }
            value.append(bytes[index])
            index += 1
        }
        throw .invalidExtensions("quotation mark without its twin")
    }

    private mutating func skipBlanks() {
        while index < bytes.count, HTTPGrammar.isBlank(bytes[index]) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private var shown: String { String(decoding: bytes[index...].prefix(20), as: UTF8.self) }
}
