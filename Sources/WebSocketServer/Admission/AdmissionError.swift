/// A setting of ``WebSocketServer/Admission`` that cannot be meant. A server with one does not start.
public struct AdmissionError: Error, Sendable, Hashable {
    /// The property, or what was to be read.
    public let setting: String
    public let value: String
    public let problem: String
}

extension AdmissionError: CustomStringConvertible {
    public var description: String { "\(setting): \"\(value)\" \(problem)" }
}
