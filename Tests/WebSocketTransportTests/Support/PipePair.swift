import HTTPTypes
import NIOCore
import NIOPosix
import WebSocketProtocol

@testable import WebSocketTransport

/// A client and a server joined by a pipe in memory, on a real event loop: for tests with tasks.
struct PipePair: Sendable {
    let client: WebSocketConnection
    let server: WebSocketConnection
    private let pipes: NIOLoopBound<(client: PipeTransport, server: PipeTransport)>
    let loop: any EventLoop

    init(
        client clientOptions: ConnectionOptions = .quiet(),
        server serverOptions: ConnectionOptions = .quiet(),
        loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    ) async throws {
        self.loop = loop
        (client, server, pipes) = try await loop.submit {
            let pipes = (client: PipeTransport(eventLoop: loop), server: PipeTransport(eventLoop: loop))
            PipeTransport.connect(pipes.client, pipes.server)
            let (client, clientInput) = WebSocketConnection.start(
                on: pipes.client,
                role: .client,
                request: .test,
                options: clientOptions,
                eventLoop: loop
            )
            let (server, serverInput) = WebSocketConnection.start(
                on: pipes.server,
                role: .server,
                request: .test,
                options: serverOptions,
                eventLoop: loop
            )
            pipes.client.input = clientInput
            pipes.server.input = serverInput
            return (client, server, NIOLoopBound(pipes, eventLoop: loop))
        }.get()
    }

    /// Looks at the pipes, or changes what they do, on their loop.
    @discardableResult
    func onPipes<Value: Sendable>(
        _ body: @escaping @Sendable (_ client: PipeTransport, _ server: PipeTransport) -> Value
    ) async throws -> Value {
        try await loop.submit { [pipes] in body(pipes.value.client, pipes.value.server) }.get()
    }
}
