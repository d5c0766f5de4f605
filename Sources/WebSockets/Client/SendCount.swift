/// The bytes behind `bufferedAmount` (WebSockets §3.1): those of messages accepted by `send` and not yet handed to the
/// operating system, without framing and before compression.
struct SendCount {
    /// All that was ever accepted for an open connection.
    private var accepted = 0
    /// Of these, what the connection was given, and what of that went to the operating system.
    private var handed = 0
    private var transmitted = 0
    /// What had been transmitted when the owner first looked or sent in its present turn; `nil`: it has done neither.
    private var transmittedBefore: Int?
    /// What was sent to a socket that was not open any more. It stays counted for ever.
    private var lost = 0

    /// Whether the owner has looked or sent in its present turn, which somebody has to end.
    var isInTurn: Bool { transmittedBefore != nil }

    /// Whether the number could fall by itself.
    var isFalling: Bool { accepted != transmitted }

    /// What waits. The standard counts what had not been transmitted when the turn began, and what was sent in it: the
    /// number never falls while the owner's code runs, whatever the loop does meanwhile. Here it stops at the first
    /// look, since nobody can have seen it fall before.
    var waiting: Int { accepted - (transmittedBefore ?? transmitted) }

    /// What the owner is told.
    var buffered: Int { waiting + lost }

    mutating func look() { transmittedBefore = transmittedBefore ?? transmitted }
    mutating func turnEnds() { transmittedBefore = nil }

    mutating func accept(_ bytes: Int) { accepted += bytes }
    mutating func lose(_ bytes: Int) { lost += bytes }

    mutating func hand(_ bytes: Int) { handed += bytes }
    mutating func takeBack(_ bytes: Int) { handed -= bytes }

    /// The connection says how much it holds yet.
    mutating func isHolding(_ bytes: Int) { transmitted = max(transmitted, handed - bytes) }
}
