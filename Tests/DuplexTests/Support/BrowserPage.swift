/// A page in a real browser, whichever that is.
protocol BrowserPage: Sendable {
    /// Evaluates JavaScript in the page; a promise is waited for.
    @discardableResult
    func evaluate<Value: Decodable & Sendable>(_ expression: String, as: Value.Type) async throws -> Value
}

extension BrowserPage {
    /// Waits until a condition holds in the page.
    func wait(until condition: String) async throws {
        try await evaluate(
            "new Promise(go => { const look = () => \(condition) ? go(true) : setTimeout(look, 5); look(); })",
            as: Bool.self
        )
    }
}

extension Page: BrowserPage {}
