import Testing

@testable import WebSocketProtocol

/// RFC 7692 §5 and §7.1: what is offered, what is answered, what is refused.
@Suite("Negotiating compression", .ownThread)
struct DeflateNegotiationTests {
    private func elements(_ text: String) throws -> [ExtensionElement] { try ExtensionElement.parse([text]) }

    // MARK: The server

    private func answer(_ offers: String, _ options: DeflateOptions = DeflateOptions()) throws -> String? {
        DeflateAgreement.answer(to: try elements(offers), options)?.answer.headerValue
    }

    private static let remembering = DeflateOptions(keepsOwnContext: true, keepsPeerContext: true)

    @Test(
        "What a server answers by default: no memory in either direction",
        arguments: [
            ("permessage-deflate", ""),
            ("permessage-deflate; client_max_window_bits", ""),
            ("permessage-deflate; client_max_window_bits=10", "; client_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=15"),
            ("permessage-deflate; server_max_window_bits=8", "; server_max_window_bits=8"),
            ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", ""),
            ("x-other; a=b, permessage-deflate", ""),
            (
                "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9",
                "; server_max_window_bits=9"
            ),
            ("permessage-deflate; server_max_window_bits=\"12\"", "; server_max_window_bits=12"),
        ]
    )
    func answers(_ offers: String, _ more: String) throws {
        let always = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        #expect(try answer(offers) == always + more)
    }

    @Test(
        "What it answers when it wants to remember",
        arguments: [
            ("permessage-deflate", "permessage-deflate"),
            (
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover"
            ),
            (
                "permessage-deflate; client_no_context_takeover",
                "permessage-deflate; client_no_context_takeover"
            ),
        ]
    )
    func answersToRemember(_ offer: String, _ expected: String) throws {
        #expect(try answer(offer, Self.remembering) == expected)
    }

    @Test("Windows are the smaller of what both want, as far as the offer lets a server say so")
    func windows() throws {
        var options = Self.remembering
        options.ownMaxWindowBits = 11
        options.peerMaxWindowBits = 10
        #expect(try answer("permessage-deflate", options) == "permessage-deflate; server_max_window_bits=11")
        let offers = try elements("permessage-deflate; server_max_window_bits=9; client_max_window_bits=12")
        let made = try #require(DeflateAgreement.answer(to: offers, options))
        #expect(
            made.answer.headerValue
                == "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10"
        )
        #expect(made.agreement.server == .init(keepsContext: true, windowBits: 9))
        #expect(made.agreement.client == .init(keepsContext: true, windowBits: 10))
        // Without the parameter in the offer a server must not answer it, so the client's window is whole.
        let silent = try #require(DeflateAgreement.answer(to: try elements("permessage-deflate"), options))
        #expect(silent.agreement.client.windowBits == 15)
    }

    @Test(
        "Offers that §7.1 does not allow are declined, and so are names of the past",
        arguments: [
            "permessage-deflate; unknown", "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=true",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_max_window_bits=1e1", "permessage-deflate; client_max_window_bits=0",
            "permessage-deflate; client_max_window_bits=99999999999999999999",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
            "PERMESSAGE-DEFLATE", "deflate-stream", "x-webkit-deflate-frame", "perframe-deflate",
            "permessage-compress; method=deflate",
        ]
    )
    func declined(_ offer: String) throws {
        #expect(try answer(offer) == nil)
        // The next offer gets its chance.
        #expect(try answer("\(offer), permessage-deflate") != nil)
    }

    // MARK: The client

    @Test("What a client offers")
    func offers() {
        #expect(
            DeflateAgreement.offer(DeflateOptions()).headerValue
                == "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"
        )
        #expect(
            DeflateAgreement.offer(Self.remembering).headerValue
                == "permessage-deflate; client_max_window_bits"
        )
        var small = Self.remembering
        small.ownMaxWindowBits = 9
        small.peerMaxWindowBits = 10
        #expect(
            DeflateAgreement.offer(small).headerValue
                == "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9"
        )
    }

    private func agreement(_ answer: String, _ options: DeflateOptions) throws -> DeflateAgreement {
        try DeflateAgreement(answer: try #require(try elements(answer).first), to: options)
    }

    @Test("Answers that fit")
    func fitting() throws {
        let plain = try agreement("permessage-deflate", Self.remembering)
        #expect(plain.server == .init(keepsContext: true, windowBits: 15))
        #expect(plain.client == .init(keepsContext: true, windowBits: 15))
        let restricted = try agreement(
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                + "server_max_window_bits=9; client_max_window_bits=10",
            Self.remembering
        )
        #expect(restricted.server == .init(keepsContext: false, windowBits: 9))
        #expect(restricted.client == .init(keepsContext: false, windowBits: 10))
        // A client that would not remember need not be told.
        let modest = try agreement("permessage-deflate; server_no_context_takeover", DeflateOptions())
        #expect(!modest.client.keepsContext)
    }

    @Test(
        "Answers that do not fit fail the connection",
        arguments: [
            ("permessage-deflate; unknown", Self.remembering),
            ("permessage-deflate; client_max_window_bits", Self.remembering),
            ("permessage-deflate; client_max_window_bits=7", Self.remembering),
            ("permessage-deflate; server_no_context_takeover=1", Self.remembering),
            ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", Self.remembering),
            ("permessage-deflate", DeflateOptions()),
            ("permessage-deflate; server_no_context_takeover", DeflateOptions(peerMaxWindowBits: 10)),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
                DeflateOptions(peerMaxWindowBits: 10)
            ),
        ]
    )
    func unfitting(_ answer: String, _ options: DeflateOptions) {
        #expect(throws: ProtocolError.self) { try agreement(answer, options) }
    }

    @Test("A server's answer always fits the offer it answers", arguments: 0..<200 as Range<UInt64>)
    func agreementsMatch(_ seed: UInt64) throws {
        var dice = Dice(seed: seed)
        func options() -> DeflateOptions {
            DeflateOptions(
                keepsOwnContext: dice.roll(0...1) == 0,
                keepsPeerContext: dice.roll(0...1) == 0,
                ownMaxWindowBits: dice.roll(8...15),
                peerMaxWindowBits: dice.roll(8...15)
            )
        }
        let (client, server) = (options(), options())
        let offer = try elements(DeflateAgreement.offer(client).headerValue)
        let made = try #require(DeflateAgreement.answer(to: offer, server))
        let answer = try #require(try elements(made.answer.headerValue).first)
        let read = try DeflateAgreement(answer: answer, to: client)
        #expect(read.server == made.agreement.server)
        // A client may remember less, and look back less far, than it was allowed to.
        #expect(!read.client.keepsContext || made.agreement.client.keepsContext)
        #expect(read.client.windowBits <= made.agreement.client.windowBits)
    }

    @Test("Numbers out of range are moved into it")
    func options() {
        let options = DeflateOptions(
            ownMaxWindowBits: 3,
            peerMaxWindowBits: 99,
            level: 0,
            memoryLevel: 10,
            threshold: -1,
            maxInflateRatio: 0
        )
        #expect(options.ownMaxWindowBits == 8)
        #expect(options.peerMaxWindowBits == 15)
        #expect(options.level == 1)
        #expect(options.memoryLevel == 9)
        #expect(options.threshold == 0)
        #expect(options.maxInflateRatio == 1)
    }
}
