public import HummingbirdCore
public import WebSocketServer

extension HTTPServerBuilder {
    /// HTTP/1.1 for a Hummingbird application, and a Duplex server's WebSockets in front of it.
    ///
    /// ```swift
    /// let duplex = WebSocketServer()
    /// duplex.route("/echo") { socket, _ in
    ///     for try await message in socket.messages { try await socket.send(message) }
    /// }
    /// var app = Application(router: router, server: try .http1(webSockets: duplex))
    /// app.addServices(duplex)
    /// try await app.runService()
    /// ```
    ///
    /// Requests for a WebSocket at one of the server's paths are Duplex's, refusals included; all others are the
    /// application's. A WebSocket has to be its connection's first request, as browsers have it. Of the server's
    /// configuration all counts that concerns connections; where to listen, and TLS, is Hummingbird's affair
    /// (`.tls(.http1(webSockets: duplex), tlsConfiguration: …)`). The server being one of the application's services,
    /// a shutdown closes its sockets.
    ///
    /// - Parameters:
    ///   - server: one that has its routes and was not started.
    ///   - configuration: of Hummingbird's HTTP/1.1.
    /// - Throws: `RouteError` for a route that cannot be served, `ServerError.alreadyStarted`.
    public static func http1(
        webSockets server: WebSocketServer,
        configuration: HTTP1Channel.Configuration = .init()
    ) throws -> HTTPServerBuilder {
        let mount = try server.mount()
        return HTTPServerBuilder { responder in
            MountedChannel(
                mount: mount,
                http: HTTP1Channel(responder: responder, configuration: configuration)
            )
        }
    }
}
