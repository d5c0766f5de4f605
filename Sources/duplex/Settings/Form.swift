import Logging
import WebSocketProtocol
import WebSocketServer

/// What stands for no value, for every setting that can be without one.
let off = "off"

/// What a value looks like as text.
struct Form<Value: Sendable>: Sendable {
    /// What stands for it in the help.
    let placeholder: String
    /// What is said to have been expected when it is something else.
    let expected: String
    /// Whether ``off`` is a value, too.
    let takesOff: Bool
    /// `nil` for what is no such value.
    let read: @Sendable (String) -> Value?

    init(
        _ placeholder: String,
        expected: String,
        takesOff: Bool = false,
        read: @escaping @Sendable (String) -> Value?
    ) {
        self.placeholder = placeholder
        self.expected = expected
        self.takesOff = takesOff
        self.read = read
    }

    /// The same, where ``off`` means that there is none.
    var orOff: Form<Value?> {
        Form<Value?>(placeholder, expected: "\(expected), or \(off)", takesOff: true) { text in
            text == off ? .some(nil) : read(text).map(Optional.some)
        }
    }
}

extension Form<String> {
    static func text(_ placeholder: String, expected: String) -> Form {
        Form(placeholder, expected: expected) { $0.isEmpty ? nil : $0 }
    }

    static var file: Form { text("file", expected: "the path of a file") }
    static var subprotocol: Form {
        // RFC 6455 §4.1: no blanks, and none of HTTP's separators.
        Form("name", expected: "a subprotocol's name (letters, digits and !#$%&'*+-.^_`|~)") { text in
            HTTPGrammar.isToken(text) ? text : nil
        }
    }
    static var origin: Form {
        text("origin", expected: "an origin such as https://example.org, same-host or any-dangerously")
    }
    static var host: Form { text("host", expected: "a name or an address") }
    static var hostAlone: Form {
        text("host", expected: "a name or an address, without a scheme and a port")
    }
}

extension Form<CloseCode> {
    static var closeCode: Form {
        let number = Form<Int>.number("code", in: 1000...4999)
        return Form(number.placeholder, expected: number.expected) { text in
            number.read(text).flatMap(UInt16.init(exactly:)).map { CloseCode($0) }
        }
    }
}

extension Form<AddressRange> {
    static var addresses: Form {
        Form("addresses", expected: "an address, a block such as 10.0.0.0/8, or loopback") {
            try? AddressRange($0)
        }
    }
}

extension Form<HandshakeRate> {
    /// As many at once as come in a second.
    static var rate: Form {
        let number = Form<Int>.number("per-second", in: 1...1_000_000)
        return Form(number.placeholder, expected: number.expected) { text in
            number.read(text).map { HandshakeRate(perSecond: Double($0), burst: $0) }
        }
    }
}

extension Form<Double> {
    /// In percent.
    static var part: Form {
        Form("percent", expected: "a part from 0% to 50%") { text in
            guard text.last == "%" else { return nil }
            return Form<Int>.number("", in: 0...50).read(String(text.dropLast())).map { Double($0) / 100 }
        }
    }
}

extension Form<Bool> {
    static var toggle: Form {
        Form("", expected: "true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }
}

extension Form<Int> {
    static var port: Form { number("port", in: 0...65_535) }

    static func number(_ placeholder: String, in range: ClosedRange<Int>) -> Form {
        let expected =
            range.upperBound == .max
            ? "a number of at least \(range.lowerBound)"
            : "a number from \(range.lowerBound) to \(range.upperBound)"
        return Form(placeholder, expected: expected) { text in
            // Digits and nothing else: no sign, no other script's digits.
            guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
                return nil
            }
            return Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension Form<ByteCount> {
    static var size: Form {
        Form("size", expected: "a size such as 65536, 64KiB or 2GiB") { ByteCount(argument: $0) }
    }
}

extension Form<Duration> {
    /// At most some eleven days, so that no clock overflows.
    static var time: Form {
        Form("time", expected: "a time such as 500ms, 20s, 5m or 1h, at most 999999s") { text in
            let units: [(suffix: String, milliseconds: Int)] = [
                ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
            ]
            guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
                let number = Form<Int>.number("", in: 0...999_999_000).read(
                    String(text.dropLast(unit.suffix.count))
                )
            else { return nil }
            let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
            return overflow || milliseconds > 999_999_000 ? nil : .milliseconds(milliseconds)
        }
    }
}

extension Form where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var choice: Form {
        let names = Value.allCases.map(\.rawValue)
        let expected = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        return Form(names.joined(separator: "|"), expected: expected) { Value(rawValue: $0) }
    }
}
