import HTTPTypes

/// What tells one state of a file from another (RFC 9110 §8.8).
struct FileVersion: Hashable, Sendable {
    var size: Int
    var inode: UInt64
    /// When the content last changed: seconds since 1970, and nanoseconds beyond them.
    var seconds: Int
    var nanoseconds: Int

    /// A strong one (§8.8.1): another content has another time, another size, or is another file.
    var entityTag: String {
        let parts = [inode, UInt64(bitPattern: Int64(size)), time].map { String($0, radix: 16) }
        return "\"\(parts.joined(separator: "-"))\""
    }

    /// Nanoseconds, of which only equality matters: so it may wrap.
    private var time: UInt64 {
        UInt64(bitPattern: Int64(seconds)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(nanoseconds))
    }
}

/// What the conditions of a request make of a file that is there (RFC 9110 §13.2.2).
enum FileCondition: Hashable, Sendable {
    /// They hold; a range is heeded if `If-Range` lets it be.
    case met(heedsRange: Bool)
    /// 304: the client has it.
    case notModified
    /// 412: the client wanted another state of it.
    case failed

    /// - Parameter now: seconds since 1970.
    init(_ fields: HTTPFields, version: FileVersion, now: Int) {
        self = Self.judge(fields, version, now: now)
    }

    private static func judge(_ fields: HTTPFields, _ version: FileVersion, now: Int) -> FileCondition {
        let tag = version.entityTag
        let modified = min(version.seconds, now)
        if let field = fields[.ifMatch] {
            guard EntityTags(field).contain(tag, strongly: true) else { return .failed }
        } else if let date = fields[.ifUnmodifiedSince].flatMap({ HTTPDate.seconds(of: $0, now: now) }) {
            guard modified <= date else { return .failed }
        }
        if let field = fields[.ifNoneMatch] {
            guard !EntityTags(field).contain(tag, strongly: false) else { return .notModified }
        } else if let date = fields[.ifModifiedSince].flatMap({ HTTPDate.seconds(of: $0, now: now) }) {
            guard modified > date else { return .notModified }
        }
        return .met(heedsRange: heedsRange(fields[.ifRange], tag, modified: modified, now: now))
    }

    /// RFC 9110 §13.1.5: a part is sent if the client has other parts of the very same content, else all of it.
    private static func heedsRange(_ field: String?, _ tag: String, modified: Int, now: Int) -> Bool {
        guard let field else { return true }
        if field.contains("\"") { return EntityTags(field).contain(tag, strongly: true) && field != "*" }
        // A date is strong only when the content cannot have changed twice in its second (§8.8.2.2).
        return HTTPDate.seconds(of: field, now: now) == modified && now - modified > 1
    }
}

/// A list of entity tags, or `*` (RFC 9110 §13.1.1).
struct EntityTags {
    private let isAny: Bool
    private let tags: [(isWeak: Bool, text: Substring.UTF8View)]

    /// What is no tag ends the list: what came before counts.
    init(_ field: String) {
        isAny = field == "*"
        var tags: [(isWeak: Bool, text: Substring.UTF8View)] = []
        var rest = field[...].utf8
        while true {
            rest = rest.drop {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: ",")
            }
            let isWeak = rest.starts(with: "W/".utf8)
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.first == UInt8(ascii: "\"") else { break }
            let behind = rest.dropFirst()
            guard let end = behind.firstIndex(of: UInt8(ascii: "\"")) else { break }
            tags.append((isWeak, rest[...end]))
            rest = behind[behind.index(after: end)...]
        }
        self.tags = tags
    }

    /// RFC 9110 §8.8.3.2. The file's own tag is strong.
    func contain(_ tag: String, strongly: Bool) -> Bool {
        isAny || tags.contains { !(strongly && $0.isWeak) && $0.text.elementsEqual(tag.utf8) }
    }
}
