import Foundation
import HTTPTypes
import NIOSSL
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport
import WebSockets

/// The README's programs, compiled as they stand there.
private enum ReadmePrograms {
    static func server() async throws {
        // begin
        let server = WebSocketServer(.init(port: 9001))
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.route("/hello/:name") { socket, parameters in
            try await socket.send("hello, \(parameters["name"] ?? "you")")
        }
        try await server.run()
        // end
    }

    static func client() async throws {
        // begin
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:9001/echo")
        try await socket.send("hola")
        for try await message in socket.messages {
            print(message.text ?? "\(message.bytes.count) bytes")
            break
        }
        let end = try await socket.close()
        print(end.code, end.reason, end.wasClean)
        // end
    }

    private struct User: Sendable {}
    private struct Users: Sendable {
        func owner(of token: String?) async throws -> User? { token.map { _ in User() } }
    }

    private static func production(_ tls: TLSConfiguration, _ users: Users) async throws {
        // begin
        var configuration = WebSocketServer.Configuration(host: "0.0.0.0", port: 443, tls: tls)
        configuration.connection.idleTimeout = .seconds(600)
        let server = WebSocketServer(configuration)

        server.route("/rooms/:room") { request -> Upgrade<User> in
            guard let user = try await users.owner(of: request.bearerToken) else {
                return .refuse(.text(.unauthorized, "who are you?\n"))
            }
            return .accept(user, UpgradeTerms(expiry: .after(.seconds(3600))))
        } handler: { socket, user, parameters in
            let room = "room/\(parameters["room"] ?? "")"
            try socket.subscribe(room, policy: .dropOldest(limit: 100))
            for try await message in socket.messages { try await server.publish(message, to: room) }
        }
        server.files(at: "/", in: "public")
        try await server.run()
        // end
    }

    @MainActor static func browser() async throws {
        // begin
        let socket = try WebSocket("ws://127.0.0.1:9001/echo")
        socket.onopen = { _ in try socket.send("hola") }
        socket.onmessage = { event in
            print(event.data)
            socket.close()
        }
        socket.onclose = { event in print(event.code, event.reason, event.wasClean) }
        await socket.waitUntilClosed()
        // end
    }
}

@Suite("README")
struct ReadmeTests {
    @Test func `Its programs are those that were compiled above`() throws {
        let readme = try String(contentsOfFile: Tools.path("README.md"), encoding: .utf8)
        let inReadme = readme.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
            .filter { $0.hasPrefix("import") }
            .map { $0.components(separatedBy: "\n").filter { !$0.hasPrefix("import") && !$0.isEmpty } }
        let here = try String(contentsOfFile: #filePath, encoding: .utf8)
        let compiled = here.components(separatedBy: "        // begin\n").dropFirst()
            .compactMap { $0.components(separatedBy: "        // end").first }
            .map { $0.components(separatedBy: "\n").filter { !$0.isEmpty }.map { String($0.dropFirst(8)) } }
        #expect(inReadme.count == 4)
        #expect(inReadme == compiled)
    }

    @Test func `Its links lead somewhere`() throws {
        let readme = try String(contentsOfFile: Tools.path("README.md"), encoding: .utf8)
        let links = readme.matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/).map { String($0.output.1) }
        #expect(links.count > 8)
        for link in links { #expect(FileManager.default.fileExists(atPath: Tools.path(link)), "\(link)") }
    }
}
