import WebSocketTransport

/// Variables of the environment that look as if they were to set something, and set nothing.
enum UnknownVariables {
    static let prefix = "DUPLEX_"

    /// What begins like this is not meant for `duplex serve`: it is what building and testing this package goes by, and
    /// what Kubernetes tells every pod beside a Service named `duplex`.
    static let ofOthers = [
        "DUPLEX_TEST_", "DUPLEX_WPT_", "DUPLEX_WERROR", "DUPLEX_REQUIRE_TOOLS", "DUPLEX_PORT_",
        "DUPLEX_SERVICE_",
    ]

    /// A sentence for each, in the order of their names. Their values are not told: they may be secrets.
    static func warnings(about variables: some Sequence<String>) -> [String] {
        let known = ["\(prefix)CONFIG"] + Settings.all.map(\.variable)
        return variables.filter { name in
            name.hasPrefix(prefix) && !known.contains(name) && !ofOthers.contains(where: name.hasPrefix)
        }.sorted().map { name in
            let nearest = nearest(to: name, among: known)
            return "there is no variable \(shown(name))\(nearest.map { "; did you mean \($0)?" } ?? "")"
        }
    }

    /// In one line and without anything that a terminal might take for a command.
    private static func shown(_ name: String) -> String {
        String(name.prefix(128)).quotedInOneLine
    }

    /// The known name with which the fewest keys were mistaken, if they are few beside those that were not.
    private static func nearest(to name: String, among known: [String]) -> String? {
        let text = name.dropFirst(prefix.count)
        // Longer than any of ours and all the mistakes: whoever sets the environment sets how long this takes, too.
        guard text.utf8.count <= 64 else { return nil }
        let most = min(3, max(1, text.count / 3))
        let candidates = known.map { (name: $0, mistakes: mistakes(text, $0.dropFirst(prefix.count))) }
        return candidates.filter { $0.mistakes <= most }.min { $0.mistakes < $1.mistakes }?.name
    }

    /// How many keys were left out, added, mistaken or hit in the wrong order, each once (the optimal string alignment
    /// distance).
    static func mistakes(_ one: some StringProtocol, _ other: some StringProtocol) -> Int {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        var rows = [Array(0...other.count)]
        for (index, byte) in one.enumerated() {
            var row = [index + 1]
            for (place, letter) in other.enumerated() {
                var least = min(row[place] + 1, rows[index][place + 1] + 1)
                least = min(least, rows[index][place] + (byte == letter ? 0 : 1))
                if index > 0, place > 0, byte == other[place - 1], one[index - 1] == letter {
                    least = min(least, rows[index - 1][place - 1] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[one.count][other.count]
    }
}
