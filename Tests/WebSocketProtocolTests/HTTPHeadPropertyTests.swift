import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Heads by the thousand, drawn from a seed")
struct HTTPHeadPropertyTests {
    private static let targetBytes = latin1Text(UInt8(0x21)...0x7E).filter { $0 != "#" }
    private static let valueBytes = latin1Text(Array(0x21...0x7E) + Array(0x80...0xFF))

    /// A legal request and the lines that say what it is.
    private func randomRequest(_ dice: inout Dice) throws -> (request: HTTPRequest, lines: [String]) {
        let method = try #require(HTTPRequest.Method(dice.text(tokenCharacters, count: 1...12)))
        let path = "/" + dice.text(Self.targetBytes, count: 0...60)
        let authority =
            dice.pick(["a", "a.example", "[::1]", "192.0.2.1", "a-b_c~d"])
            + dice.pick(["", ":", ":80", ":65535"])
        var fields = HTTPFields()
        var lines = ["\(method.rawValue) \(path) at \(authority) in 1.1"]
        for _ in 0..<dice.roll(0...12) {
            // The prefix keeps clear of the names that mean something to a parser.
            let name = "X" + dice.text(tokenCharacters, count: 0...10)
            var value = dice.text(Self.valueBytes, count: 0...30)
            if dice.roll(0...2) == 0 {
                value = [value, dice.text(Self.valueBytes, count: 0...5)].filter { !$0.isEmpty }
                    .joined(separator: dice.pick([" ", "\t", "  ", ", "]))
            }
            fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: latin1(value)))
            lines.append("\(name): \(value)")
        }
        let request = HTTPRequest(
            method: method,
            scheme: nil,
            authority: authority,
            path: path,
            headerFields: fields
        )
        return (request, lines)
    }

    @Test("A request that is written, cut anywhere and read is the request it was")
    func requestRoundTrip() throws {
        var dice = Dice(seed: 0x9112)
        for _ in 0..<400 {
            let (request, lines) = try randomRequest(&dice)
            let bytes = try HTTPHeadSerializer.bytes(of: request)
            let pieces = dice.cut(bytes + bytesBehindTheHead)
            #expect(feed(pieces, to: HTTPRequestParser.self) == .head(lines, used: bytes.count))
        }
    }

    @Test("A response that is written, cut anywhere and read is the response it was")
    func responseRoundTrip() throws {
        var dice = Dice(seed: 0x101)
        for _ in 0..<400 {
            let (request, requestLines) = try randomRequest(&dice)
            let code = dice.roll(100...999)
            let reason = dice.text(latin1Text(UInt8(0x20)...0x7E) + "\t", count: 0...20)
            let response = HTTPResponse(
                status: .init(code: code, reasonPhrase: reason),
                headerFields: request.headerFields
            )
            let bytes = HTTPHeadSerializer.bytes(of: response)
            let lines = ["\(code) \(reason)"] + requestLines.dropFirst()
            let pieces = dice.cut(bytes + bytesBehindTheHead)
            #expect(feed(pieces, to: HTTPResponseParser.self) == .head(Array(lines), used: bytes.count))
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ dice: inout Dice) {
        let special = Array("\r\n \t:,;=\"\\#/\0\u{7F}".utf8) + [0x80, 0xFF]
        for _ in 0..<dice.roll(1...4) {
            let place = dice.roll(0...(bytes.count - 1))
            switch dice.roll(0...5) {
            case 0: bytes[place] = UInt8(dice.roll(0...255))
            case 1: bytes[place] = dice.pick(special)
            case 2: bytes.insert(dice.pick(special), at: place)
            case 3: bytes.remove(at: place)
            case 4: bytes.insert(contentsOf: bytes[place...].prefix(dice.roll(1...60)), at: place)
            default: bytes.removeSubrange(place..<min(bytes.count, place + dice.roll(1...20)))
            }
            if bytes.isEmpty { bytes = [UInt8(ascii: "G")] }
        }
    }

    /// What was read, as an independent look at its text finds it.
    private func isClean(_ lines: [String]) -> Bool {
        lines.allSatisfy { line in
            line.unicodeScalars.allSatisfy { $0 == "\t" || ($0.value >= 0x20 && $0.value != 0x7F) }
        }
            && lines.dropFirst().allSatisfy { line in
                let name = line.unicodeScalars.prefix { $0 != ":" }
                return !name.isEmpty && name.allSatisfy { tokenCharacters.unicodeScalars.contains($0) }
            }
    }

    @Test("A damaged request ends the same however it is cut, and never holds what no head may hold")
    func damagedRequests() throws {
        var dice = Dice(seed: 0x431)
        var read = 0
        var refused = 0
        let original = OpeningRequest(
            connection: ["Connection: keep-alive, Upgrade"],
            more: [
                "Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Extensions: x; y=\"z\"", "Content-Length: 0",
            ]
        )
        for _ in 0..<3_000 {
            var bytes = latin1(original.head)
            mutate(&bytes, &dice)
            let whole = feed(whole: bytes, to: HTTPRequestParser.self)
            #expect(feed(dice.cut(bytes), to: HTTPRequestParser.self) == whole)
            switch whole {
            case .unfinished:
                #expect(bytes.count < 16_384)
            case .refused(let error, let used):
                refused += 1
                #expect(used <= bytes.count)
                #expect(ServerHandshake.refusal(of: error).response.status.code >= 400)
            case .head(let lines, _):
                read += 1
                #expect(isClean(lines), "\(lines)")
                checkHandshake(latin1Text(bytes))
            }
        }
        // Damage of both kinds was done.
        #expect(read > 300 && refused > 300)
    }

    /// Accepted or refused, the answer is a head of its own.
    private func checkHandshake(_ head: String) {
        let answer: HTTPResponse
        do throws(ProtocolError) {
            guard let handshake = try serverHandshake(head) else { return }
            answer = (try? handshake.acceptance()) ?? HTTPResponse(status: 500)
            #expect(answer.status.code == 101)
        } catch {
            answer = ServerHandshake.refusal(of: error).response
            #expect((400...505).contains(answer.status.code))
        }
        let bytes = HTTPHeadSerializer.bytes(of: answer)
        #expect(feed(whole: bytes, to: HTTPResponseParser.self) == .head(lines(answer), used: bytes.count))
    }

    @Test("A damaged response ends the same however it is cut, and never opens what it should not")
    func damagedResponses() throws {
        var dice = Dice(seed: 0x6455)
        let handshake = try ClientHandshake(
            url: WebSocketURL("ws://a"),
            subprotocols: ["a"],
            random: ClientHandshakeTests.sampleNonce
        )
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        for _ in 0..<3_000 {
            var bytes = latin1(
                headText([
                    "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                    "Sec-WebSocket-Accept: \(accept)", "Sec-WebSocket-Protocol: a",
                ])
            )
            mutate(&bytes, &dice)
            #expect(
                feed(dice.cut(bytes), to: HTTPResponseParser.self)
                    == feed(whole: bytes, to: HTTPResponseParser.self)
            )
            var parser = HTTPResponseParser()
            var offset = 0
            guard let response = try? bytes.withUnsafeBytes({ try parser.parse($0, at: &offset) }),
                let agreement = try? handshake.check(response)
            else { continue }
            #expect(agreement.response.status.code == 101)
            #expect(agreement.subprotocol == nil || agreement.subprotocol == "a")
            #expect(agreement.response.headerFields[.secWebSocketAccept] == accept)
        }
    }

    @Test("Noise is refused or waited for, within the limits")
    func noise() {
        var dice = Dice(seed: 0x505)
        for _ in 0..<1_000 {
            let bytes = (0..<dice.roll(1...400)).map { _ in UInt8(dice.roll(0...255)) }
            let outcome = feed(whole: bytes, to: HTTPRequestParser.self)
            if case .head(let lines, _) = outcome { Issue.record("read a head from noise: \(lines)") }
            #expect(feed(dice.cut(bytes), to: HTTPRequestParser.self) == outcome)
        }
    }
}
