public import WebSocketProtocol

extension WebSocketServer {
    /// How a server stops: it says that it is not ready any more, stops listening, takes leave of its connections one
    /// after the other, and cuts what is left at the deadline.
    public struct DrainOptions: Sendable, Hashable {
        /// What the close frames say. Default 1012, "the service is restarting", on which clients come back; 1001, "going
        /// away", suits a server that does not.
        public var code: CloseCode
        /// At most 123 bytes of UTF-8 (RFC 6455 §5.5). Default: `the server is restarting`.
        public var reason: String
        /// How long the server goes on accepting and serving after ``WebSocketServer/isReady`` has become false, so that
        /// a load balancer that asks now and then has noticed. Default 0.
        public var readinessDelay: Duration
        /// Over how long the close frames are spread, evenly and with chance in it, so that clients do not all come back
        /// in the same moment. Default `nil`: 10 ms for each connection, together at most 2 s, and half of what is left
        /// until the deadline. 0: all at once.
        public var window: Duration?
        /// From the beginning of it all to the cut of whatever still runs. Default 10 s. Each closing handshake has
        /// ``ConnectionOptions/closeTimeout`` within it. 0 cuts at once.
        ///
        /// ``WebSocketServer/run()`` has returned half a second later at the latest: handlers and upgrade hooks
        /// have so long to notice that they are cancelled.
        public var deadline: Duration

        /// - Parameters: see the properties of the same names.
        public init(
            code: CloseCode = .serviceRestart,
            reason: String = "the server is restarting",
            readinessDelay: Duration = .zero,
            window: Duration? = nil,
            deadline: Duration = .seconds(10)
        ) {
            self.code = code
            self.reason = reason
            self.readinessDelay = readinessDelay
            self.window = window
            self.deadline = deadline
        }

        /// What the close frames hold.
        ///
        /// - Throws: ``ServerError/wrongDrain(_:)``, also for times that do not fit in one another: whoever sets them
        ///   should learn it before the server is to stop.
        func checked() throws(ServerError) -> ClosePayload {
            guard readinessDelay >= .zero, window ?? .zero >= .zero, deadline >= .zero else {
                throw .wrongDrain("a delay, a window or a deadline of less than nothing")
            }
            guard deadline == .zero || readinessDelay + (window ?? .zero) <= deadline else {
                throw .wrongDrain(
                    "a delay of \(readinessDelay) and a window of \(window ?? .zero) exceed the deadline of \(deadline)"
                )
            }
            do throws(UsageError) {
                return try ClosePayload(sending: code, reason: reason)
            } catch {
                throw .wrongDrain("\(error)")
            }
        }

        /// Over how long the close frames for `count` connections are spread.
        ///
        /// - Parameter rest: what is left until the deadline.
        func window(for count: Int, until rest: Duration) -> Duration {
            window ?? max(.zero, min(.seconds(2), .milliseconds(10) * min(count, 1000), rest / 2))
        }
    }
}
