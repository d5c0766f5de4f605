package import NIOCore
package import NIOSSL

/// The seam between a connection and whatever carries its bytes: SwiftNIO over TCP or TLS, a loop of our own
/// over TCP, a pipe in memory.
///
/// The connection calls these on its event loop only. In the other direction the transport calls, on
/// the same loop, the methods of ``ConnectionInput``.
public protocol ByteTransport: AnyObject {
    /// Sends bytes, in order; `more` right behind `bytes`, as if they were one. They are gone when the call
    /// returns: what the operating system does not take at once is copied.
    ///
    /// - Returns: whether there is nothing left to wait for: the operating system has taken all of it, or what it
    ///   has not taken yet is little (4 KiB at most) and goes before anything else. If not, the transport answers the
    ///   call with one ``ConnectionInput/written()``, in order, once it has.
    func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool

    /// Stops delivering input until ``resumeReading()``.
    func pauseReading()
    func resumeReading()

    /// Ends the outgoing half once what was written has gone (RFC 6455 §7.1.1: half-close, then read to
    /// the end).
    func closeOutput()

    /// Sends the last bytes there will be, and ends the outgoing half behind them: ``write(_:_:)`` and
    /// ``closeOutput()``, which a transport may do in one step.
    func writeLast(_ bytes: RawSpan) -> Bool

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

extension ByteTransport {
    public func writeLast(_ bytes: RawSpan) -> Bool {
        let isTaken = write(bytes, RawSpan())
        closeOutput()
        return isTaken
    }

    /// Sends bytes. See ``write(_:_:)``.
    package func write(_ bytes: RawSpan) -> Bool { write(bytes, RawSpan()) }
}

/// A transport that a listener has accepted: who listens to it changes once, when the opening handshake is
/// over.
package protocol AcceptedTransport: ByteTransport {
    var input: (any ConnectionInput)? { get set }
    var eventLoop: any EventLoop { get }
    var peer: PeerAddress { get }
    /// Whether TLS is below.
    var isSecure: Bool { get }
    /// The certificate that the peer showed and that was verified, if it was asked for one.
    var peerCertificate: NIOSSLCertificate? { get }
}

extension AcceptedTransport {
    package var isSecure: Bool { false }
    package var peerCertificate: NIOSSLCertificate? { nil }
}
