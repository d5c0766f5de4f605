import HTTPTypes

/// The fields of a head as bytes: the head as it came, and where in it each field lies.
///
/// A field is made into a `String` when somebody asks for it. The opening handshake looks at the bytes.
struct HeadFields: Sendable {
    /// The fields that mean something to a head's framing or to the handshake.
    enum Name: UInt8, Sendable {
        case other
        case host
        case connection
        case upgrade
        case contentLength
        case transferEncoding
        case key
        case version
        case subprotocols
        case extensions
    }

    struct Field: Sendable {
        let name: Name
        let nameRange: Range<Int>
        let valueRange: Range<Int>
    }

    /// The head, start line and all.
    private(set) var bytes: [UInt8]
    private(set) var fields: [Field]

    init(bytes: [UInt8], fields: [Field]) {
        self.bytes = bytes
        self.fields = fields
    }

    /// The fields of a request that did not come as bytes.
    init(_ fields: HTTPFields) {
        self.init(bytes: [], fields: [])
        for field in fields {
            let start = bytes.count
            bytes += field.name.rawName.utf8
            let end = bytes.count
            field.withUnsafeBytesOfValue { bytes.append(contentsOf: $0) }
            self.fields.append(
                Field(
                    name: Name(of: bytes.span, start..<end),
                    nameRange: start..<end,
                    valueRange: end..<bytes.count
                )
            )
        }
    }

    /// The values of all fields of a name, in order.
    func values(_ name: Name) -> [ArraySlice<UInt8>] {
        fields.filter { $0.name == name }.map { bytes[$0.valueRange] }
    }

    func texts(_ name: Name) -> [String] { values(name).map { String(decoding: $0, as: UTF8.self) } }

    func count(_ name: Name) -> Int { fields.reduce(0) { $0 + ($1.name == name ? 1 : 0) } }

    func first(_ name: Name) -> ArraySlice<UInt8>? { range(name).map { bytes[$0] } }

    /// Where the value of the first field of a name lies.
    func range(_ name: Name) -> Range<Int>? { fields.first { $0.name == name }?.valueRange }

    /// The value of the first field of this name, given as ``HTTPGrammar/equals(_:_:_:)`` wants it.
    func first(named name: StaticString) -> ArraySlice<UInt8>? {
        fields.first { HTTPGrammar.equals(bytes.span, $0.nameRange, name) }.map { bytes[$0.valueRange] }
    }

    /// The values of all fields of this name, as ``first(named:)`` has it.
    func values(named name: StaticString) -> [String] {
        fields.compactMap { field in
            guard HTTPGrammar.equals(bytes.span, field.nameRange, name) else { return nil }
            return String(decoding: bytes[field.valueRange], as: UTF8.self)
        }
    }

    /// Whether the lists of all fields of a name hold a token, given in small letters.
    func list(_ name: Name, contains token: StaticString) -> Bool {
        fields.contains { $0.name == name && HTTPGrammar.list(bytes.span, $0.valueRange, contains: token) }
    }

    /// All of them as others know them. `Host` is not among a request's.
    func httpFields(without left: Name? = nil) -> HTTPFields {
        var all = HTTPFields()
        for field in fields where field.name != left {
            // Names are known to be tokens, which is all that is asked of them.
            guard let name = HTTPField.Name(String(decoding: bytes[field.nameRange], as: UTF8.self)) else {
                continue
            }
            all.append(HTTPField(name: name, lenientValue: bytes[field.valueRange]))
        }
        return all
    }

    /// RFC 9112 §6.3: a message whose length can be told in two ways is an attack or a mistake.
    func checkBodyFraming() throws(ProtocolError) {
        guard let length = first(.contentLength) else { return }
        guard count(.contentLength) == 1, !length.isEmpty, length.allSatisfy(HTTPGrammar.isDigit) else {
            throw .malformedHead("Content-Length is not one number")
        }
        guard first(.transferEncoding) == nil else {
            throw .malformedHead("both Content-Length and Transfer-Encoding")
        }
    }
}

extension HeadFields.Name {
    /// - Parameter range: where in `text` the name lies, which is a token.
    init(of text: Span<UInt8>, _ range: Range<Int>) {
        func has(_ name: StaticString) -> Bool { HTTPGrammar.equals(text, range, name) }
        // The length leaves one name to compare with, or two.
        self =
            switch range.count {
            case 4: has("host") ? .host : .other
            case 7: has("upgrade") ? .upgrade : .other
            case 10: has("connection") ? .connection : .other
            case 14: has("content-length") ? .contentLength : .other
            case 17: has("sec-websocket-key") ? .key : has("transfer-encoding") ? .transferEncoding : .other
            case 21: has("sec-websocket-version") ? .version : .other
            case 22: has("sec-websocket-protocol") ? .subprotocols : .other
            case 24: has("sec-websocket-extensions") ? .extensions : .other
            default: .other
            }
    }
}
