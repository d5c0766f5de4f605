/// Ends the program, which libFuzzer reports with the input that led here.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    guard condition else { fatalError(what()) }
}

/// Two ways to the same result.
func requireSame<Value: Equatable>(_ one: Value, _ other: Value, _ what: @autoclosure () -> String) {
    guard one == other else { fatalError("\(what()):\n  \(one)\n  \(other)") }
}
