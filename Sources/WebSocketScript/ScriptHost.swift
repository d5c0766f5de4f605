import WebSockets

#if os(Linux)
public import CJavaScriptCore
#else
public import JavaScriptCore
#endif

/// The web's interfaces in a context of JavaScriptCore, and the event loop behind them.
///
/// ```swift
/// let host = try ScriptHost.make()
/// host.run(Script("new WebSocket('wss://example.org/chat').onmessage = (event) => console.log(event.data)", name: "chat.js"))
/// await host.idle()
/// ```
///
/// A host belongs to the actor that makes it: there, and nowhere else, its timers fire, its sockets have their events
/// and JavaScript is run. The context must not be used anywhere else either.
///
/// Hold the host for as long as its scripts are to have events. Without it the context stays what it was, but nothing
/// happens in it any more: sockets are closed, timers do not fire.
public final class ScriptHost {
    let context: ScriptContext
    let loop: EventLoop
    let options: Options

    /// Functions of our scripts that are called from here, by name.
    var callbacks: [String: ScriptValue] = [:]
    /// Sockets that have not told their end, by the number that the script knows them by.
    var sockets: [Int: ScriptSocket] = [:]
    var streams: [Int: ScriptStream] = [:]
    /// Sockets whose listeners may be called yet.
    var heardSockets = 0
    /// Sockets that were sent with, or whose `bufferedAmount` was looked at, in the turn that is going on.
    var touchedInTurn: [ClientSocket] = []
    var isAlarmSet = false
    /// Reads and writes of streams that have not been answered.
    var streamTasks = 0
    let start = ContinuousClock.now
    /// Where scripts put the bytes of small messages.
    let scratch = SharedBytes(count: 64 << 10)

    private var idleWaiters: [CheckedContinuation<Void, Never>] = []
    private var isQuiet = false

    /// Gives the context what a page has: `WebSocket`, `WebSocketStream`, events, streams, `Blob`, `URL`, timers,
    /// `console`. A global that is there already stays, except for `console`, which the library has in every context
    /// and which leads nowhere; see ``Options/replacesConsole``.
    ///
    /// - Parameters:
    ///   - context: kept until the host goes.
    ///   - options: how scripts are to run.
    ///   - isolation: where they run; by itself the caller's actor.
    /// - Throws: ``ScriptError`` if the context is one in which the interfaces cannot be made.
    public static func install(
        in context: JSGlobalContextRef,
        options: Options = Options(),
        isolation: isolated any Actor = #isolation
    ) throws(ScriptError) -> ScriptHost {
        let host = ScriptHost(ScriptContext(context), options, owner: isolation)
        host.loop.attach(host)
        try host.load()
        return host
    }

    /// A host with a context of its own.
    ///
    /// - Throws: ``ScriptError``; see ``install(in:options:isolation:)``.
    public static func make(
        options: Options = Options(),
        isolation: isolated any Actor = #isolation
    ) throws(ScriptError) -> ScriptHost {
        guard let context = JSGlobalContextCreate(nil) else {
            throw ScriptError(name: "", message: "JavaScriptCore made no context")
        }
        // The host keeps it from here on.
        defer { JSGlobalContextRelease(context) }
        return try install(in: context, options: options)
    }

    private init(_ context: ScriptContext, _ options: Options, owner: any Actor) {
        self.context = context
        self.options = options
        loop = EventLoop(owner: owner)
    }

    deinit {
        for socket in sockets.values { socket.abandon() }
        for stream in streams.values { stream.abandon() }
        loop.cancelAlarm()
        for waiter in idleWaiters { waiter.resume() }
    }

    private func load() throws(ScriptError) {
        let shared = context.object()
        shared.set("global", context.global)
        shared.set("native", natives())
        shared.set("settings", settings())
        for script in Library.scripts { try context.evaluate(script).call([shared]) }
        context.inspect = { [weak self] in (try? self?.callbacks["inspect"]?.call([$0]))?.text }
        let rejected = function { host, call in
            // The promise, and the reason.
            host.report(call.value(1), isRejection: true)
            return nil
        }
        _ = context.setUnhandledRejectionHandler(rejected)
    }

    private func settings() -> ScriptValue {
        let settings = context.object()
        settings.set("replacesConsole", context.value(options.replacesConsole))
        settings.set("exposesGarbageCollection", context.value(options.exposesGarbageCollection))
        if let base = options.environment.configuration.baseURL {
            settings.set("base", context.value(base.href))
        }
        if let arguments = options.arguments {
            if let values = try? context.array(arguments.map(context.value)) {
                settings.set("arguments", values)
            }
        }
        return settings
    }

    /// The context.
    public var reference: JSGlobalContextRef { context.reference }

    // MARK: Running

    /// Runs scripts, one behind the other, then their microtasks: none runs between two scripts, as none does between
    /// two parts of one. What they throw is reported as any uncaught exception is, and the next script runs.
    public func run(_ scripts: Script...) { run(scripts) }

    /// See ``run(_:)-(Script...)``.
    public func run(_ scripts: [Script]) {
        let all = function { host, call in
            for script in scripts {
                do throws(ScriptError) {
                    try host.context.evaluate(script)
                } catch {
                    host.report(error)
                }
            }
            return nil
        }
        turn { $0.reporting { () throws(ScriptError) in try all.call() } }
    }

    /// Evaluates a script, and gives its value as text.
    ///
    /// - Throws: ``ScriptError``: what the script threw.
    @discardableResult
    public func evaluate(_ script: Script) throws(ScriptError) -> String {
        defer { endTurn() }
        return text(of: try context.evaluate(script))
    }

    private func text(of value: ScriptValue) -> String { value.text ?? "" }

    /// Collects garbage now, as far as the library lets itself be told.
    public func collectGarbage() { context.collectGarbage() }

    // MARK: Waiting

    /// Whether anything can happen yet without somebody doing something from outside: a timer is set, a socket or a
    /// stream is not closed yet, or a task waits.
    public var hasPendingWork: Bool {
        isAlarmSet || !sockets.isEmpty || !streams.isEmpty || streamTasks > 0 || loop.isBusy
    }

    /// Waits until nothing is pending: ``hasPendingWork``.
    ///
    /// A socket keeps its host busy until it is closed, as in other programs that run scripts. One without listeners
    /// that the script has lost is collected and closes, once there is nothing else left to happen.
    public nonisolated(nonsending) func idle() async {
        while hasPendingWork {
            await withCheckedContinuation {
                idleWaiters.append($0)
                isQuiet = false
                lookForQuiet()
            }
        }
    }

    /// One task of the event loop.
    func turn(_ body: (ScriptHost) -> Void) {
        body(self)
        endTurn()
    }

    func endTurn() {
        for socket in touchedInTurn { socket.turnEnds() }
        touchedInTurn.removeAll()
        guard !idleWaiters.isEmpty else { return }
        guard hasPendingWork else {
            let waiters = idleWaiters
            idleWaiters = []
            for waiter in waiters { waiter.resume() }
            return
        }
        lookForQuiet()
    }

    /// When all that is left is sockets that nobody listens to, those that nobody holds either should close.
    private func lookForQuiet() {
        let isQuiet = heardSockets == 0 && !sockets.isEmpty && streams.isEmpty && !isAlarmSet && !loop.isBusy
        guard isQuiet != self.isQuiet else { return }
        self.isQuiet = isQuiet
        // As a task of its own: values that are on the stack now would be kept.
        if isQuiet { loop.enqueue { $0.context.collectGarbage() } }
    }

    // MARK: Errors

    func report(_ value: ScriptValue, isRejection: Bool = false) {
        var error = ScriptError(value, inspect: context.inspect)
        error.isRejection = isRejection
        report(error)
    }

    func report(_ error: ScriptError) { options.onError(error) }

    /// Calls into our own scripts, which catch what a page's code throws; what comes nevertheless is reported.
    func reporting(_ body: () throws(ScriptError) -> Void) {
        do throws(ScriptError) { try body() } catch { report(error) }
    }

    /// Calls one of our own scripts' functions.
    func callBack(_ name: String, _ arguments: [ScriptValue] = []) -> ScriptValue? {
        var result: ScriptValue?
        reporting { () throws(ScriptError) in result = try callbacks[name]?.call(arguments) }
        return result
    }
}
