import HTTPTypes
import Testing

@testable import WebSocketProtocol

/// A head parser, whichever side it is for, and its result as lines to compare.
protocol HeadParser {
    associatedtype Head
    init(limits: Limits)
    mutating func parse(_ input: UnsafeRawBufferPointer, at offset: inout Int) throws(ProtocolError) -> Head?
    static func lines(_ head: Head) -> [String]
}

extension HTTPRequestParser: HeadParser {
    static func lines(_ head: HTTPRequestHead) -> [String] {
        let request = head.request
        let version = head.version == .http1_1 ? "1.1" : "1.0"
        let start =
            "\(request.method.rawValue) \(request.path ?? "-") at \(request.authority ?? "-") in \(version)"
        return [start] + request.headerFields.map(line)
    }
}

extension HTTPResponseParser: HeadParser {
    static func lines(_ head: HTTPResponse) -> [String] {
        ["\(head.status.code) \(head.status.reasonPhrase)"] + head.headerFields.map(line)
    }
}

private func line(_ field: HTTPField) -> String {
    "\(field.name.rawName): " + field.withUnsafeBytesOfValue { latin1Text($0) }
}

/// What a parser made of its input, and how many bytes it took for that.
enum HeadOutcome: Equatable {
    case unfinished
    case head([String], used: Int)
    case refused(ProtocolError, used: Int)
}

/// Each scalar one byte, so that a test can write any byte down.
func latin1(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

func latin1Text(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text.unicodeScalars.append(Unicode.Scalar(byte)) }
    return text
}

/// A head of these lines, each ended as RFC 9112 §2.1 wants it.
func headText(_ lines: [String]) -> String { lines.map { $0 + "\r\n" }.joined() + "\r\n" }

/// A masked and an unmasked frame: what follows a head in a connection that is upgraded.
let bytesBehindTheHead: [UInt8] = [0x81, 0x82, 0x0D, 0x0A, 0x0D, 0x0A, 0x45, 0x63, 0x89, 0x00]

/// Feeds a parser piece by piece until it has a head or refuses.
func feed<Parser: HeadParser>(
    _ pieces: some Sequence<ArraySlice<UInt8>>,
    to _: Parser.Type,
    limits: Limits = Limits()
) -> HeadOutcome {
    var parser = Parser(limits: limits)
    var used = 0
    for piece in pieces {
        var offset = 0
        let result = piece.withUnsafeBytes { bytes in
            Result { () throws(ProtocolError) in try parser.parse(bytes, at: &offset) }
        }
        used += offset
        switch result {
        case .failure(let error): return .refused(error, used: used)
        case .success(let head?): return .head(Parser.lines(head), used: used)
        // A parser that leaves bytes of an unfinished head lying would lose them.
        case .success(nil): guard offset == piece.count else { return .unfinished }
        }
    }
    return .unfinished
}

func feed<Parser: HeadParser>(
    whole bytes: [UInt8],
    to parser: Parser.Type,
    limits: Limits = Limits()
) -> HeadOutcome {
    feed(CollectionOfOne(bytes[...]), to: parser, limits: limits)
}

func feed<Parser: HeadParser>(
    byteByByte bytes: [UInt8],
    to parser: Parser.Type,
    limits: Limits = Limits()
) -> HeadOutcome {
    feed(bytes.indices.lazy.map { bytes[$0...$0] }, to: parser, limits: limits)
}

/// The outcome of a head with frames behind it, which must not depend on where the bytes are cut.
func outcomeHoweverCut<Parser: HeadParser>(
    _ head: [UInt8],
    _ parser: Parser.Type,
    sourceLocation: SourceLocation = #_sourceLocation
) -> HeadOutcome {
    let bytes = head + bytesBehindTheHead
    let whole = feed(whole: bytes, to: parser)
    // Every cut of a large head would take the square of its size; a thousand of them will do.
    let cuts = stride(from: 0, to: bytes.count, by: bytes.count / 1_000 + 1)
    let firstOther = cuts.first { cut in
        feed([bytes[..<cut], bytes[cut...]], to: parser) != whole
    }
    #expect(firstOther == nil, "another outcome when cut at this byte", sourceLocation: sourceLocation)
    #expect(feed(byteByByte: bytes, to: parser) == whole, sourceLocation: sourceLocation)
    return whole
}
