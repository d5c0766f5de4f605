/// A token bucket as one number: the time at which all that was taken has been earned.
///
/// Nothing refills it; it is as full as that time is past. (This is the generic cell rate algorithm, ITU-T I.371.)
struct RateClock: Sendable, Hashable {
    private var earnedAt: UInt64 = 0

    /// What a bucket holds, in nanoseconds.
    struct Measure: Sendable, Hashable {
        /// Between two, on the average.
        let interval: UInt64
        /// How far ahead of what was earned one may be.
        let tolerance: UInt64

        /// - Parameter setting: the property that has it.
        init(_ rate: HandshakeRate, of setting: String) throws(AdmissionError) {
            guard rate.perSecond > 0, rate.perSecond <= 1_000_000, rate.burst >= 1 else {
                throw AdmissionError(
                    setting: setting,
                    value: "\(rate.perSecond) a second, \(rate.burst) at once",
                    problem: "is not more than 0 and at most 1,000,000 a second, and at least 1 at once"
                )
            }
            // A year at most: enough, and far from any overflow.
            let most = 31_536_000e9
            let interval = min(1e9 / rate.perSecond, most)
            self.interval = UInt64(interval)
            tolerance = UInt64(min(interval * Double(rate.burst - 1), most))
        }
    }

    /// Takes one.
    ///
    /// - Parameter now: nanoseconds on a clock that does not go back.
    /// - Returns: how many nanoseconds are missing; 0 when it was there, and has been taken.
    mutating func take(_ measure: Measure, now: UInt64) -> UInt64 {
        let earliest = earnedAt > measure.tolerance ? earnedAt - measure.tolerance : 0
        guard now >= earliest else { return earliest - now }
        let (sum, isOver) = max(earnedAt, now).addingReportingOverflow(measure.interval)
        earnedAt = isOver ? .max : sum
        return 0
    }

    /// Whether the bucket is full, so that nothing need be remembered of it.
    func isFull(now: UInt64) -> Bool { earnedAt <= now }
}
