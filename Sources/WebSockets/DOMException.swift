/// What the web's interfaces throw: a name that code can look at, and a sentence for people (Web IDL §2.8.1,
/// `DOMException`).
public struct DOMException: Error, Sendable, Hashable {
    /// One of the names of Web IDL's table, such as ``Name/syntax``.
    public let name: Name
    /// What was wrong, and what was expected.
    public let message: String

    /// An exception of the given name.
    public init(_ message: String = "", name: Name = .error) {
        self.name = name
        self.message = message
    }

    /// The name of an exception. Open: other interfaces have names of their own.
    public struct Name: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral,
        CustomStringConvertible
    {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }
        public var description: String { rawValue }

        /// The name of an exception that was given none.
        public static let error: Name = "Error"
        /// Text that does not have the form it must have: a URL, a subprotocol, a close reason.
        public static let syntax: Name = "SyntaxError"
        /// A value that must not be used here: a close code.
        public static let invalidAccess: Name = "InvalidAccessError"
        /// Not possible in the state the object is in.
        public static let invalidState: Name = "InvalidStateError"
        /// The operation was given up because somebody asked for that.
        public static let abort: Name = "AbortError"
        /// The operation took too long.
        public static let timeout: Name = "TimeoutError"
    }

    /// The number that older code compares with, 0 for names that never had one.
    public var code: UInt16 {
        switch name {
        case .syntax: 12
        case .invalidAccess: 15
        case .invalidState: 11
        case .abort: 20
        case .timeout: 23
        default: 0
        }
    }
}

extension DOMException: CustomStringConvertible {
    public var description: String { message.isEmpty ? name.rawValue : "\(name): \(message)" }
}
