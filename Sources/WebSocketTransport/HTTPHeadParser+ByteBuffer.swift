package import HTTPTypes
package import NIOCore
package import WebSocketProtocol

extension HTTPRequestParser {
    /// Reads on from what the buffer holds, and takes the bytes used from it.
    package mutating func parse(_ buffer: inout ByteBuffer) throws(ProtocolError) -> HTTPRequestHead? {
        try buffer.parseHead { (bytes, offset) throws(ProtocolError) in try parse(bytes, at: &offset) }
    }
}

extension HTTPResponseParser {
    /// Reads on from what the buffer holds, and takes the bytes used from it.
    package mutating func parse(_ buffer: inout ByteBuffer) throws(ProtocolError) -> HTTPResponse? {
        try buffer.parseHead { (bytes, offset) throws(ProtocolError) in try parse(bytes, at: &offset) }
    }
}

extension ByteBuffer {
    fileprivate mutating func parseHead<Head>(
        _ parse: (UnsafeRawBufferPointer, inout Int) throws(ProtocolError) -> Head?
    ) throws(ProtocolError) -> Head? {
        var offset = 0
        let result = withUnsafeReadableBytes { bytes in
            Result { () throws(ProtocolError) in try parse(bytes, &offset) }
        }
        moveReaderIndex(forwardBy: offset)
        return try result.get()
    }
}
