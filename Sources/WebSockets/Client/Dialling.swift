import HTTPTypes
package import WebSocketProtocol
import WebSocketTransport

/// What a socket is opened with, checked.
package struct SocketRequest: Sendable {
    package let url: WebURL
    let protocols: [String]
    let environment: WebSocketEnvironment

    /// WebSockets §3.1, the constructor's steps: the URL, then the subprotocols.
    ///
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/syntax``.
    package init(_ url: String, protocols: [String], environment: WebSocketEnvironment) throws(DOMException) {
        do throws(URLParseFailure) {
            self.url = try WebURL.webSocketURL(url, base: environment.configuration.baseURL)
        } catch {
            throw DOMException("the URL cannot be connected to: \(error)", name: .syntax)
        }
        var seen: Set<String> = []
        for name in protocols {
            guard HTTPGrammar.isToken(name) else {
                throw DOMException("subprotocol \"\(name)\" is not a token of RFC 9110", name: .syntax)
            }
            // Fetch and RFC 6455 compare bytes; so does a set of strings once each is a token.
            guard seen.insert(name).inserted else {
                throw DOMException("subprotocol \"\(name)\" is given twice", name: .syntax)
            }
        }
        self.protocols = protocols
        self.environment = environment
    }

    /// Whom the one connection at a time is counted for.
    private var place: String { "\(url.hostname):\(url.effectivePort ?? 0)" }

    /// Connects: waits for its turn, asks for cookies, shakes hands.
    ///
    /// - Throws: what ``WebSocketFailure`` can be made of.
    func dial(_ callbacks: ConnectionCallbacks?) async throws -> WebSocketConnection.Opened {
        let settings = environment.configuration
        let port = url.effectivePort ?? 0
        guard !settings.blocksPorts || !WebURL.isBlockedPort(port) else {
            throw WebSocketFailure.blockedPort(Int(port))
        }
        // Before a turn is taken: other sockets need not wait for a provider.
        let options = try await clientOptions()
        var target = url
        target.setUsername("")
        target.setPassword("")
        let address = try WebSocketURL(target.href)

        if settings.connectsOneByOne { try await environment.slots.acquire(place) }
        defer { if settings.connectsOneByOne { environment.slots.release(place) } }
        do {
            let opened = try await WebSocketConnection.open(address, options: options, callbacks: callbacks)
            await storeCookies(of: opened.response)
            return opened
        } catch let error as ConnectError {
            // A proxy's answer is not the server's: whoever is between here and there must not set its cookies.
            if case .proxyFailed = error.cause { throw error }
            if let response = error.response { await storeCookies(of: response) }
            throw error
        }
    }

    private func clientOptions() async throws -> ClientOptions {
        let settings = environment.configuration
        var connection = settings.connection
        connection.compression = settings.compression
        var headers = settings.headers
        if let origin = settings.origin ?? settings.baseURL?.origin { headers[.origin] = origin }
        // What a browser sends with credentials in a URL once it is asked; a server that wants them would ask.
        if !url.username.isEmpty || !url.password.isEmpty {
            headers[.authorization] = "Basic " + url.basicCredentials
        }
        if let provider = settings.cookies {
            do {
                if let cookies = try await provider.cookies(for: url), !cookies.isEmpty {
                    headers[.cookie] = cookies
                }
            } catch {
                throw WebSocketFailure.cookies(error)
            }
        }
        var options = ClientOptions(
            connection: connection,
            subprotocols: protocols,
            headers: headers,
            connectTimeout: settings.connectTimeout,
            tls: settings.tls,
            eventLoopGroup: settings.eventLoopGroup
        )
        options.proxy = settings.proxy
        options.requiresSubprotocol = true
        return options
    }

    private func storeCookies(of response: HTTPResponse) async {
        let fields = response.headerFields[values: .setCookie]
        guard !fields.isEmpty else { return }
        await environment.configuration.cookies?.setCookies(fields, from: url)
    }
}

/// What a socket closes with, checked as the web's interfaces want it.
package enum CloseArguments {
    /// WebSockets §3.1, `close()`: 1000 or 3000 to 4999, and a reason of at most 123 bytes.
    ///
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidAccess`` or ``DOMException/Name/syntax``.
    package static func check(code: UInt16?, reason: String?) throws(DOMException) -> ClosePayload {
        if let code, code != 1000, !(3000...4999).contains(code) {
            throw DOMException(
                "a close code must be 1000 or from 3000 to 4999, and \(code) is not",
                name: .invalidAccess
            )
        }
        let length = reason?.utf8.count ?? 0
        guard length <= ClosePayload.maximumReasonLength else {
            throw DOMException(
                "a close reason must be at most 123 bytes, and this is \(length)",
                name: .syntax
            )
        }
        guard let code else {
            // A reason needs a code before it (RFC 6455 §5.5.1).
            return length == 0 ? .empty : checked(1000, reason)
        }
        return checked(code, reason)
    }

    private static func checked(_ code: UInt16, _ reason: String?) -> ClosePayload {
        // Both have been judged by narrower rules.
        (try? ClosePayload(sending: CloseCode(code), reason: reason ?? "")) ?? .empty
    }
}
