import ServiceLifecycle
import UnixSignals

extension ServiceGroup {
    /// Runs until SIGINT or SIGTERM comes and its services have ended. The first of them lets them end in their own time;
    /// the next cancels them.
    ///
    /// The group's own handling of signals hears one only.
    func runUntilSignal() async throws {
        // Before the services start: whoever learns from them where they are may send a signal at once.
        let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
        let running = Task { try await run() }
        let listening = Task {
            var isFirst = true
            for await _ in signals {
                if isFirst { await triggerGracefulShutdown() } else { running.cancel() }
                isFirst = false
            }
        }
        defer { listening.cancel() }
        try await running.value
    }
}
