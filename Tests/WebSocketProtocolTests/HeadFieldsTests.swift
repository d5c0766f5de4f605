import HTTPTypes
import Testing

@testable import WebSocketProtocol

private let nameTable: [(String, HeadFields.Name)] = [
    ("host", .host), ("connection", .connection), ("upgrade", .upgrade),
    ("content-length", .contentLength),
    ("transfer-encoding", .transferEncoding), ("sec-websocket-key", .key),
    ("sec-websocket-version", .version), ("sec-websocket-protocol", .subprotocols),
    ("sec-websocket-extensions", .extensions),
]

@Suite("The fields of a head as bytes", .ownThread)
struct HeadFieldsTests {
    private func name(_ text: String) -> HeadFields.Name {
        let bytes = latin1("\u{FF}" + text + ":")
        return HeadFields.Name(of: bytes.span, 1..<(bytes.count - 1))
    }

    @Test(
        "A name is known in whatever letter case, and with any other byte it is another",
        arguments: nameTable
    )
    func names(_ text: String, _ known: HeadFields.Name) {
        #expect(name(text) == known)
        #expect(name(text.uppercased()) == known)
        #expect(name(text + "s") == .other)
        #expect(name(String(text.dropLast())) == .other)
        for place in text.indices {
            for byte in tokenCharacters where byte.lowercased() != String(text[place]) {
                let other = text.replacingCharacter(at: place, with: byte)
                #expect(name(other) == .other, "\(other)")
            }
        }
    }

    @Test("A field named at run time is found in whatever letter case, the first of several")
    func named() {
        let fields = HeadFields([.userAgent: "a", .cookie: "b"])
        #expect(fields.first(named: "user-agent").map(latin1Text) == "a")
        #expect(fields.first(named: "cookie").map(latin1Text) == "b")
        #expect(fields.first(named: "origin") == nil)
        let short = HeadFields([.te: "c", .via: "d"])
        #expect(short.first(named: "te").map(latin1Text) == "c")
        #expect(short.first(named: "via").map(latin1Text) == "d")
        #expect(short.first(named: "tx") == nil)
        let twice = HeadFields([.setCookie: "1", .setCookie: "2"])
        #expect(twice.first(named: "set-cookie").map(latin1Text) == "1")
    }

    @Test("A token is found in a list wherever it stands, and nothing that only looks like it is")
    func list() {
        func has(_ value: String) -> Bool {
            let bytes = latin1(value)
            return HTTPGrammar.list(bytes.span, bytes.indices, contains: "upgrade")
        }
        for value in ["upgrade", "Upgrade", "a, UPGRADE", "upgrade,b", ",, \tupgrade\t ,", "a,upgrade,b"] {
            #expect(has(value), "\(value)")
        }
        for value in [
            "", ",", "upgrad", "upgrades", "up grade", "upgrade;a", "\"upgrade\"", "a upgrade", "u,pgrade",
        ] {
            #expect(!has(value), "\(value)")
        }
    }

    @Test(
        "The first control character is found at every distance, past tabs, and the end where there is none"
    )
    func firstControl() {
        for count in 0...40 {
            let text = [UInt8](repeating: 0x61, count: count)
            #expect(HTTPGrammar.firstControl(in: text.span, from: 0) == count)
            for place in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    var changed = text
                    changed[place] = byte
                    if place > 0 { changed[place - 1] = 0x09 }
                    if place + 1 < count { changed[place + 1] = 0x80 }
                    let isControl = byte != 0x09 && (byte < 0x20 || byte == 0x7F)
                    let found = HTTPGrammar.firstControl(in: changed.span, from: 0)
                    #expect(found == (isControl ? place : count))
                }
            }
        }
    }

    @Test("Fields made and fields read are the same")
    func madeAndRead() throws {
        let made: HTTPFields = [.origin: "https://a", .cookie: "b=c", .upgrade: "websocket"]
        #expect(HeadFields(made).httpFields() == made)
        #expect(HeadFields(made).first(.upgrade).map(latin1Text) == "websocket")
    }
}

extension String {
    fileprivate func replacingCharacter(at place: Index, with character: Character) -> String {
        var text = self
        text.replaceSubrange(place...place, with: String(character))
        return text
    }
}
