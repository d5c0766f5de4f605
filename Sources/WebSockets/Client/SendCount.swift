/// The bytes behind `bufferedAmount` (WebSockets §3.1): those of messages accepted by `send` and not yet handed to the
/// operating system, without framing and before compression.
struct SendCount {
    /// All that was ever accepted for an open connection.
    private var accepted = 0
    /// Of these, what the connection was given, and what of that went to the operating system.
    private var handed = 0
    private var transmitted = 0
    /// What had been accepted when the owner's present turn began.
    private var acceptedBefore = 0
    /// What was sent to a socket that was not open any more. It stays counted for ever.
    private var lost = 0

    /// Whether something has been sent in the owner's present turn.
    var isInTurn: Bool { accepted != acceptedBefore }

    /// What waits. As the standard wants it, it does not fall while the owner's code runs, so what was sent in this turn
    /// counts in full, whatever the loop has done with it meanwhile.
    var waiting: Int { max(accepted - transmitted, accepted - acceptedBefore) }

    /// What the owner is told.
    var buffered: Int { waiting + lost }

    mutating func accept(_ bytes: Int) { accepted += bytes }
    mutating func lose(_ bytes: Int) { lost += bytes }
    mutating func turnBegins() { acceptedBefore = accepted }

    mutating func hand(_ bytes: Int) { handed += bytes }
    mutating func takeBack(_ bytes: Int) { handed -= bytes }

    /// The connection says how much it holds yet.
    mutating func isHolding(_ bytes: Int) { transmitted = max(transmitted, handed - bytes) }
}
