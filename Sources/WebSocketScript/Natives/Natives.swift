import WebSockets

extension ScriptHost {
    /// A function of this host's. It does not keep the host: the context holds it, and the host holds the context.
    func function(_ body: @escaping (ScriptHost, NativeCall) throws -> ScriptValue?) -> ScriptValue {
        context.function(
            throwing: { [weak self] error in self?.thrown(error) },
            { [weak self] call in
                guard let self else { throw HostIsGone() }
                return try body(self, call)
            }
        )
    }

    /// What our scripts have as `host.native`.
    func natives() -> ScriptValue {
        let table = context.object()
        func define(_ name: String, _ body: @escaping (ScriptHost, NativeCall) throws -> ScriptValue?) {
            table.set(name, function(body))
        }
        define("register") { host, call in
            host.callbacks[call.text(0)] = call.value(1)
            return nil
        }
        define("print") { host, call in
            host.options.console(ConsoleLevel(rawValue: call.integer(0)) ?? .log, call.text(1))
            return nil
        }
        define("reportException") { host, call in
            host.report(call.value(0))
            return nil
        }
        define("collectGarbage") { host, _ in
            host.context.collectGarbage()
            return nil
        }
        defineBytes(define)
        defineTimers(define)
        defineURLs(define)
        defineSockets(define)
        defineStreams(define)
        return table
    }

    typealias Definer = (String, @escaping (ScriptHost, NativeCall) throws -> ScriptValue?) -> Void

    /// What is thrown in JavaScript for an error of Swift's.
    private func thrown(_ error: any Error) -> ScriptValue? {
        let (name, message) =
            switch error {
            case let error as DOMException: (error.name.rawValue, error.message)
            default: ("TypeError", "\(error)")
            }
        return callBack("exception", [context.value(name), context.value(message)])
    }
}

/// A script called something of a host that has gone.
private struct HostIsGone: Error, CustomStringConvertible {
    var description: String { "the host of this context is gone" }
}
