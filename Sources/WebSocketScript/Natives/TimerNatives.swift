extension ScriptHost {
    func defineTimers(_ define: Definer) {
        // Milliseconds since the context was made, with fractions.
        define("now") { host, _ in
            let time = (ContinuousClock.now - host.start).components
            return host.context.value(Double(time.seconds) * 1e3 + Double(time.attoseconds) / 1e15)
        }
        // Has the timers looked at again in so many milliseconds; a negative number means never.
        define("wake") { host, call in
            host.wake(after: call.number(0))
            return nil
        }
        // Runs a script's text as `setTimeout` has it of its first argument.
        define("evaluate") { host, call in
            host.reporting { () throws(ScriptError) in
                try host.context.evaluate(Script(call.text(0), name: call.text(1)))
            }
            return nil
        }
    }

    private func wake(after milliseconds: Double) {
        guard milliseconds >= 0 else {
            isAlarmSet = false
            loop.cancelAlarm()
            return
        }
        isAlarmSet = true
        // 2^31 milliseconds are the most that a timer can have.
        let delay = Duration.microseconds(Int64(min(milliseconds, 4e9) * 1e3))
        loop.setAlarm(after: delay) { host in host.runTimer() }
    }

    /// Runs a timer that is due, one in each turn: microtasks of one come before the next.
    private func runTimer() {
        isAlarmSet = false
        // Asks to be woken for the next, as do the microtasks behind it.
        _ = callBack("timers")
    }
}
