import WebSocketServer

/// Which fields of a proxy are read, by the names that people know them by.
enum ForwardedChoice: String, CaseIterable {
    case either
    case forwarded
    case xForwarded = "x-forwarded"

    var fields: ForwardedFields {
        switch self {
        case .either: .either
        case .forwarded: .forwarded
        case .xForwarded: .xForwarded
        }
    }
}
