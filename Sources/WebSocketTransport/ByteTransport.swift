/// The seam between a connection and whatever carries its bytes: SwiftNIO over TCP or TLS, a pipe in
/// memory, later other loops.
///
/// The connection calls these on its event loop only. In the other direction the transport calls, on
/// the same loop, the methods of ``ConnectionInput``.
public protocol ByteTransport: AnyObject {
    /// Sends bytes, in order. The transport answers each call with one ``ConnectionInput/written()``,
    /// in order, when the operating system has taken them; that may happen before this returns.
    func write(_ bytes: [UInt8])

    /// Stops delivering input until ``resumeReading()``.
    func pauseReading()
    func resumeReading()

    /// Ends the outgoing half once what was written has gone (RFC 6455 §7.1.1: half-close, then read to
    /// the end).
    func closeOutput()

    /// Releases everything now. Nothing of the transport is called after this.
    func abort()
}

/// What a transport tells its connection, on the connection's event loop.
public protocol ConnectionInput: AnyObject {
    /// Bytes came. They may be changed in place and are gone when the call returns.
    func received(_ bytes: UnsafeMutableRawBufferPointer)
    /// The oldest write not yet answered has been taken by the operating system.
    func written()
    /// The peer ended its half; nothing more will come.
    func inputEnded()
    /// The transport failed; nothing more will come or go.
    func failed(_ cause: EndCause)
}
