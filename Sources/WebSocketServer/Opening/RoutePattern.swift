/// A path as a route names it: exact segments, and segments `:name` that match anything and are handed to
/// the handler.
struct RoutePattern: Hashable, Sendable {
    enum Segment: Hashable, Sendable {
        case exact(String)
        case parameter(String)
    }

    let segments: [Segment]
    /// The whole path, if there is no parameter in it.
    private let literal: [UInt8]?

    /// - Throws: ``RouteError`` for what is not a path, or names a parameter twice.
    init(_ text: String) throws(RouteError) {
        guard text.hasPrefix("/") else {
            throw RouteError(path: text, problem: "does not begin with a slash")
        }
        guard !text.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw RouteError(path: text, problem: "has a query or a fragment; a route is a path")
        }
        var names: Set<String> = []
        var segments: [Segment] = []
        for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard part.hasPrefix(":") else {
                segments.append(.exact(String(part)))
                continue
            }
            let name = String(part.dropFirst())
            guard !name.isEmpty else {
                throw RouteError(path: text, problem: "has a parameter without a name")
            }
            guard names.insert(name).inserted else {
                throw RouteError(path: text, problem: "names the parameter :\(name) twice")
            }
            segments.append(.parameter(name))
        }
        self.segments = segments
        literal = names.isEmpty ? Array(text.utf8) : nil
    }

    /// The parameters, if the pattern fits.
    func match(_ path: RequestPath) -> [String: String]? {
        guard let literal, let plain = path.plain else { return match(path.segments) }
        return plain.elementsEqual(literal) ? [:] : nil
    }

    private func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, part) in zip(segments, path) {
            switch segment {
            case .exact(let text):
                guard text.utf8.elementsEqual(part.utf8) else { return nil }
            case .parameter(let name):
                guard !part.isEmpty else { return nil }
                parameters[name] = part
            }
        }
        return parameters
    }

    /// Whether two patterns fit the same paths: then only the first could ever be reached.
    func isSameShape(as other: RoutePattern) -> Bool {
        segments.count == other.segments.count
            && zip(segments, other.segments).allSatisfy { pair in
                switch pair {
                case (.exact(let one), .exact(let two)): one == two
                case (.parameter, .parameter): true
                default: false
                }
            }
    }

    /// Exact segments win over parameters, from the left.
    func isMoreExact(than other: RoutePattern) -> Bool {
        for pair in zip(segments, other.segments) {
            switch pair {
            case (.exact, .parameter): return true
            case (.parameter, .exact): return false
            default: continue
            }
        }
        return false
    }
}

/// A request's path, without its query.
struct RequestPath {
    /// As it came, where that is what it says: without escapes.
    let plain: ArraySlice<UInt8>?
    private let decoded: [String]

    /// - Returns: `nil` for what is no path, when an escape is broken, or when what it spells is not UTF-8.
    init?(ofTarget target: ArraySlice<UInt8>) {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        guard path.first == UInt8(ascii: "/") else { return nil }
        // A target is ASCII, as far as it was read from bytes; what is not is left to the decoder.
        if path.allSatisfy({ $0 != UInt8(ascii: "%") && $0 < 0x80 }) {
            plain = path
            decoded = []
            return
        }
        guard let segments = Self.segments(of: path) else { return nil }
        plain = nil
        decoded = segments
    }

    /// Its segments, percent-decoded (RFC 3986 §2.1, §3.3).
    var segments: [String] { plain.map { Self.segments(of: $0) ?? [] } ?? decoded }

    private static func segments(of path: ArraySlice<UInt8>) -> [String]? {
        var result: [String] = []
        for part in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let text = percentDecoded(part) else { return nil }
            result.append(text)
        }
        return result
    }

    /// - Returns: `nil` when an escape is broken, or when what it spells is not UTF-8 (RFC 3986 §2.1).
    static func percentDecoded(_ text: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let upper = Character(Unicode.Scalar(high)).hexDigitValue,
                let lower = Character(Unicode.Scalar(low)).hexDigitValue
            else { return nil }
            bytes.append(UInt8(upper << 4 | lower))
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A route that cannot be served. Thrown when the server starts.
public struct RouteError: Error, Hashable, Sendable, CustomStringConvertible {
    public let path: String
    let problem: String
    public var description: String { "route \"\(path)\" \(problem)" }
}
