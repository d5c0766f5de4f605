import NIOCore

/// A connection's state as others hold it: to be had on the connection's event loop, and nowhere else.
///
/// What `NIOLoopBound` is, with one look at the loop where that needs two.
struct LoopBoundCore: @unchecked Sendable {
    // Sendable: nobody gets at `core` but on its loop, where all of it is touched; what is asked of it elsewhere,
    // its loop and its options, never changes.
    private let core: ConnectionCore

    init(_ core: ConnectionCore) { self.core = core }

    /// The state, if the caller is on its loop.
    var ifOnLoop: ConnectionCore? { core.eventLoop.inEventLoop ? core : nil }

    /// The connection's options, which never change.
    var options: ConnectionOptions { core.shared.options }

    /// What `body` makes of the state, if the caller is on its loop. Counts no reference.
    @inline(__always)
    func ifOnLoop<Value, Failure>(_ body: (ConnectionCore) throws(Failure) -> Value) throws(Failure) -> Value?
    {
        guard core.eventLoop.inEventLoop else { return nil }
        return try body(core)
    }
}
