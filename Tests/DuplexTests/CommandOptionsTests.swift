import ArgumentParser
import Testing

@testable import duplex

@Suite("Options of the command")
struct CommandOptionsTests {
    @Test(
        arguments: [
            ("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("64kib", 65_536), ("16MiB", 16 << 20),
            ("2GiB", 2 << 30),
        ])
    func `Sizes are read as people write them`(text: String, bytes: Int) {
        #expect(ByteCount(argument: text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", "KiB", "-1", "+1", "1.5MiB", "1 MiB", "64KB", "x", "٣", "9223372036854775808",
        "9007199254740992GiB",
    ])
    func `What is no size is refused`(text: String) {
        #expect(ByteCount(argument: text) == nil)
    }

    @Test(arguments: [(16 << 20, "16MiB"), (1536, "1536"), (3 << 10, "3KiB"), (1 << 30, "1GiB"), (7, "7")])
    func `Sizes are shown in the largest unit that fits`(bytes: Int, text: String) {
        #expect(ByteCount(bytes).description == text)
    }

    @Test(
        arguments: [
            (["a b"], "--subprotocol: a subprotocol's name (letters"), (["a,b"], "not \"a,b\""),
            ([""], "not \"\""),
            (["chat", "chat"], "--subprotocol: chat is offered twice"),
        ]
    )
    func `A subprotocol that cannot be offered is told before anything is connected`(
        names: [String],
        words: String
    ) throws {
        let arguments = ["ws://h/"] + names.flatMap { ["--subprotocol", $0] }
        let error = try #require(throws: (any Error).self) { try Connect.parse(arguments) }
        #expect(Connect.message(for: error).contains(words))
        #expect(Connect.exitCode(for: error) == ExitStatus.wrongUsage.exitCode)
    }

    @Test func `Lingering is a time in seconds or until the close`() {
        #expect(Linger(argument: "close") == .untilClose)
        #expect(Linger(argument: "0") == .seconds(0))
        #expect(Linger(argument: "2.5") == .seconds(2.5))
        for wrong in ["", "-1", "nan", "inf", "soon", "1e10"] { #expect(Linger(argument: wrong) == nil) }
    }
}
