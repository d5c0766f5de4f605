import Testing

@testable import duplex

@Suite("Forms of settings")
struct FormTests {
    @Test(
        arguments: [
            ("0s", .zero), ("500ms", .milliseconds(500)), ("20s", .seconds(20)), ("5m", .seconds(300)),
            ("1h", .seconds(3600)), ("999999s", .seconds(999_999)),
        ] as [(String, Duration)]
    )
    func `Times are read as people write them`(text: String, time: Duration) {
        #expect(Form<Duration>.time.read(text) == time)
    }

    @Test(arguments: ["", "s", "20", "-1s", "1.5s", "20 s", "1d", "1000000s", "9223372036854775807h", "٣s"])
    func `What is no time is refused`(text: String) {
        #expect(Form<Duration>.time.read(text) == nil)
    }

    @Test func `A word can stand for none`() {
        let form = Form<Duration>.time.orOff
        #expect(form.read("off") == .some(nil))
        #expect(form.read("1s") == .seconds(1))
        #expect(form.read("of") == nil)
        #expect(form.expected.hasSuffix(", or off"))
    }

    @Test func `Subprotocols are tokens`() {
        let form = Form<String>.subprotocol
        for name in ["chat", "v2.chat", "a!#$%&'*+-.^_`|~9"] { #expect(form.read(name) == name) }
        for wrong in ["", "a b", "a,b", "a/b", "a;b", "\"a\"", "é", "a\n"] {
            #expect(form.read(wrong) == nil)
        }
    }

    @Test func `Parts are in percent`() {
        #expect(Form<Double>.part.read("0%") == 0)
        #expect(Form<Double>.part.read("25%") == 0.25)
        #expect(Form<Double>.part.read("50%") == 0.5)
        #expect(Form<Double>.part.read("51%") == nil)
        for wrong in ["", "%", "0.1", "10", "101%", "-1%"] { #expect(Form<Double>.part.read(wrong) == nil) }
    }

    @Test func `Ports are numbers of 16 bits`() {
        let port = Form<Int>.port
        #expect(port.read("0") == 0)
        #expect(port.read("65535") == 65_535)
        for wrong in ["", "65536", "-1", "+1", "0x10", "١"] { #expect(port.read(wrong) == nil) }
        #expect(port.expected == "a number from 0 to 65535")
    }

    @Test func `Truths have several words`() {
        let truth = Form<Bool>.toggle
        for text in ["true", "YES", "on", "1"] { #expect(truth.read(text) == true) }
        for text in ["false", "no", "OFF", "0"] { #expect(truth.read(text) == false) }
        for text in ["", "2", "y"] { #expect(truth.read(text) == nil) }
    }

    @Test func `Choices are told when something else was chosen`() {
        #expect(Form<CompressionMode>.choice.read("off") == .off)
        #expect(Form<CompressionMode>.choice.read("OFF") == nil)
        #expect(Form<CompressionMode>.choice.expected == "off, message or connection")
    }
}
