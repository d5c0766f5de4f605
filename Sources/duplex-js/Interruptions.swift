import ArgumentParser
import UnixSignals
import WebSocketScript

/// What ends the command before its scripts are done.
@MainActor
struct Interruptions {
    private let endings: AsyncStream<ExitCode?>
    private let continuation: AsyncStream<ExitCode?>.Continuation
    private let tasks: [Task<Void, Never>]

    /// Listens for signals from here on.
    init(timeout: Double?) {
        let (endings, continuation) = AsyncStream<ExitCode?>.makeStream()
        self.endings = endings
        self.continuation = continuation
        var tasks = [
            Task.detached {
                for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
                    // As shells count the end by a signal.
                    continuation.yield(ExitCode(signal == .sigint ? 130 : 143))
                    return
                }
            }
        ]
        if let timeout {
            tasks.append(
                Task.detached {
                    guard (try? await Task.sleep(for: .seconds(timeout))) != nil else { return }
                    continuation.yield(ExitCode(124))
                }
            )
        }
        self.tasks = tasks
    }

    /// Waits until the host has nothing left to do, or is not to wait any longer.
    ///
    /// - Returns: the status of what ended it, or `nil` if it came to its own end.
    func first(of host: ScriptHost) async -> ExitCode? {
        let idle = Task {
            await host.idle()
            continuation.yield(nil)
        }
        defer {
            for task in tasks { task.cancel() }
            idle.cancel()
        }
        for await ending in endings { return ending }
        return nil
    }
}
