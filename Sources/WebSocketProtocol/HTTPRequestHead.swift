public import HTTPTypes

/// A request's head, with the version it was written in.
public struct HTTPRequestHead: Sendable, Hashable {
    /// One that was read stays bytes until somebody asks for the ``request``: a server that only looks whether
    /// it may open a WebSocket never does.
    private enum Form: Sendable {
        case read(Read)
        indirect case made(HTTPRequest)
    }

    private var form: Form
    public var version: HTTPVersion

    public init(request: HTTPRequest, version: HTTPVersion = .http1_1) {
        form = .made(request)
        self.version = version
    }

    init(_ read: Read) {
        form = .read(read)
        version = read.version
    }

    /// Made anew from the bytes each time it is asked for, where it was read from such.
    public var request: HTTPRequest {
        get {
            switch form {
            case .read(let read): read.request
            case .made(let request): request
            }
        }
        set { form = .made(newValue) }
    }

    /// The head's bytes, where it was read from such.
    package var bytes: [UInt8]? {
        guard case .read(let read) = form else { return nil }
        return read.fields.bytes
    }

    /// What is asked for: a path and query, or what stands in its place.
    package var target: ArraySlice<UInt8> {
        switch form {
        case .read(let read):
            switch read.target {
            case .path(let range): read.fields.bytes[range]
            case .url(_, let path): ArraySlice(path.utf8)
            }
        case .made(let request): ArraySlice((request.path ?? "").utf8)
        }
    }

    /// Whether the method is this one.
    package func isMethod(_ method: HTTPRequest.Method) -> Bool {
        switch form {
        case .read(let read): read.isMethod(method.rawValue)
        case .made(let request): request.method == method
        }
    }

    /// The value of the first field of this name, which is given in small letters.
    package func firstValue(_ name: StaticString) -> ArraySlice<UInt8>? { fields.first(named: name) }

    /// The values of all fields of this name, which is given in small letters, in order.
    package func values(_ name: StaticString) -> [String] { fields.values(named: name) }

    /// What was asked for: `Host`, the authority of a whole URL, or `:authority`.
    package var authority: String? {
        switch form {
        case .read(let read): read.authority
        case .made(let request): request.authority
        }
    }

    /// Whether a field `Upgrade` names WebSockets, however wrongly; over HTTP/2, whether it is an extended `CONNECT`
    /// for them.
    package var asksForWebSocket: Bool {
        if version == .http2 {
            guard isMethod(.connect), let name = request.extendedConnectProtocol else { return false }
            return HTTPGrammar.equalsIgnoringCase(name, "websocket")
        }
        if fields.list(.upgrade, contains: "websocket") { return true }
        return fields.texts(.upgrade).contains { $0.lowercased().contains("websocket") }
    }

    /// Without the bytes of the start line, and `Host`, where it was not read.
    var fields: HeadFields {
        switch form {
        case .read(let read): read.fields
        case .made(let request): HeadFields(request.headerFields)
        }
    }

    public static func == (one: Self, other: Self) -> Bool {
        one.version == other.version && one.request == other.request
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(request)
        hasher.combine(version)
    }
}

extension HTTPRequestHead {
    /// A head as it was read: bytes that have passed every check, and where in them things lie.
    final class Read: Sendable {
        enum Target: Sendable {
            case path(Range<Int>)
            case url(authority: String, path: String)
        }

        let fields: HeadFields
        let method: Range<Int>
        let version: HTTPVersion
        let host: Range<Int>?
        let target: Target

        init(
            fields: HeadFields,
            method: Range<Int>,
            version: HTTPVersion,
            host: Range<Int>?,
            target: Target
        ) {
            self.fields = fields
            self.method = method
            self.version = version
            self.host = host
            self.target = target
        }

        func isMethod(_ name: String) -> Bool { fields.bytes[method].elementsEqual(name.utf8) }

        /// RFC 9112 §3.2.2: that of a whole URL goes before `Host`.
        var authority: String? {
            if case .url(let given, _) = target { return given }
            return host.map(text)
        }

        var request: HTTPRequest {
            let path: String
            switch target {
            case .path(let range): path = text(range)
            case .url(_, let rest): path = rest
            }
            return HTTPRequest(
                // It is a token, which is all that a method must be.
                method: .init(text(method)) ?? .get,
                scheme: nil,
                authority: authority,
                path: path,
                headerFields: fields.httpFields(without: .host)
            )
        }

        private func text(_ range: Range<Int>) -> String {
            String(decoding: fields.bytes[range], as: UTF8.self)
        }
    }
}
