import HTTPTypes
import WebSocketProtocol

/// What a parser of HTTP heads made of its input, and how many bytes it took for that.
enum HeadOutcome<Head: Equatable>: Equatable {
    case unfinished
    case head(Head, used: Int)
    case refused(ProtocolError, used: Int)

    var head: Head? {
        if case .head(let head, _) = self { head } else { nil }
    }
}

/// The size and the count beyond which a head is refused, small enough for inputs to reach them.
let headLimits = Limits(maxHeadSize: 1024, maxHeadFields: 20)

/// A parser's only call.
typealias ParseHead<Head> = (UnsafeRawBufferPointer, inout Int) throws -> Head?

/// What comes of an input, which must not depend on its cuts.
func outcomeHoweverCut<Head>(_ input: [UInt8], _ makeParser: () -> ParseHead<Head>) -> HeadOutcome<Head> {
    let whole = outcome(of: [input[...]], makeParser())
    var cuts = Cuts(hashing: input)
    requireSame(whole, outcome(of: cuts.pieces(of: input[...]), makeParser()), "another head when cut")
    switch whole {
    case .unfinished: require(input.count <= headLimits.maxHeadSize, "no end to a head")
    case .refused(let error, let used):
        require(used <= headLimits.maxHeadSize, "\(used) bytes read")
        require(!error.description.isEmpty, "a refusal without words")
    case .head(_, let used): requireOneReading(input[..<used])
    }
    return whole
}

private func outcome<Head>(
    of pieces: [ArraySlice<UInt8>],
    _ parse: ParseHead<Head>
) -> HeadOutcome<Head> {
    var used = 0
    for piece in pieces {
        var offset = 0
        do {
            let head = try piece.withUnsafeBytes { try parse($0, &offset) }
            require(offset >= 0 && offset <= piece.count, "read to byte \(offset) of \(piece.count)")
            used += offset
            if let head { return .head(head, used: used) }
            require(offset == piece.count, "input was left lying")
        } catch let error as ProtocolError {
            return .refused(error, used: used + offset)
        } catch {
            fatalError("an error of another family: \(error)")
        }
    }
    return .unfinished
}

/// That other programs see the same head: it ends at its first empty line, where ours ended, and holds nothing
/// that some take for a line's end and others do not (RFC 9112 §2.2, §11).
private func requireOneReading(_ head: ArraySlice<UInt8>) {
    // An empty line before the first is lawful.
    let text = Array(head.starts(with: [13, 10]) ? head.dropFirst(2) : head)
    var lineLengths: [Int] = []
    var start = 0
    for (index, byte) in text.enumerated() {
        if byte == 10 {
            require(index > 0 && text[index - 1] == 13, "an LF without CR")
            lineLengths.append(index - 1 - start)
            start = index + 1
        } else if byte == 13 {
            require(index + 1 < text.count && text[index + 1] == 10, "a CR without LF")
        } else {
            require(byte >= 32 && byte != 127 || byte == 9, "control character \(byte)")
        }
    }
    require(start == text.count, "bytes behind the last line")
    require(lineLengths.firstIndex(of: 0) == lineLengths.count - 1, "not one empty line, at the end")
    require(lineLengths.count - 2 <= headLimits.maxHeadFields, "\(lineLengths.count - 2) header fields")
}

/// Words that heads hold.
let headWords = [
    "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n\r\n", "Host: ", "Connection: ", "Upgrade", "Upgrade: ", "websocket",
    "Content-Length: ", "Transfer-Encoding: ", "chunked", "Sec-WebSocket-Key: ", "Sec-WebSocket-Accept: ",
    "Sec-WebSocket-Version: ", "13", "Sec-WebSocket-Protocol: ", "Sec-WebSocket-Extensions: ", "GET ",
    "OPTIONS * ", "CONNECT ", "http://", "wss://", "[::1]", "[::ffff:1.2.3.4]", ":65536", "\t",
    "chat, superchat",
]
