/// The way from a served directory to a file in it, a name at a time.
///
/// Each name is one entry of one directory. So no path leads out by what it spells; where a link would lead is
/// ``FileDirectory``'s to see.
struct FilePath: Hashable, Sendable {
    /// Empty for the directory itself.
    let names: [String]
    /// Whether a folder is asked for: the path ends with a slash.
    let isFolder: Bool

    /// - Parameters:
    ///   - segments: of a request's path behind the place the directory is served at, percent-decoded.
    ///   - allowsHidden: whether names may begin with a dot.
    /// - Returns: `nil` for what can be no file: `.` and `..`, an empty name in the middle, a slash or backslash
    ///   within a name (it was percent-encoded), control characters, hidden names.
    init?(_ segments: some BidirectionalCollection<String>, allowsHidden: Bool = false) {
        isFolder = segments.last == ""
        let names = Array(isFolder ? segments.dropLast() : segments[...])
        for name in names {
            guard !name.isEmpty, name != ".", name != "..", allowsHidden || !name.utf8.starts(with: ".".utf8),
                // C1 controls too, which terminals heed; and in a system's call, NUL would end the name.
                !name.unicodeScalars.contains(where: {
                    $0 == "/" || $0 == "\\" || $0.properties.generalCategory == .control
                })
            else { return nil }
        }
        self.names = names
    }
}
