#if os(Linux)
import CLinux
import NIOConcurrencyHelpers
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The owner of a descriptor that a ``SocketLoop`` watches.
package class SocketSource {
    /// To be overridden.
    ///
    /// - Parameter events: epoll's bits. They may be out of date, when the descriptor's number has gone from one
    ///   owner to another; so there need not be anything to read or room to write.
    func ready(_ events: UInt32) {}
}

/// An event loop of our own on Linux, for plain TCP: one thread that reads, serves and writes in turn.
///
/// A turn is: what the descriptors have to say; timers and scheduled calls; what was posted, tasks of Swift among it, until there is
/// nothing more; then one write for each connection that has gathered something. So a burst of messages costs one
/// read and one write, whoever answers them.
///
/// It waits by epoll, and its connections are ``EpollTransport``s. With a ``Ring`` it is the same loop on io_uring, and
/// they are ``RingTransport``s.
///
/// It is one of SwiftNIO's event loops to all who use it, and runs tasks as one.
package final class SocketLoop: EventLoop, @unchecked Sendable {
    // Sendable: `inbox` and `thread` are made for several threads; the descriptors never change; all else is
    // touched on the loop's thread only, once that has begun.

    /// What other threads have posted.
    private struct Inbox {
        var work: [Work] = []
        /// Whether the loop waits, or is about to, so that it must be woken.
        var isWaiting = false
        var state = State.running
    }

    private enum State {
        case running
        /// Turns on until nothing is left to do.
        case stopping(@Sendable () -> Void)
        case stopped
    }

    /// Something to run in a turn.
    enum Work {
        case call(() -> Void)
        case job(UnownedJob, UnownedTaskExecutor)
    }

    private let inbox = NIOLockedValueBox(Inbox())
    /// The loop's thread, as far as it has begun; 0 before.
    private let thread = Atomic<UInt>(0)
    /// Below 0 with a ring.
    private let epoll: CInt
    private let wakeUp: CInt
    /// What waits in place of epoll, if anything does.
    let ring: Ring?

    // From here on: the loop's thread only. `@exclusivity(unchecked)`: as in `ConnectionCore`; what is called is
    // called between changes.
    @exclusivity(unchecked) var timers = TimerWheel()
    @exclusivity(unchecked) var calls = ScheduledCalls()
    /// By descriptor; held until ``forget(_:)``, and then in `retired`. So who is called from here stays whatever
    /// the call does, without being counted for each event.
    @exclusivity(unchecked) private var sources: [Unmanaged<SocketSource>?] = []
    /// Let go of when the turn ends.
    @exclusivity(unchecked) private var retired: [AnyObject] = []
    @exclusivity(unchecked) private var sourceCount = 0
    @exclusivity(unchecked) private var events = [epoll_event](repeating: epoll_event(), count: 512)
    /// Work of this turn, and jobs that it adds to itself.
    @exclusivity(unchecked) private var work: [Work] = []
    @exclusivity(unchecked) private var jobs: [Work] = []
    @exclusivity(unchecked) private var gathered: [ConnectionCore] = []
    /// Where connections read to, in turn.
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: SocketLoop.readSize, alignment: 4096)

    /// The most that is taken from a socket at a time. Memory is used up to what has ever come at once.
    static let readSize = 256 << 10

    /// Rounds of posted work in a turn, before the sockets have theirs again: tasks that keep each other busy
    /// must not keep the loop from reading.
    private static let maxRounds = 64

    /// - Parameter onRing: whether it waits by io_uring, not by epoll.
    /// - Throws: `IOError` when the system has no descriptor or no thread left, or no io_uring.
    package init(name: String = "duplex-epoll", onRing: Bool = false) throws {
        ring = onRing ? try Ring() : nil
        wakeUp = duplex_eventfd()
        guard wakeUp >= 0 else {
            epoll = -1
            throw IOError(errnoCode: errno, reason: "eventfd")
        }
        epoll = onRing ? -1 : duplex_epoll()
        guard onRing || epoll >= 0 else { throw IOError(errnoCode: errno, reason: "epoll_create1") }
        guard onRing || duplex_epoll_control(epoll, duplex_epoll_add, wakeUp, duplex_epoll_in) == 0 else {
            throw IOError(errnoCode: errno, reason: "epoll_ctl")
        }
        try startThread(name)
    }

    deinit {
        for source in sources { source?.release() }
        if epoll >= 0 { _ = duplex_close(epoll) }
        if wakeUp >= 0 { _ = duplex_close(wakeUp) }
        readBuffer.deallocate()
    }

    private final class Start {
        let loop: SocketLoop
        let name: String
        init(_ loop: SocketLoop, _ name: String) { (self.loop, self.name) = (loop, name) }
    }

    private func startThread(_ name: String) throws {
        let start = Unmanaged.passRetained(Start(self, name))
        var id = pthread_t()
        let result = pthread_create(
            &id,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                duplex_name_this_thread(start.name)
                start.loop.run()
                return nil
            },
            start.toOpaque()
        )
        guard result == 0 else {
            start.release()
            throw IOError(errnoCode: result, reason: "pthread_create")
        }
        pthread_detach(id)
    }

    package var inEventLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }
}

// MARK: - Descriptors

extension SocketLoop {
    /// Watches a descriptor.
    ///
    /// - Returns: whether the system has room for it.
    func add(_ source: SocketSource, _ descriptor: CInt, events: UInt32) -> Bool {
        if let ring {
            ring.poll(descriptor)
        } else if duplex_epoll_control(epoll, duplex_epoll_add, descriptor, events) != 0 {
            return false
        }
        let index = Int(descriptor)
        if index >= sources.count {
            sources.append(
                contentsOf: repeatElement(nil, count: max(index + 1, 2 * sources.count) - sources.count)
            )
        }
        sources[index] = Unmanaged.passRetained(source)
        sourceCount += 1
        return true
    }

    func change(_ descriptor: CInt, events: UInt32) {
        // It is watched and its events are known, so there is nothing that could fail.
        _ = duplex_epoll_control(epoll, duplex_epoll_change, descriptor, events)
    }

    /// Forgets a descriptor that is closed right after this, which epoll takes for its removal.
    func forget(_ descriptor: CInt) {
        let index = Int(descriptor)
        guard index < sources.count, let source = sources[index] else { return }
        sources[index] = nil
        sourceCount -= 1
        retire(source.takeRetainedValue())
    }

    /// Holds on to what may be in the middle of a call until the turn is over.
    func retire(_ object: AnyObject) { retired.append(object) }

    /// Stops watching a descriptor that stays open.
    func remove(_ descriptor: CInt) {
        if let ring {
            ring.endPoll(descriptor)
        } else {
            _ = duplex_epoll_control(epoll, duplex_epoll_remove, descriptor, 0)
        }
        forget(descriptor)
    }
}

// MARK: - Turns

extension SocketLoop {
    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        if let ring {
            ring.enable()
            ring.poll(wakeUp, again: true)
        }
        while true {
            waitForEvents()
            fireTimers()
            doWork()
            LoopScratch.current.doWhatWasPutOff()
            writeGathered()
            letGoOfRetired()
            if let stopped = stopIfDone() { return stopped() }
        }
    }

    private func letGoOfRetired() {
        guard !retired.isEmpty else { return }
        // Apart, for what is let go of may retire others.
        var objects: [AnyObject] = []
        swap(&objects, &retired)
        objects.removeAll(keepingCapacity: objects.capacity <= 1024)
        if retired.isEmpty { swap(&objects, &retired) }
    }

    private func waitForEvents() {
        let timeout = timeUntilNext()
        let isWaiting = inbox.withLockedValue { inbox in
            inbox.isWaiting = inbox.work.isEmpty && jobs.isEmpty && timeout != 0
            return inbox.isWaiting
        }
        if let ring {
            ring.enter(waitingFor: isWaiting ? timeout : 0)
            if isWaiting { inbox.withLockedValue { $0.isWaiting = false } }
            return takeAnswers(ring)
        }
        let count = events.withUnsafeMutableBufferPointer {
            epoll_wait(epoll, $0.baseAddress, CInt($0.count), isWaiting ? timeout : 0)
        }
        if isWaiting { inbox.withLockedValue { $0.isWaiting = false } }
        // Below zero it was interrupted by a signal.
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let event = events[index]
            let descriptor = duplex_event_descriptor(event)
            if descriptor == wakeUp {
                emptyWakeUp()
            } else if Int(descriptor) < sources.count, let source = sources[Int(descriptor)] {
                source._withUnsafeGuaranteedRef { $0.ready(event.events) }
            }
        }
    }

    private func takeAnswers(_ ring: Ring) {
        ring.takeAnswers { answer in
            let descriptor = answer.descriptor
            guard answer.result > 0 else { return pollLater(descriptor, answer.generation) }
            if descriptor == wakeUp {
                emptyWakeUp()
                if !answer.goesOn { ring.poll(wakeUp, again: true) }
            } else if Int(descriptor) < sources.count, let source = sources[Int(descriptor)] {
                source._withUnsafeGuaranteedRef { $0.ready(UInt32(answer.result)) }
                if ring.isPolled(descriptor, answer.generation) { ring.poll(descriptor) }
            }
        }
    }

    /// The system had no memory for it: so not at once, which would be again and again.
    private func pollLater(_ descriptor: CInt, _ generation: UInt64) {
        _ = scheduleTask(in: .milliseconds(100)) { [self] in
            guard let ring = self.ring, ring.isPolled(descriptor, generation) else { return }
            ring.poll(descriptor, again: descriptor == wakeUp)
        }
    }

    private func emptyWakeUp() {
        var value: UInt64 = 0
        _ = read(wakeUp, &value, 8)
    }

    /// Milliseconds until there may be a timer or a scheduled call, rounded up; -1 for ever.
    private func timeUntilNext() -> CInt {
        var earliest = timers.nextLook
        if let call = calls.earliest { earliest = min(earliest ?? call, call) }
        guard let earliest else { return -1 }
        let now = NIODeadline.now()
        guard earliest > now else { return 0 }
        return CInt(clamping: ((earliest - now).nanoseconds + 999_999) / 1_000_000)
    }

    private func fireTimers() {
        guard timers.count > 0 || calls.count > 0 else { return }
        let now = NIODeadline.now()
        while let owner = timers.popDue(at: now) { owner.timerFired() }
        while let scheduled = calls.popDue(at: now) { scheduled.call() }
    }

    private func doWork() {
        for _ in 0..<Self.maxRounds {
            inbox.withLockedValue { swap(&$0.work, &work) }
            if work.isEmpty { swap(&work, &jobs) }
            guard !work.isEmpty else { return }
            // By index: the work adds to the loop's queues, not to this one.
            for item in work { Self.run(item) }
            work.removeAll(keepingCapacity: work.capacity <= 1024)
        }
    }

    /// Whether tasks of the loop's own wait to be run.
    var hasTasks: Bool { !jobs.isEmpty }

    /// Runs tasks that a read has woken, and those that they wake, and gathers what they send to whom it was read
    /// from. At once, while all that they need is at hand, and so that the peer has its answer before the next one is
    /// read from.
    func runTasks(wokenBy input: (any ConnectionInput)?) {
        let core = input as? ConnectionCore
        core?.beginBurst()
        for _ in 0..<Self.maxRounds where !jobs.isEmpty {
            swap(&work, &jobs)
            for item in work { Self.run(item) }
            work.removeAll(keepingCapacity: work.capacity <= 1024)
        }
        core?.endBurst()
    }

    private static func run(_ item: Work) {
        switch item {
        case .call(let call): call()
        case .job(let job, let executor): job.runSynchronously(on: executor)
        }
    }

    /// Has a connection write at the turn's end, together with all that it gathers until then.
    func writeAtTurnEnd(_ core: ConnectionCore) { gathered.append(core) }

    private func writeGathered() {
        guard !gathered.isEmpty else { return }
        var cores: [ConnectionCore] = []
        swap(&cores, &gathered)
        for core in cores { core.turnEnded() }
        cores.removeAll(keepingCapacity: true)
        if gathered.isEmpty, cores.capacity <= 65_536 { gathered = cores }
    }
}

// MARK: - Posting

extension SocketLoop {
    package func execute(_ task: @escaping @Sendable () -> Void) { post(.call(task)) }

    /// Runs a task's job: in this turn when it comes from the loop itself.
    func enqueue(_ job: UnownedJob, on executor: UnownedTaskExecutor) {
        if inEventLoop { jobs.append(.job(job, executor)) } else { post(.job(job, executor)) }
    }

    private func post(_ item: Work) {
        let (mustWake, isStopped) = inbox.withLockedValue { inbox in
            if case .stopped = inbox.state { return (false, true) }
            inbox.work.append(item)
            defer { inbox.isWaiting = false }
            return (inbox.isWaiting, false)
        }
        if mustWake { wake() }
        // Whoever waits for a job would wait for ever. The loop's thread is gone, so nothing can meet it.
        if isStopped, case .job(let job, let executor) = item { job.runSynchronously(on: executor) }
    }

    private func wake() {
        var one: UInt64 = 1
        // Full only when it was woken 2^64 times and has not looked.
        _ = write(wakeUp, &one, 8)
    }
}

// MARK: - Stopping

extension SocketLoop {
    /// Ends the loop's thread once nothing is left to do. Connections and listeners must be gone by then, or
    /// end soon.
    func stop(_ stopped: @escaping @Sendable () -> Void) {
        let isOver = inbox.withLockedValue { inbox in
            guard case .running = inbox.state else { return true }
            inbox.state = .stopping(stopped)
            return false
        }
        if isOver { stopped() } else { execute {} }
    }

    private func stopIfDone() -> (@Sendable () -> Void)? {
        guard sourceCount == 0, ring?.count ?? 0 == 0, jobs.isEmpty else { return nil }
        return inbox.withLockedValue { inbox in
            guard case .stopping(let stopped) = inbox.state, inbox.work.isEmpty else { return nil }
            inbox.state = .stopped
            return stopped
        }
    }
}
#endif
