import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import WebSocketServer

/// A connection of Hummingbird's whose first request says whether it becomes a WebSocket.
struct MountedChannel: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let outcome: EventLoopFuture<WebSocketMount.Outcome>
        /// What Hummingbird has made of the connection, once it is its own.
        let http: NIOLockedValueBox<HTTP1Channel.Value?>
    }

    let mount: WebSocketMount
    let http: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let promise = channel.eventLoop.makePromise(of: WebSocketMount.Outcome.self)
            let made = NIOLockedValueBox<HTTP1Channel.Value?>(nil)
            try mount.addNow(to: channel, promise: promise) { channel in
                http.setup(channel: channel, logger: logger).map { value in
                    made.withLockedValue { $0 = value }
                }
            }
            return Value(channel: channel, outcome: promise.futureResult, http: made)
        }
    }

    func handle(value: Value, logger: Logger) async {
        // Failed for a connection that has ended before it asked for anything.
        switch try? await value.untilCancelled({ try await value.outcome.get() }) {
        case .passedOn:
            if let channel = value.http.withLockedValue({ $0 }) {
                await http.handle(value: channel, logger: logger)
            }
        case .taken:
            try? await value.untilCancelled { try await value.channel.closeFuture.get() }
        case nil:
            break
        }
    }
}

extension MountedChannel.Value {
    /// Waits; and has the mount let go of the connection in an orderly way should the task be cancelled, which is how
    /// Hummingbird ends when it is not shut down gracefully.
    fileprivate func untilCancelled<Result: Sendable>(
        _ wait: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withTaskCancellationHandler(operation: wait) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }
}
