/// When a session is over unless it is renewed.
public enum SessionExpiry: Sendable, Hashable {
    /// From now on.
    case after(Duration)
    /// At a time of the day's clock, as tokens name it: seconds since 1970, UTC (RFC 7519 §4.1.4).
    case at(secondsSince1970: Int64)
}
