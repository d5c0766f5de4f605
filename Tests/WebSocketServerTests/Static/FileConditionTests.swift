import HTTPTypes
import Testing

@testable import WebSocketServer

@Suite("Conditional requests")
struct FileConditionTests {
    // 1994-11-06 08:49:37, and a day later.
    private static let modified = 784_111_777
    private let now = modified + 86_400
    private let version = FileVersion(size: 1_234, inode: 99, seconds: modified, nanoseconds: 5)
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    private static let after = "Sun, 06 Nov 1994 08:49:38 GMT"

    private func condition(_ fields: [HTTPField.Name: String]) -> FileCondition {
        var all = HTTPFields()
        for (name, value) in fields { all[name] = value.replacing("TAG", with: version.entityTag) }
        return FileCondition(all, version: version, now: now)
    }

    @Test func `A tag is another as soon as anything is another`() {
        let tag = version.entityTag
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && !tag.hasPrefix("W/"))
        for change in [
            { $0.size += 1 }, { $0.inode += 1 }, { $0.seconds -= 1 }, { $0.nanoseconds += 1 },
        ] as [(inout FileVersion) -> Void] {
            var other = version
            change(&other)
            #expect(other.entityTag != tag)
        }
        // A clock that stands wrong.
        let odd = FileVersion(size: 0, inode: .max, seconds: .min, nanoseconds: .max)
        #expect(odd.entityTag.utf8.count < 60)
    }

    @Test(
        arguments: [
            ([:], .met(heedsRange: true)),
            ([.ifNoneMatch: "TAG"], .notModified),
            ([.ifNoneMatch: "W/TAG"], .notModified),
            ([.ifNoneMatch: "*"], .notModified),
            ([.ifNoneMatch: "\"a,b\" , W/\"c\",TAG"], .notModified),
            ([.ifNoneMatch: "\"other\""], .met(heedsRange: true)),
            ([.ifNoneMatch: "nonsense TAG"], .met(heedsRange: true)),
            ([.ifNoneMatch: "\"open"], .met(heedsRange: true)),
            ([.ifNoneMatch: ""], .met(heedsRange: true)),
            ([.ifModifiedSince: date], .notModified),
            ([.ifModifiedSince: after], .notModified),
            ([.ifModifiedSince: before], .met(heedsRange: true)),
            ([.ifModifiedSince: "yesterday"], .met(heedsRange: true)),
            // RFC 9110 §13.1.3: where there is a tag, the date is not looked at.
            ([.ifNoneMatch: "\"other\"", .ifModifiedSince: date], .met(heedsRange: true)),
            ([.ifMatch: "TAG"], .met(heedsRange: true)),
            ([.ifMatch: "*"], .met(heedsRange: true)),
            ([.ifMatch: "W/TAG"], .failed),
            ([.ifMatch: "\"other\""], .failed),
            ([.ifUnmodifiedSince: date], .met(heedsRange: true)),
            ([.ifUnmodifiedSince: before], .failed),
            ([.ifUnmodifiedSince: "yesterday"], .met(heedsRange: true)),
            ([.ifMatch: "TAG", .ifUnmodifiedSince: before], .met(heedsRange: true)),
            ([.ifMatch: "\"other\"", .ifNoneMatch: "TAG"], .failed),
            ([.ifMatch: "TAG", .ifNoneMatch: "TAG"], .notModified),
            ([.ifRange: "TAG"], .met(heedsRange: true)),
            ([.ifRange: "W/TAG"], .met(heedsRange: false)),
            ([.ifRange: "\"other\""], .met(heedsRange: false)),
            ([.ifRange: date], .met(heedsRange: true)),
            ([.ifRange: after], .met(heedsRange: false)),
            ([.ifRange: "*"], .met(heedsRange: false)),
            ([.ifRange: "nonsense"], .met(heedsRange: false)),
        ] as [([HTTPField.Name: String], FileCondition)]
    )
    func `Conditions are looked at in the standard's order`(
        fields: [HTTPField.Name: String],
        expected: FileCondition
    ) {
        #expect(condition(fields) == expected)
    }

    @Test func `A date tells two states apart only when they are not of one second`() {
        var fields = HTTPFields()
        fields[.ifRange] = Self.date
        for age in [0, 1] {
            let condition = FileCondition(fields, version: version, now: Self.modified + age)
            #expect(condition == .met(heedsRange: false))
        }
        #expect(
            FileCondition(fields, version: version, now: Self.modified + 2) == .met(heedsRange: true)
        )
    }

    @Test func `A file of the future is as old as the answer`() {
        var fields = HTTPFields()
        fields[.ifModifiedSince] = Self.before
        let condition = FileCondition(fields, version: version, now: Self.modified - 1)
        #expect(condition == .notModified)
    }
}
