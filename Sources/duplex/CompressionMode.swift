import ArgumentParser
import WebSocketProtocol

/// How far messages are compressed.
enum CompressionMode: String, ExpressibleByArgument, CaseIterable {
    case off
    /// Each by itself.
    case message
    /// With the memory of those before it.
    case connection

    /// What a client offers: of the server it asks no more than it must.
    var clientOptions: DeflateOptions? { self == .message ? .client : options }

    var options: DeflateOptions? {
        switch self {
        case .off: nil
        case .message: DeflateOptions()
        case .connection: DeflateOptions(keepsOwnContext: true, keepsPeerContext: true)
        }
    }
}
