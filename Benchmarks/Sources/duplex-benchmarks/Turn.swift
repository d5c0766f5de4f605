/// Calls of one operation, as many as make the clock's own cost vanish.
struct Turn {
    private let calls: Int

    /// Calls the operation until it knows how often a turn must, which also warms it up.
    init(lasting minimum: Duration = .milliseconds(1), _ operation: () -> Void) {
        var calls = 1
        while Self.time(calls, operation) < minimum { calls *= 2 }
        self.calls = calls
    }

    /// Takes the turn.
    ///
    /// - Returns: nanoseconds per call.
    func take(_ operation: () -> Void) -> Double {
        Self.time(calls, operation).nanoseconds / Double(calls)
    }

    // Never inlined, so that the optimizer sees neither what is called nor that it is called again.
    @inline(never)
    private static func time(_ calls: Int, _ operation: () -> Void) -> Duration {
        let start = ContinuousClock.now
        for _ in 0..<calls { operation() }
        return ContinuousClock.now - start
    }
}

extension Duration {
    var nanoseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1e9 + Double(attoseconds) / 1e9
    }
}
