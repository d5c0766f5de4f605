import Testing

/// `#expect(one == other)` for what throws: a closure in which only a macro throws is taken for one that does not.
func expectEqual<Value: Equatable>(
    _ one: Value,
    _ other: Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(one == other, sourceLocation: sourceLocation)
}
