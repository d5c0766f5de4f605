/// What several threads write down.
package final class Log<Entry: Sendable>: Sendable {
    private let state = Locked([Entry]())

    package init() {}

    package var entries: [Entry] { state.withLock { $0 } }
    package func add(_ entry: Entry) { state.withLock { $0.append(entry) } }

    /// Adds and tells how many there are now.
    package func count(adding entry: Entry) -> Int {
        state.withLock {
            $0.append(entry)
            return $0.count
        }
    }

    package func takeAll() -> [Entry] {
        state.withLock { entries in
            defer { entries = [] }
            return entries
        }
    }
}
