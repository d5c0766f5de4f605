/// The middle and the ends of a series of figures.
struct Summary {
    let median: Double
    let lowest: Double
    let highest: Double

    init(of figures: [Double]) {
        let sorted = figures.sorted()
        guard let first = sorted.first, let last = sorted.last else {
            (median, lowest, highest) = (.nan, .nan, .nan)
            return
        }
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        (lowest, highest) = (first, last)
    }
}

/// How fast one operation is beside another that handles the same bytes, measured in turn.
struct Comparison {
    /// In GB/s.
    let subject: Summary
    /// In GB/s.
    let reference: Summary
    /// The subject's speed over the reference's, one figure per round.
    let ratio: Summary

    /// Takes turns until the budget is spent, but at least five rounds.
    ///
    /// Whatever else the machine does is likely to meet both turns of a round, so a round's ratio says
    /// more than either speed. Who goes first changes from round to round.
    ///
    /// - Parameter bytes: what one call of either handles.
    init(bytes: Int, budget: Duration, of subject: () -> Void, with reference: () -> Void) {
        let subjectTurn = Turn(subject)
        let referenceTurn = Turn(reference)
        var subjectSpeeds: [Double] = []
        var referenceSpeeds: [Double] = []
        var ratios: [Double] = []
        let end = ContinuousClock.now + budget
        while ratios.count < 5 || ContinuousClock.now < end {
            let subjectTime: Double
            let referenceTime: Double
            if ratios.count.isMultiple(of: 2) {
                subjectTime = subjectTurn.take(subject)
                referenceTime = referenceTurn.take(reference)
            } else {
                referenceTime = referenceTurn.take(reference)
                subjectTime = subjectTurn.take(subject)
            }
            // Bytes per nanosecond are GB/s.
            subjectSpeeds.append(Double(bytes) / subjectTime)
            referenceSpeeds.append(Double(bytes) / referenceTime)
            ratios.append(referenceTime / subjectTime)
        }
        self.subject = Summary(of: subjectSpeeds)
        self.reference = Summary(of: referenceSpeeds)
        ratio = Summary(of: ratios)
    }
}
