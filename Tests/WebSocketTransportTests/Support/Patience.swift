@testable import WebSocketTransport

extension ClientOptions {
    /// Gives the other end a minute for the opening handshake: it is often a task of the same test, which the
    /// other tests may keep waiting.
    static var patient: ClientOptions {
        var options = ClientOptions()
        options.connection.handshakeTimeout = .seconds(60)
        options.connectTimeout = .seconds(60)
        return options
    }
}
