/// The setters of JavaScript's `URL` (URL Standard §6.1). But for ``setHref(_:)`` they do not fail: what cannot be set
/// leaves the URL as it is, and of a host with a port that is none, the host alone is taken.
extension WebURL {
    /// - Throws: ``URLParseFailure``, if `text` is not an absolute URL; then nothing changes.
    public mutating func setHref(_ text: String) throws(URLParseFailure) {
        self = try WebURL(text)
    }

    /// Takes what is in front of a colon, if there is one. A special scheme can only give way to another special one.
    ///
    /// What becomes a `file:` URL keeps its host and path as they are, although parsing it again would take `localhost`
    /// for no host and `C|` for a drive.
    public mutating func setProtocol(_ text: String) {
        parse(text + ":", from: .scheme)
    }

    /// Sets the user, percent-encoding what needs it; the empty text removes it. Without a host there can be none.
    public mutating func setUsername(_ text: String) {
        guard !cannotHaveCredentialsOrPort else { return }
        username = PercentEncoding.encode(text, .userinfo)
    }

    /// Sets the password, percent-encoding what needs it; the empty text removes it. Without a host there can be none.
    public mutating func setPassword(_ text: String) {
        guard !cannotHaveCredentialsOrPort else { return }
        password = PercentEncoding.encode(text, .userinfo)
    }

    /// Sets the host, and the port if `text` has one.
    public mutating func setHost(_ text: String) {
        guard !hasOpaquePath else { return }
        parse(text, from: .host)
    }

    /// Sets the host only; with a port in `text`, nothing changes.
    public mutating func setHostname(_ text: String) {
        guard !hasOpaquePath else { return }
        parse(text, from: .hostname)
    }

    /// Takes the digits that `text` begins with; the empty text removes the port.
    public mutating func setPort(_ text: String) {
        guard !cannotHaveCredentialsOrPort else { return }
        guard !text.isEmpty else {
            portNumber = nil
            return
        }
        parse(text, from: .port)
    }

    /// Sets the path, unless it is opaque. A question mark and a number sign become part of it.
    public mutating func setPathname(_ text: String) {
        guard !hasOpaquePath else { return }
        path = .segments("")
        parse(text, from: .pathStart)
    }

    /// With or without the question mark; the empty text removes the query.
    public mutating func setSearch(_ text: String) {
        guard !text.isEmpty else {
            query = nil
            return
        }
        parse(Self.withoutMark("?", text), from: .query)
    }

    /// With or without the number sign; the empty text removes the fragment.
    public mutating func setHash(_ text: String) {
        guard !text.isEmpty else {
            fragment = nil
            return
        }
        parse(Self.withoutMark("#", text), from: .fragment)
    }

    /// By scalars: a Character can hide the mark under an accent.
    private static func withoutMark(_ mark: Unicode.Scalar, _ text: String) -> String {
        guard text.unicodeScalars.first == mark else { return text }
        return String(text.unicodeScalars.dropFirst())
    }

    private mutating func parse(_ text: String, from state: URLParser.State) {
        var parser = URLParser(text, changing: self, from: state)
        do throws(URLParseFailure) {
            try parser.run()
        } catch {
            // A setter says nothing about it. What was already taken stays, as the standard has it.
        }
        self = parser.url
    }
}
