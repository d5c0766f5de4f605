#if os(Linux)
import Foundation
import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketTransport

@testable import duplex

/// systemd, played by a socket of the test's own (sd_notify(3)).
@Suite("Service manager", .timeLimit(.minutes(2)))
struct ServiceManagerTests {
    /// Receives datagrams on a thread of its own.
    private final class Listener: Sendable {
        private let descriptor: Int32
        let messages: AsyncStream<String>

        /// - Parameter name: a path, or a NUL and a name.
        init(_ name: [UInt8]) throws {
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(2 + name.count))
                }
            }
            try #require(bound == 0)
            self.descriptor = descriptor
            let (stream, continuation) = AsyncStream<String>.makeStream()
            messages = stream
            Thread.detachNewThread {
                var buffer = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = recv(descriptor, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    continuation.yield(String(decoding: buffer[..<count], as: UTF8.self))
                }
                continuation.finish()
                close(descriptor)
            }
        }

        deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    @Test func `It is told when the server is ready, when it reloads and when it stops`() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/notify"
        let listener = try Listener(Array(path.utf8))
        let serve = try await ServeProcess.start(environment: ["NOTIFY_SOCKET": path])
        try await within(waitingFor: "what the server has to say") {
            var messages = listener.messages.makeAsyncIterator()
            #expect(await messages.next() == "READY=1")
            serve.process.signal(SIGHUP)
            let reloading = await messages.next()
            #expect(reloading?.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil)
            #expect(await messages.next() == "READY=1")
            serve.process.signal(SIGTERM)
            #expect(await messages.next() == "STOPPING=1")
        }
        #expect(try await serve.process.finished().exit == .init(status: 0))
    }

    @Test func `It may listen in the abstract namespace, with a name of its own`() async throws {
        let name = "duplex-\(UUID().uuidString)"
        let listener = try Listener([0] + Array(name.utf8))
        let manager = ServiceManager(address: "@\(name)")
        manager.tell(.reloading)
        let message = try await within(waitingFor: "a datagram") {
            await listener.messages.first { _ in true }
        }
        #expect(message?.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil)
    }

    @Test func `Where nobody listens, nothing happens`() {
        for address in [nil, "", "/nowhere/at/all", String(repeating: "x", count: 200)] {
            ServiceManager(address: address).tell(.ready)
        }
    }
}
#endif
