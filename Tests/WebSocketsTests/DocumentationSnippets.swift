// swift-format-ignore-file
// Written by scripts/snippets.sh from the DocC catalogue.

import HTTPTypes
import NIOSSL
import WebSocketTransport
import WebSockets

@MainActor private func AbortController1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let controller = AbortController()
    let stream = try WebSocketStream(url, signal: controller.signal)
    controller.abort()
    do {
        _ = try await stream.opened
    } catch let error as DOMException {
        print(error.name == .abort)
    }
}

@MainActor private func AbortSignal1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let user = AbortController()
    let signal = AbortSignal.any([user.signal, .timeout(.seconds(30))])
    let stream = try WebSocketStream(url, signal: signal)
    print(try await stream.opened.protocol)
}

@MainActor private func AbortSignal2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    func work(until signal: AbortSignal) async throws {
        while true {
            try signal.throwIfAborted()
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

@MainActor private func Blob1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let blob = Blob([.text("name: "), .bytes([0xC3, 0xA9])], type: "text/plain")
    print(blob.size, await blob.text())
    try socket.send(blob)
}

@MainActor private func Blob2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onmessage = { event in
        guard case .blob(let blob) = event.data else { return }
        Task { print(await blob.slice(0, 16).bytes()) }
    }
}

@MainActor private func CloseEvent1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onclose = { event in
        print(event.wasClean ? "closed" : "broken", event.code, event.reason)
    }
}

@MainActor private func CookieProvider1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    actor Jar: CookieProvider {
        private var pairs: [String: String] = [:]

        func cookies(for url: WebURL) -> String? {
            pairs.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        }

        func setCookies(_ fields: [String], from url: WebURL) {
            for field in fields {
                let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
                if pair.count == 2 { pairs[String(pair[0])] = String(pair[1]) }
            }
        }
    }
    let environment = WebSocketEnvironment(.init(cookies: Jar()))
    let socket = try WebSocket(url, environment: environment)
    socket.onmessage = { event in print(event.data) }
}

@MainActor private func DOMException1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    do {
        try socket.close(code: 1001)
    } catch {
        print(error.name == .invalidAccess, error.message)
    }
}

@MainActor private func ErrorEvent1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {

    socket.addEventListener(.error) { event in
        print(event.message)
        if let failure = event.error as? WebSocketFailure, failure.cause == .connectionRefused {
            print("nobody listens there")
        }
    }
}

@MainActor private func Event1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    final class Arrival: Event {
        let name: String
        init(_ name: String) {
            self.name = name
            super.init("arrival", cancelable: true)
        }
    }
    let hall = EventTarget()
    hall.addEventListener(EventType<Arrival>("arrival")) { event in
        if event.name.isEmpty { event.preventDefault() }
    }
    print(try hall.dispatchEvent(Arrival("")))
}

@MainActor private func EventListener1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let log = EventListener { event in print(event.type) }
    for type in ["open", "message", "error", "close"] { socket.addEventListener(type, log) }
    socket.removeEventListener("message", log)
}

@MainActor private func EventTarget1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let listener = socket.addEventListener(.message) { event in print(event.data) }
    socket.removeEventListener(.message, listener)
}

@MainActor private func EventTarget2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let controller = AbortController()
    socket.addEventListener(.message, signal: controller.signal) { event in print(event.data) }
    socket.addEventListener(.close, signal: controller.signal) { event in print(event.code) }
    controller.abort()
}

@MainActor private func EventType1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let offline = EventType<CloseEvent>("offline")
    let target = EventTarget()
    target.addEventListener(offline) { event in print(event.code) }
    try target.dispatchEvent(CloseEvent(offline.name, code: 4000))
}

@MainActor private func FromTheBrowser1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let socket = try WebSocket("wss://example.org/chat")
    socket.addEventListener(.open) { _ in try socket.send("hello") }
}

@MainActor private func FromTheBrowser2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    do {
        _ = try WebSocket("ftp://example.org/")
    } catch {
        print(error.name)
    }
}

@MainActor private func FromTheBrowser3(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.addEventListener(.message) { event in
        switch event.data {
        case .text(let text): print(text)
        case .blob(let blob): print(blob.size)
        case .arrayBuffer: break
        }
    }
}

@MainActor private func FromTheBrowser4(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.binaryType = .arraybuffer
    socket.onmessage = { event in
        if case .arrayBuffer(let bytes) = event.data { print(bytes.first ?? 0) }
    }
    try socket.send([1, 2, 3])
    try socket.send(Blob([.text("name: "), .text("value")]))
}

@MainActor private func FromTheBrowser5(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.addEventListener(.close) { event in
        print(event.code, event.reason, event.wasClean)
    }
    try socket.close(code: 4000, reason: "enough")
}

@MainActor private func FromTheBrowser6(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onerror = { event in print(event.message) }
}

@MainActor private func FromTheBrowser7(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    Task {
        while socket.readyState == .open {
            while socket.bufferedAmount < 65536 { try socket.send("next") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

@MainActor private func FromTheBrowser8(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let socket = try WebSocket(url, protocols: ["v2.chat", "v1.chat"])
    socket.onopen = { _ in print(socket.protocol, socket.extensions) }
}

@MainActor private func FromTheBrowser9(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let controller = AbortController()
    socket.addEventListener(.message, signal: controller.signal) { event in print(event.data) }
    controller.abort()
}

@MainActor private func FromTheBrowser10(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let stream = try WebSocketStream("wss://example.org/chat")
    let (readable, writable) = try await stream.opened.streams
    try await writable.write("hello")
    for try await message in readable { print(message.text ?? "\(message.bytes.count) bytes") }
}

@MainActor private func FromTheBrowser11(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    try stream.close(closeCode: 4000, reason: "enough")
    let end = try await stream.closed
    print(end.closeCode, end.reason)
}

@MainActor private func FromTheBrowser12(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let controller = AbortController()
    let stream = try WebSocketStream(url, signal: controller.signal)
    Task {
        try await Task.sleep(for: .seconds(5))
        controller.abort()
    }
    print(try await stream.opened.protocol)
}

@MainActor private func Isolation1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    @MainActor
    final class Chat {
        private var socket: WebSocket?
        private(set) var lines: [String] = []

        func connect(to url: String) throws {
            let socket = try WebSocket(url)
            socket.onmessage = { [weak self] event in self?.lines.append("\(event.data)") }
            socket.onclose = { [weak self] _ in self?.socket = nil }
            self.socket = socket
        }

        func say(_ line: String) throws { try socket?.send(line) }
    }
}

@MainActor private func Isolation2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    actor Counter {
        private var socket: WebSocket?
        private var bytes = 0

        func connect(to url: String) throws {
            let socket = try WebSocket(url)
            socket.onmessage = { event in self.bytes += event.data.bytes?.count ?? 0 }
            self.socket = socket
        }
    }
}

@MainActor private func Isolation3(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    enum Feed {
        static func lines(of url: String) throws -> AsyncStream<String> {
            let (lines, sink) = AsyncStream.makeStream(of: String.self)
            let socket = try WebSocket(url)
            socket.onmessage = { event in sink.yield("\(event.data)") }
            socket.onclose = { _ in sink.finish() }
            return lines
        }
    }
}

@MainActor private func MessageEvent1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onmessage = { event in
        switch event.data {
        case .text(let text): print(text)
        case .arrayBuffer(let bytes): print(bytes.count, "bytes")
        case .blob(let blob): print(blob.size, "bytes in a blob")
        }
    }
}

@MainActor private func MessageEvent2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onmessage = { event in print(event.data.text ?? "\(event.data.bytes?.count ?? 0) bytes") }
}

@MainActor private func WebSocket1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let socket = try WebSocket(url)
    let listener = socket.addEventListener(.message) { event in
        print(event.data.text ?? "bytes")
    }
    socket.addEventListener(.open, once: true) { _ in
        try socket.send("hello")
    }
    socket.removeEventListener(.message, listener)
}

@MainActor private func WebSocket2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.binaryType = .arraybuffer
    socket.onmessage = { event in
        if case .arrayBuffer(let bytes) = event.data { print(bytes.count, "bytes") }
    }
    try socket.send([1, 2, 3])
}

@MainActor private func WebSocket3(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onerror = { event in
        guard let failure = event.error as? WebSocketFailure else { return }
        print(failure, failure.response?.status.code ?? 0)
    }
}

@MainActor private func WebSocket4(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    if socket.bufferedAmount < 1 << 20 { try socket.send("another") }
}

@MainActor private func WebSocketEnvironment1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {

    var configuration = WebSocketEnvironment.Configuration()
    configuration.tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile("ca.pem"))
    configuration.origin = "https://example.org"
    configuration.headers[.authorization] = "Bearer 42"
    let environment = WebSocketEnvironment(configuration)
    let socket = try WebSocket("wss://internal.example/chat", environment: environment)
    socket.onmessage = { event in print(event.data) }
}

@MainActor private func WebSocketEnvironment2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let environment = WebSocketEnvironment(
        .init(baseURL: try WebURL("https://example.org/app/"))
    )
    let socket = try WebSocket("chat", environment: environment)
    print(socket.url == "wss://example.org/app/chat")
}

@MainActor private func WebSocketEnvironment3(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {

    let proxy = try ClientProxy("http://user:password@proxy.example:3128")
    let environment = WebSocketEnvironment(.init(proxy: proxy))
    _ = try WebSocketStream(url, environment: environment)
}

@MainActor private func WebSocketError1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    do {
        _ = try await stream.closed
    } catch let error as WebSocketError {
        print(error.closeCode ?? 0, error.reason, error.failure?.cause as Any)
    }
}

@MainActor private func WebSocketError2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let error = try WebSocketError("done", reason: "no more orders")
    print(error.closeCode == 1000)
}

@MainActor private func WebSocketFailure1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    socket.onclose = { _ in
        guard let failure = socket.failure else { return }
        if failure.response?.status.code == 401 {
            print(String(decoding: failure.body, as: UTF8.self))
        }
    }
}

@MainActor private func WebSocketStream1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let stream = try WebSocketStream(url)
    for try await message in try await stream.opened.readable {
        print(message.text ?? "\(message.bytes.count) bytes")
    }
    let end = try await stream.closed
    print(end.closeCode, end.reason)
}

@MainActor private func WebSocketStream2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let (readable, writable) = try await stream.opened.streams
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            for number in 0..<1000 { try await writable.write("\(number)") }
            await writable.close()
        }
        for try await message in readable { print(message.text ?? "-") }
        try await group.waitForAll()
    }
}

@MainActor private func WebSocketStream3(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let signal = AbortSignal.timeout(.seconds(5))
    let stream = try WebSocketStream(url, signal: signal)
    do {
        print(try await stream.opened.protocol)
    } catch let error as DOMException where error.name == .timeout {
        print("too slow")
    }
}

@MainActor private func WebSockets1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {

    let socket = try WebSocket("wss://example.org/chat", protocols: ["v2.chat"])
    socket.onopen = { _ in try socket.send("hello") }
    socket.onmessage = { event in print(event.data) }
    socket.onclose = { event in print(event.code, event.reason, event.wasClean) }
}

@MainActor private func WebSockets2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let stream = try WebSocketStream("wss://example.org/chat")
    let (readable, writable) = try await stream.opened.streams
    try await writable.write("hello")
    for try await message in readable { print(message.text ?? "\(message.bytes.count) bytes") }
}

@MainActor private func WebURL1(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    let base = try WebURL("https://example.org:8443/app/index.html")
    let url = try WebURL("../chat?room=1#top", base: base)
    print(url.href, url.pathname, url.search, url.hash)
}

@MainActor private func WebURL2(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    var address = try WebURL("ws://EXAMPLE.org:80/a b")
    address.setPathname("/chat")
    address.setProtocol("wss")
    print(address.href == "wss://example.org/chat")
}

@MainActor private func WebURL3(_ socket: WebSocket, _ stream: WebSocketStream, _ url: String) async throws {
    do {
        _ = try WebURL.webSocketURL("ws://example.org/#top")
    } catch {
        print(error)
    }
}
