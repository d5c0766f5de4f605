import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

@testable import WebSockets

/// The web's interfaces from many tasks at once: under the thread sanitizer, `make test` runs these too.
@Suite("Hammer of the web's interfaces", .timeLimit(.minutes(3)))
struct FacesHammerTests {
    @Test("Sockets outside of any actor: used by their task while their events come elsewhere")
    func patientSockets() async throws {
        try await withEcho { url in
            let environment = WebSocketEnvironment.patient { $0.connection.inboundHighWaterMark = 5_000 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<16 {
                    group.addTask {
                        for round in 0..<4 {
                            let ended = Promised<Void>()
                            let count = Log<Int>()
                            let socket = try WebSocket(url, environment: environment)
                            socket.onclose = { _ in ended.fulfil(()) }
                            let opened = Promised<Void>()
                            socket.onopen = { _ in opened.fulfil(()) }
                            try await within { try await opened.value }
                            for number in 0..<50 {
                                try? socket.send("\(number)")
                                _ = (
                                    socket.bufferedAmount, socket.readyState, socket.extensions,
                                    socket.failure
                                )
                                if number == 10 {
                                    socket.onmessage = { event in count.add(event.data.text?.utf8.count ?? 0)
                                    }
                                }
                                if number % 7 == task % 7 {
                                    let listener = socket.addEventListener(.error) { _ in }
                                    socket.removeEventListener(.error, listener)
                                }
                            }
                            if round % 2 == 0 {
                                try await within { while count.entries.count < 50 { await Task.yield() } }
                            }
                            socket.close()
                            try await within { try await ended.value }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await within { while environment.liveConnections > 0 { await Task.yield() } }
        }
    }

    @Test("Streams: written, read, looked at, closed and given up at once")
    func streams() async throws {
        try await withEcho { url in
            let environment = WebSocketEnvironment.patient { $0.connectsOneByOne = false }
            for round in 0..<20 {
                let controller = AbortController()
                let stream = try WebSocketStream(url, signal: controller.signal, environment: environment)
                await withTaskGroup(of: Void.self) { group in
                    for task in 0..<16 {
                        group.addTask {
                            do {
                                switch task % 8 {
                                case 0: if round % 5 == 4 { controller.abort() }
                                case 1: _ = try await stream.closed
                                case 2 where round % 3 == 0:
                                    _ = try await stream.opened
                                    try stream.close(closeCode: 3000 + UInt16(task))
                                case 3:
                                    for try await _ in try await stream.opened.readable {}
                                default:
                                    let writable = try await stream.opened.writable
                                    for number in 0..<50 { try await writable.write("\(number)") }
                                    if task == 15 { try stream.close() }
                                }
                            } catch {
                                // Each of these ends in one way or another; none may hang, race or trap.
                            }
                        }
                    }
                }
            }
            try await within { while environment.liveConnections > 0 { await Task.yield() } }
        }
    }
}
