/// An extension at work on one connection (RFC 6455 §9): it may change the payload of messages, and marks
/// those it changed with reserved bits on their first frame.
///
/// Frames stay the endpoint's business: an extension sees the payload of data messages, unmasked, in
/// order, and never a control frame. It belongs to one connection and is called by one owner at a time.
public protocol MessageExtension: AnyObject {
    /// The reserved bits it may set on the first frame of a message: RSV1–RSV3 as 4, 2 and 1.
    var reservedBits: UInt8 { get }

    /// Undoes the change of an incoming message that carries one of ``reservedBits``, piece by piece.
    ///
    /// - Parameters:
    ///   - isLast: whether the message ends with this piece.
    ///   - limit: the most bytes to append. More is ``ProtocolError/messageTooBig(length:limit:)``, noticed
    ///     before they are stored.
    func receive(
        _ piece: UnsafeRawBufferPointer,
        isLast: Bool,
        limit: Int,
        into output: inout [UInt8]
    ) throws(ProtocolError)

    /// Changes a whole outgoing message, or leaves it alone.
    ///
    /// - Returns: the bits of its frame, with the payload in `output`; or 0, and then `output` says nothing.
    func send(_ kind: MessageKind, whole payload: UnsafeRawBufferPointer, into output: inout [UInt8]) -> UInt8

    /// Decides about an outgoing message of unknown size, sent in fragments.
    ///
    /// - Returns: the bits of its first frame; 0 leaves the message alone.
    func beginSending(_ kind: MessageKind) -> UInt8

    /// Changes a fragment of the message that ``beginSending(_:)`` took.
    func send(fragment payload: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8])

    /// Nothing more will be received or sent: what is borrowed goes back.
    func end()
}
