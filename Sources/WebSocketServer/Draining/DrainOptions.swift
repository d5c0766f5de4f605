public import WebSocketProtocol

extension WebSocketServer {
    /// How a server stops: it says that it is not ready any more, stops listening, takes leave of its connections one
    /// after the other, and cuts what is left at the deadline.
    public struct DrainOptions: Sendable, Hashable {
        /// What the close frames say. Default 1012, "the service is restarting", on which clients come back; 1001, "going
        /// away", suits a server that does not.
        public var code: CloseCode
        /// At most 123 bytes of UTF-8 (RFC 6455 §5.5). Default: what ``code`` says, such as `the server is restarting`.
        public var reason: String {
            get { ownReason ?? Self.reason(of: code) }
            set { ownReason = newValue }
        }
        /// `nil` for the code's.
        private var ownReason: String?
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
        /// How long a request that has begun to arrive when the server stops has to be complete, to be answered 503, and
        /// its client then to hang up. Default 500 ms; within ``deadline``.
        public var requestGrace: Duration

        /// - Parameters: see the properties of the same names; without a `reason`, the code's.
        public init(
            code: CloseCode = .serviceRestart,
            reason: String? = nil,
            readinessDelay: Duration = .zero,
            window: Duration? = nil,
            deadline: Duration = .seconds(10),
            requestGrace: Duration = .milliseconds(500)
        ) {
            self.code = code
            ownReason = reason
            self.readinessDelay = readinessDelay
            self.window = window
            self.deadline = deadline
            self.requestGrace = requestGrace
        }

        /// A server that does not come back should not say that it does: people read it.
        private static func reason(of code: CloseCode) -> String {
            switch code {
            case .serviceRestart: "the server is restarting"
            case .goingAway: "the server is going away"
            case .tryAgainLater: "the server is stopping; try again later"
            default: "the server is stopping"
            }
        }

        /// What the close frames hold.
        ///
        /// - Throws: for what is ``ServerError/wrongDrain(_:)``, also for times that do not fit in one another: whoever
        ///   sets them should learn it before the server is to stop.
        func checked() throws(InvalidConfiguration) -> ClosePayload {
            let times = [
                ("readinessDelay", readinessDelay), ("window", window ?? .zero), ("deadline", deadline),
                ("requestGrace", requestGrace),
            ]
            for (name, time) in times where time < .zero {
                throw InvalidConfiguration(
                    .wrongDrain("a time of \(time), less than nothing"),
                    "drain.\(name)"
                )
            }
            guard deadline == .zero || readinessDelay + (window ?? .zero) <= deadline else {
                throw InvalidConfiguration(
                    .wrongDrain(
                        "a delay of \(readinessDelay) and a window of \(window ?? .zero) exceed the deadline of \(deadline)"
                    ),
                    "drain.window",
                    "drain.readinessDelay",
                    "drain.deadline"
                )
            }
            do throws(UsageError) {
                return try ClosePayload(sending: code, reason: reason)
            } catch {
                let property = if case .closeReasonTooLong = error { "drain.reason" } else { "drain.code" }
                throw InvalidConfiguration(.wrongDrain("\(error)"), property)
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
