import WebSockets

/// Who writes faster than the other end reads has to wait: here nobody reads the echoes at first, so that the server
/// cannot get rid of them and stops reading, too.
@MainActor
func streamBackpressure(_ url: String) async throws {
    let count = 512
    let block = (0..<64 * 1024).map { _ in UInt8.random(in: 0...255) }

    let stream = try WebSocketStream(url)
    let (readable, writable) = try await stream.opened.streams
    var written = 0
    var received = 0

    func write() async throws {
        while written < count {
            try await writable.write(block)
            written += 1
        }
    }

    let writing = Task { try await write() }
    try await Task.sleep(for: .milliseconds(300))
    print("all written while nobody reads:", written == count)

    for try await message in readable {
        received += message.bytes.count
        if received == count * block.count {
            try stream.close()
        }
    }

    try await writing.value
    print("all written at the end:", written == count)
    print("received:", received, "bytes")
}
