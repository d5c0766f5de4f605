import Testing

@testable import WebSocketProtocol

@Suite("DeflatePool", .ownThread)
struct DeflatePoolTests {
    private static let configuration = Deflater.Configuration(windowBits: 15, level: 1, memoryLevel: 8)

    @Test("What is given back is taken again, clean")
    func reuse() throws {
        let pool = DeflatePool()
        let deflater = try #require(pool.takeDeflater(Self.configuration))
        var first: [UInt8] = []
        Array("hello hello hello".utf8).withUnsafeBytes { deflater.compress($0, isLast: true, into: &first) }
        pool.giveBack(deflater)
        let again = try #require(pool.takeDeflater(Self.configuration))
        #expect(again === deflater)
        var second: [UInt8] = []
        Array("hello hello hello".utf8).withUnsafeBytes { again.compress($0, isLast: true, into: &second) }
        #expect(first == second)
        let inflater = try #require(pool.takeInflater(windowBits: 15))
        pool.giveBack(inflater)
        #expect(pool.takeInflater(windowBits: 15) === inflater)
        #expect(pool.takeInflater(windowBits: 15) !== inflater)
    }

    @Test("Connections that agreed on the same share what they agreed on, and no others do")
    func sharedTerms() throws {
        let pool = DeflatePool()
        let small = DeflateAgreement(
            server: .init(keepsContext: false, windowBits: 9),
            client: .init(keepsContext: false, windowBits: 15)
        )
        let large = DeflateAgreement(server: small.client, client: small.client)
        func terms(_ agreement: DeflateAgreement, level: Int = 1, _ role: Role = .server) -> DeflateTerms {
            PerMessageDeflate(agreement, DeflateOptions(level: level), role: role, pool: pool).terms
        }
        #expect(terms(small) === terms(small))
        #expect(terms(small) !== terms(large))
        #expect(terms(small) !== terms(small, level: 2))
        #expect(terms(small, .server) !== terms(small, .client))
        #expect(terms(small, .client).outgoing == small.client)
        #expect(terms(small, .server).outgoing == small.server)
    }

    @Test("Of each kind only a few are kept")
    func limit() throws {
        let pool = DeflatePool()
        weak var last: Deflater?
        do {
            let many = try (0...DeflatePool.idleLimit).map { _ in
                try #require(pool.takeDeflater(Self.configuration))
            }
            last = many.last
            for each in many { pool.giveBack(each) }
        }
        #expect(last == nil)
        let other = Deflater.Configuration(windowBits: 9, level: 1, memoryLevel: 8)
        #expect(pool.takeDeflater(other)?.configuration == other)
    }

    @Test("A connection without memory has no codec between messages; one with memory lets go at its end")
    func borrowing() throws {
        for keepsContext in [false, true] {
            let pool = DeflatePool()
            let direction = DeflateAgreement.Direction(keepsContext: keepsContext, windowBits: 15)
            var endpoint = WebSocketEndpoint(
                role: .server,
                messageExtension: PerMessageDeflate(
                    DeflateAgreement(server: direction, client: direction),
                    DeflateOptions(threshold: 0),
                    role: .server,
                    pool: pool
                )
            )
            var output: [UInt8] = []
            try endpoint.send(String(repeating: "a", count: 1000), into: &output)
            let configuration = Self.configuration
            // Another one is made only while the first is away.
            let idle = try #require(pool.takeDeflater(configuration))
            pool.giveBack(idle)
            endpoint.end()
            let taken = [pool.takeDeflater(configuration), pool.takeDeflater(configuration)]
            #expect(taken.contains { $0 === idle })
            try endpoint.send(String(repeating: "a", count: 1000), into: &output)
        }
    }

    @Test("A message cut off by a failure gives its codec back")
    func failure() throws {
        let pool = DeflatePool()
        let direction = DeflateAgreement.Direction(keepsContext: false, windowBits: 15)
        let inflater = try #require(pool.takeInflater(windowBits: 15))
        pool.giveBack(inflater)
        var endpoint = WebSocketEndpoint(
            role: .client,
            messageExtension: PerMessageDeflate(
                DeflateAgreement(server: direction, client: direction),
                DeflateOptions(),
                role: .client,
                pool: pool
            )
        )
        var input: [UInt8] = [0x41, 0x03, 0xF2, 0x48, 0xCD]
        var offset = 0
        #expect(input.withUnsafeMutableBytes { endpoint.receive($0, at: &offset) } == nil)
        let other = try #require(pool.takeInflater(windowBits: 15))
        #expect(other !== inflater, "it is in use")
        endpoint.fail(.tooManyPings(limit: 1))
        #expect(pool.takeInflater(windowBits: 15) === inflater)
    }
}
