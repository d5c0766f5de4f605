/// Which end of the connection this endpoint is.
///
/// The two ends obey mirrored rules: a client masks every frame it sends and a server masks none
/// (RFC 6455 §5.1), and the server closes the TCP connection first (§7.1.1).
public enum Role: Sendable, Hashable {
    case client
    case server
}
