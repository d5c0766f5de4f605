import NIOCore
import NIOPosix

/// One plain HTTP request, read to the end of the connection, as the wire has it.
enum HTTPGet {
    struct Answer: Sendable {
        let status: Int
        /// In lower case.
        let head: String
        let body: String
    }

    static func get(port: Int, _ path: String) async throws -> Answer {
        let text = try await raw(port: port, "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n")
        guard let end = text.firstRange(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
            throw TookTooLong(limit: .zero, what: "an HTTP answer in \"\(text)\"")
        }
        return Answer(
            status: status, head: text[..<end.lowerBound].lowercased(), body: String(text[end.upperBound...]))
    }

    /// Sends bytes and reads until the server hangs up.
    static func raw(port: Int, _ request: String) async throws -> String {
        try await within(waitingFor: "the answer to \(request.prefix(40).debugDescription)") {
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            return try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: request))
                var all = ByteBuffer()
                for try await var part in inbound { all.writeBuffer(&part) }
                return String(buffer: all)
            }
        }
    }
}
