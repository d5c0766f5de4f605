import NIOCore
public import WebSocketProtocol
public import WebSocketTransport

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// When a session is over unless it is renewed.
public enum SessionExpiry: Sendable, Hashable {
    /// From now on.
    case after(Duration)
    /// At a time of the day's clock, as tokens name it: seconds since 1970, UTC (RFC 7519 §4.1.4).
    case at(secondsSince1970: Int64)

    /// How long it is until then: nothing for what is past, and a century for what is beyond all clocks.
    var remaining: Duration {
        let century = Int64(100 * 365 * 86_400)
        switch self {
        case .after(let duration): return min(max(duration, .zero), .seconds(century))
        case .at(let seconds):
            let now = Int64(time(nil))
            return seconds <= now ? .zero : .seconds(min(seconds - now, century))
        }
    }

    /// What a socket is closed with when its session is over: 3000, "unauthorized" in IANA's registry of close codes.
    public static let closeCode = CloseCode(3000)

    static let reason = "the session has expired"
}

extension WebSocketConnection {
    /// Gives the client another time until which it may stay, in place of the one it had, or the first; `nil` for no
    /// limit. When the time has come, the socket is closed with ``SessionExpiry/closeCode``.
    public func renew(_ expiry: SessionExpiry?) {
        closeAt(
            expiry.map { .now() + TimeAmount($0.remaining) },
            code: SessionExpiry.closeCode,
            reason: SessionExpiry.reason
        )
    }
}
