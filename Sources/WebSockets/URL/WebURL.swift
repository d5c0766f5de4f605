/// A URL as browsers understand it: the record of the WHATWG URL Standard (https://url.spec.whatwg.org/), with the
/// components as JavaScript's `URL` has them.
///
/// All components are ASCII: what is beyond is percent-encoded, in a domain name converted by UTS #46. The query is
/// encoded as UTF-8, never in a document's legacy encoding.
public struct WebURL: Sendable {
    /// In lower case and without the colon.
    public internal(set) var scheme: String
    /// Percent-encoded; empty if there is none.
    public internal(set) var username = ""
    /// Percent-encoded; empty if there is none.
    public internal(set) var password = ""
    /// `nil` if the URL has no `//` part, empty in `file:///` and alike; an IPv6 address is in its brackets.
    var serializedHost: String?
    /// The port, unless it is left out or the scheme's own.
    public internal(set) var portNumber: UInt16?
    var path: Path
    /// What follows the question mark; `nil`, unlike the empty text, if there is none.
    public internal(set) var query: String?
    /// What follows the number sign; `nil`, unlike the empty text, if there is none.
    public internal(set) var fragment: String?

    enum Path: Sendable, Hashable {
        /// As in `mailto:a@b.example`: one text that nothing can be relative to.
        case opaque(String)
        /// Each segment with its slash in front. No segment has a slash in it, so this is the standard's list.
        case segments(String)

        var text: String {
            switch self {
            case .opaque(let text), .segments(let text): text
            }
        }

        var isOpaque: Bool {
            switch self {
            case .opaque: true
            case .segments: false
            }
        }
    }

    /// Parses a URL, or a reference relative to `base` (URL Standard §4.4, "basic URL parser").
    ///
    /// The time is proportional to the length of the input, except for labels of domain names beyond ASCII; those
    /// are refused when they are longer than 1000 characters, while a name in DNS has at most 63.
    ///
    /// - Throws: ``URLParseFailure``, if `input` is no URL, or is relative and `base` is `nil` or cannot be a base.
    public init(_ input: String, base: WebURL? = nil) throws(URLParseFailure) {
        var parser = URLParser(input, base: base)
        try parser.run()
        self = parser.url
    }

    /// The record that the parser fills.
    init() {
        scheme = ""
        path = .segments("")
    }
}

/// Two URLs are equal when all their components are, the fragment among them.
extension WebURL: Hashable {}

extension WebURL: CustomStringConvertible {
    public var description: String { href }
}

/// The components as the getters of JavaScript's `URL` give them (URL Standard §6.1).
extension WebURL {
    /// The whole URL as text; parsed again, it gives the same URL. ``setProtocol(_:)`` names the one exception.
    public var href: String {
        guard let fragment else { return hrefWithoutFragment }
        return "\(hrefWithoutFragment)#\(fragment)"
    }

    /// The whole URL as text, but for the fragment and its number sign.
    public var hrefWithoutFragment: String {
        var text = scheme + ":"
        if let serializedHost {
            text += "//"
            if includesCredentials {
                text += username
                if !password.isEmpty { text += ":" + password }
                text += "@"
            }
            text += serializedHost
            if let portNumber { text += ":\(portNumber)" }
        } else if case .segments(let segments) = path, segments.utf8.starts(with: "//".utf8) {
            // Without this, the path would be read as a host the next time (URL Standard §4.5).
            text += "/."
        }
        text += path.text
        if let query { text += "?" + query }
        return text
    }

    /// The scheme with its colon, as in `ws:`.
    public var `protocol`: String { scheme + ":" }

    /// Host and port, or the host alone if the port is left out or the scheme's own.
    public var host: String {
        guard let portNumber else { return hostname }
        return "\(hostname):\(portNumber)"
    }

    /// The host without the port, empty if there is none; an IPv6 address has its brackets.
    public var hostname: String { serializedHost ?? "" }

    /// ``portNumber`` as text, empty if there is none.
    public var port: String { portNumber.map { String($0) } ?? "" }

    /// The port to connect to: the URL's, or else the scheme's own; `nil` for a scheme without one.
    public var effectivePort: UInt16? { portNumber ?? Self.defaultPort(of: scheme) }

    /// The path, percent-encoded; begins with a slash unless it is opaque, as in `mailto:`, or empty.
    public var pathname: String { path.text }

    /// The query with its question mark, empty if there is none or nothing in it.
    public var search: String { Self.marked("?", query) }

    /// The fragment with its number sign, empty if there is none or nothing in it.
    public var hash: String { Self.marked("#", fragment) }

    private static func marked(_ mark: String, _ text: String?) -> String {
        guard let text, !text.isEmpty else { return "" }
        return mark + text
    }

    /// The serialized origin: scheme, host and port, or `null` for a scheme whose URLs have an origin each of their
    /// own. `blob:` URLs have the origin of the URL inside (URL Standard §4.7).
    public var origin: String {
        guard scheme == "blob" else { return tupleOrigin ?? "null" }
        guard let inner = try? WebURL(pathname), inner.scheme == "http" || inner.scheme == "https" else {
            return "null"
        }
        return inner.tupleOrigin ?? "null"
    }

    private var tupleOrigin: String? {
        guard isSpecial, scheme != "file" else { return nil }
        return "\(scheme)://\(host)"
    }
}

extension WebURL {
    var isSpecial: Bool { Self.isSpecial(scheme) }

    var hasOpaquePath: Bool { path.isOpaque }

    var includesCredentials: Bool { !username.isEmpty || !password.isEmpty }

    /// URL Standard §4.2, "cannot have a username/password/port".
    var cannotHaveCredentialsOrPort: Bool {
        hostname.isEmpty || scheme == "file"
    }

    /// URL Standard §4.2, "special scheme".
    static func isSpecial(_ scheme: String) -> Bool {
        switch scheme {
        case "ws", "wss", "http", "https", "ftp", "file": true
        default: false
        }
    }

    static func defaultPort(of scheme: String) -> UInt16? {
        switch scheme {
        case "ws", "http": 80
        case "wss", "https": 443
        case "ftp": 21
        default: nil
        }
    }
}
