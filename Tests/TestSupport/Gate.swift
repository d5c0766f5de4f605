import Foundation

/// Holds up a thread until it is opened, or a minute is over.
package final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    package func wait() { _ = semaphore.wait(timeout: .now() + .seconds(60)) }

    /// Lets those pass who wait and whoever comes.
    package func open() { for _ in 0..<1000 { semaphore.signal() } }
}
