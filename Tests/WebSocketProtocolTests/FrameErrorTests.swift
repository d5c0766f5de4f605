import Testing

@testable import WebSocketProtocol

@Suite("What the framing's errors say", .ownThread)
struct FrameErrorTests {
    @Test(
        "Each rule has its close code and its sentence",
        arguments: [
            (
                .reservedBitSet(bits: 4, opcode: .ping), 1002,
                "reserved bits 4 set on a ping frame and no extension uses them"
            ),
            (.reservedOpcode(Opcode(rawValue: 11)), 1002, "reserved opcode 11 has no meaning"),
            (.unmaskedClientFrame, 1002, "a client's frame must be masked"),
            (.maskedServerFrame, 1002, "a server's frame must not be masked"),
            (.fragmentedControlFrame(.close), 1002, "a close frame must not be fragmented"),
            (.controlFrameTooLong(.pong), 1002, "a pong frame must not exceed 125 bytes"),
            (.lengthNotMinimal(length: 7), 1002, "length 7 written in more bytes than it needs"),
            (.lengthTopBitSet, 1002, "a frame length must fit in 63 bits"),
            (.unexpectedContinuation, 1002, "continuation frame with no message to continue"),
            (.messageInsideMessage(.text), 1002, "text frame inside an unfinished message"),
            (.frameTooBig(length: 4, limit: 3), 1009, "frame of 4 bytes exceeds the limit of 3"),
            (.messageTooBig(length: 4, limit: 3), 1009, "message of at least 4 bytes exceeds the limit of 3"),
            (.tooManyFragments(limit: 3), 1008, "message of more than 3 fragments"),
            (.invalidUTF8(offset: 9), 1007, "text is not UTF-8 at byte 9"),
            (.closePayloadOfOneByte, 1002, "a close frame must hold no byte or at least two"),
            (.invalidCloseCode(.noStatusReceived), 1002, "close code 1005 must not be sent"),
            (.closeReasonNotUTF8, 1007, "close reason is not UTF-8"),
            (.tooManyPings(limit: 3), 1008, "more than 3 pings in a second"),
        ] as [(ProtocolError, UInt16, String)]
    )
    func peer(_ error: ProtocolError, _ code: UInt16, _ sentence: String) {
        #expect(error.closeCode.rawValue == code)
        #expect(error.httpStatus == nil)
        #expect(error.description == sentence)
        #expect(ClosePayload(failing: error).reason == sentence, "it fits a close frame")
    }

    @Test(
        "Each misuse has its sentence",
        arguments: [
            (.notOpen, "the connection is closing or closed"),
            (.messageUnderWay, "a fragmented message is still being sent"),
            (.textNotUTF8(offset: 3), "text to send is not UTF-8 at byte 3"),
            (.controlPayloadTooLong(bytes: 126), "ping or pong payload of 126 bytes, at most 125 fit"),
            (
                .closeCodeNotSendable(.abnormalClosure),
                "close code 1006 (abnormal closure) must not be sent: use 1000–1003, 1007–1014 or 3000–4999"
            ),
            (.closeReasonTooLong(bytes: 124), "close reason of 124 bytes, at most 123 fit"),
        ] as [(UsageError, String)]
    )
    func misuse(_ error: UsageError, _ sentence: String) {
        #expect(error.description == sentence)
    }

    @Test("Opcodes are named, and those without a name are numbered")
    func opcodes() {
        let names = (0...15).map { Opcode(rawValue: $0).description }
        let reserved = { (number: Int) in "reserved opcode \(number)" }
        #expect(
            names == ["continuation", "text", "binary"] + (3...7).map(reserved) + ["close", "ping", "pong"]
                + (11...15).map(reserved)
        )
        #expect(Opcode(rawValue: 0xF1) == .text, "only four bits are an opcode")
    }
}
