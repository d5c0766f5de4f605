import Logging
import NIOCore
import Testing
import WebSocketTransport

@testable import WebSocketServer

extension RequestReader.Context {
    /// A server's context, with nothing particular about it.
    static func plain(_ router: Router, _ registry: ConnectionRegistry, _ logger: Logger) throws -> Self {
        try Self(
            router: router,
            options: .init(),
            compressionPolicy: nil,
            registry: registry,
            topics: TopicHub(),
            observer: ServerObserver(.init(logger: logger)),
            admission: AdmissionControl(.init(), host: "127.0.0.1", logger: logger),
            logger: logger
        )
    }
}

extension WebSocketServer {
    /// Tells a client at `/who` whom it is taken for.
    func routeWho() {
        route("/who") { request -> Upgrade<String> in
            let address = request.remoteAddress.map { "\($0.ipAddress ?? "") \($0.port ?? 0)" } ?? ""
            return .accept("\(address) \(request.isSecure ? "https" : "http")")
        } handler: { socket, who, _ in
            #expect(who.hasPrefix(socket.remoteAddress?.ipAddress ?? "none"))
            try await socket.send(who)
        }
    }
}
