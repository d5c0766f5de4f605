import Foundation
import TestSupport
import Testing
import WebSockets

/// DOM §2: events and their listeners.
@Suite("EventTarget and Event")
struct EventTargetTests {
    private func dispatch(_ target: EventTarget, _ type: String = "x") throws {
        try target.dispatchEvent(Event(type))
    }

    @Test("Listeners are called in the order they were added, capturing ones first, each once")
    func order() throws {
        let target = EventTarget()
        var calls: [String] = []
        target.addEventListener("x") { _ in calls.append("first") }
        target.addEventListener("x", capture: true) { _ in calls.append("capturing") }
        let same = EventListener { _ in calls.append("same") }
        target.addEventListener("x", same)
        target.addEventListener("x", same)
        target.addEventListener("x", same, capture: true)
        target.addEventListener("y") { _ in calls.append("never") }
        try dispatch(target)
        #expect(calls == ["capturing", "same", "first", "same"])
    }

    /// Removes its listener when it goes.
    private final class Leaver {
        let signal: AbortSignal
        let gone: Promised<Void>
        init(_ signal: AbortSignal, _ gone: Promised<Void>) { (self.signal, self.gone) = (signal, gone) }
        deinit {
            signal.removeEventListener("abort", EventListener { _ in })
            gone.fulfil(())
        }
    }

    @Test("What a handler held may remove listeners when it goes with it", arguments: [true, false])
    func leaving(_ isReplaced: Bool) async throws {
        let signal = AbortController().signal
        let gone = Promised<Void>()
        // Nobody but the handler holds it behind this.
        func hold() {
            let leaver = Leaver(signal, gone)
            signal.onabort = { [leaver] _ in _ = leaver }
        }
        hold()
        // In a thread of its own, which would hang alone.
        Thread.detachNewThread { signal.onabort = isReplaced ? { _ in } : nil }
        try await within(.seconds(20)) { try await gone.value }
    }

    @Test("once, removal, removal during a dispatch, adding during a dispatch")
    func registrations() throws {
        let target = EventTarget()
        var calls: [String] = []
        target.addEventListener("x", once: true) { _ in calls.append("once") }
        let late = EventListener { _ in calls.append("late") }
        let removed = EventListener { _ in calls.append("removed") }
        target.addEventListener("x") { _ in
            target.removeEventListener("x", removed)
            target.addEventListener("x", late)
        }
        target.addEventListener("x", removed)
        // Of another kind, so not the one that was added.
        target.removeEventListener("x", removed, capture: true)
        try dispatch(target)
        #expect(calls == ["once"])
        try dispatch(target)
        #expect(calls == ["once", "late"])
        target.removeEventListener("x", late)
        target.removeEventListener("x", late)
    }

    @Test("A listener that dispatches the same type again is not called twice if it is to be called once")
    func nestedOnce() throws {
        let target = EventTarget()
        var count = 0
        target.addEventListener("x", once: true) { _ in
            count += 1
            _ = try? target.dispatchEvent(Event("x"))
        }
        try dispatch(target)
        #expect(count == 1)
    }

    @Test("A signal removes a listener; one that is aborted adds none")
    func signal() throws {
        let target = EventTarget()
        let controller = AbortController()
        var count = 0
        target.addEventListener("x", signal: controller.signal) { _ in count += 1 }
        try dispatch(target)
        controller.abort()
        try dispatch(target)
        target.addEventListener("x", signal: controller.signal) { _ in count += 1 }
        try dispatch(target)
        #expect(count == 1)
    }

    @Test("stopImmediatePropagation, preventDefault, passive")
    func flags() throws {
        let target = EventTarget()
        var calls = 0
        target.addEventListener("x", passive: true) { $0.preventDefault() }
        #expect(try target.dispatchEvent(Event("x", cancelable: true)))
        target.addEventListener("x") { event in
            event.preventDefault()
            event.stopImmediatePropagation()
        }
        target.addEventListener("x") { _ in calls += 1 }
        #expect(try !target.dispatchEvent(Event("x", cancelable: true)))
        #expect(try target.dispatchEvent(Event("x")))
        #expect(calls == 0)
    }

    @Test(
        "An event's own state during and after a dispatch; it cannot be dispatched twice at a time, but again later"
    )
    func state() throws {
        let target = EventTarget()
        let event = Event("x", bubbles: true)
        #expect(event.eventPhase == .none && event.target == nil && event.composedPath().isEmpty)
        target.addEventListener("x") { event in
            #expect(
                event.eventPhase == .atTarget && event.target === target && event.currentTarget === target
            )
            #expect(event.composedPath().first === target && !event.isTrusted)
            #expect(throws: DOMException.self) { try target.dispatchEvent(event) }
        }
        try target.dispatchEvent(event)
        #expect(event.eventPhase == .none && event.target === target && event.currentTarget == nil)
        try target.dispatchEvent(event)
        #expect(event.timeStamp <= Event("y").timeStamp)
    }

    @Test("Typed listeners are told events of their class, and no others")
    func typed() throws {
        let target = EventTarget()
        var texts: [String] = []
        let listener = target.addEventListener(.message) { event in texts.append("\(event.data)") }
        target.addEventListener(.close) { event in texts.append("\(event.code)") }
        try target.dispatchEvent(MessageEvent("message", data: .text("hello")))
        try target.dispatchEvent(Event("message"))
        try target.dispatchEvent(CloseEvent("close", code: 4000))
        target.removeEventListener(.message, listener)
        try target.dispatchEvent(MessageEvent("message", data: .text("unheard")))
        #expect(texts == ["hello", "4000"])
    }

    private final class Recording: EventTarget {
        var errors: [String] = []
        override func reportUncaught(_ error: any Error, from event: Event) {
            errors.append("\(event.type): \(error)")
        }
    }

    @Test("What a listener throws is reported, and keeps nobody else from being called")
    func throwing() throws {
        struct Oops: Error {}
        let target = Recording()
        var calls: [String] = []
        target.addEventListener("x") { _ in throw Oops() }
        target.addEventListener("x") { _ in calls.append("second") }
        target.addEventListener(.message) { _ in throw Oops() }
        try dispatch(target)
        try target.dispatchEvent(MessageEvent("message", data: "text"))
        #expect(calls == ["second"])
        #expect(target.errors == ["x: Oops()", "message: Oops()"])
    }

    @Test("An event of one's own brings what it was given")
    func customEvent() throws {
        let target = EventTarget()
        var detail: Int?
        target.addEventListener(EventType<CustomEvent>("score")) { detail = $0.detail as? Int }
        try target.dispatchEvent(CustomEvent("score", detail: 7))
        #expect(detail == 7)
    }

    @Test("A handler property keeps the place of its first setting, and gives it up with nil")
    func handlers() async throws {
        let controller = AbortController()
        let signal = controller.signal
        let calls = Log<String>()
        signal.onabort = { _ in calls.add("replaced") }
        signal.addEventListener(.abort) { _ in calls.add("listener") }
        signal.onabort = { _ in calls.add("handler") }
        controller.abort()
        #expect(calls.takeAll() == ["handler", "listener"])
        signal.onabort = nil
        signal.onabort = { _ in calls.add("handler") }
        try signal.dispatchEvent(Event("abort"))
        #expect(calls.entries == ["listener", "handler"])
    }
}

@Suite("AbortSignal and AbortController")
struct AbortSignalTests {
    private struct Reason: Error {}

    @Test("Aborting: once, with a reason, told to listeners")
    func abort() {
        let controller = AbortController()
        var count = 0
        controller.signal.addEventListener(.abort) { _ in count += 1 }
        #expect(!controller.signal.aborted && controller.signal.reason == nil)
        controller.abort()
        controller.abort(Reason())
        #expect(count == 1 && controller.signal.aborted)
        #expect((controller.signal.reason as? DOMException)?.name == .abort)
        #expect(throws: DOMException.self) { try controller.signal.throwIfAborted() }
    }

    @Test("abort(), any() and timeout()")
    func statics() async throws {
        #expect(AbortSignal.abort(Reason()).reason is Reason)
        let (one, two) = (AbortController(), AbortController())
        let either = AbortSignal.any([one.signal, two.signal])
        #expect(!either.aborted)
        two.abort(Reason())
        one.abort()
        #expect(either.reason is Reason)
        #expect(AbortSignal.any([.abort(Reason()), one.signal]).reason is Reason)
        #expect(!AbortSignal.any([]).aborted)
        let timed = AbortSignal.timeout(.milliseconds(1))
        let ended = Promised<Void>()
        timed.addEventListener(.abort) { _ in ended.fulfil(()) }
        if !timed.aborted { try await within { try await ended.value } }
        #expect((timed.reason as? DOMException)?.name == .timeout)
    }

    @Test("A signal lives until its time has come, and one made of others has these live")
    func lifetime() async throws {
        let ended = Promised<Void>()
        let outer = AbortSignal.any([.any([.timeout(.milliseconds(1))]), AbortController().signal])
        outer.addEventListener(.abort) { _ in ended.fulfil(()) }
        if !outer.aborted { try await within { try await ended.value } }
        #expect((outer.reason as? DOMException)?.name == .timeout)
        let unheld = Promised<Void>()
        AbortSignal.timeout(.milliseconds(50)).onabort = { _ in unheld.fulfil(()) }
        try await within { try await unheld.value }
    }

    @Test("A signal holds neither listeners nor their targets")
    func holdsNothing() {
        let controller = AbortController()
        weak var weakly: EventTarget?
        do {
            let target = EventTarget()
            weakly = target
            let listener = target.addEventListener("x", signal: controller.signal) { _ in _ = target }
            target.removeEventListener("x", listener)
        }
        #expect(weakly == nil)
        controller.abort()
    }
}

@Suite("Blob and DOMException")
struct BlobTests {
    @Test("Parts, size, type, slices")
    func blob() async {
        let blob = Blob([.text("é"), .bytes([1, 2]), .blob(Blob(bytes: [3]))], type: "Text/Plain")
        #expect(blob.size == 5 && blob.type == "text/plain")
        #expect(await blob.bytes() == [0xC3, 0xA9, 1, 2, 3])
        #expect(await blob.slice(0, 2).text() == "é")
        #expect(await blob.slice(-2).arrayBuffer() == [2, 3])
        #expect(await blob.slice(1, -1).slice(1).bytes() == [1, 2])
        #expect(blob.slice(4, 2).size == 0 && blob.slice(99).size == 0 && blob.slice(.min, .max).size == 5)
        #expect(blob.slice().type == "" && blob.slice(contentType: "a/B").type == "a/b")
        #expect(Blob([], type: "é").type == "")
        #expect(await Blob(bytes: [0xFF]).text() == "\u{FFFD}")
        #expect(await Blob(["a", [98], .blob(Blob(["c"]))]).text() == "abc")
        #expect(await Blob([.text("\u{FEFF}\u{FEFF}a")]).text() == "\u{FEFF}a")
    }

    @Test("The codes and texts of exceptions")
    func exceptions() {
        #expect(DOMException("why", name: .syntax).code == 12)
        #expect(DOMException("why", name: .abort).description == "AbortError: why")
        #expect(DOMException().name == .error && DOMException().code == 0)
        #expect(DOMException(name: "NotFoundError").description == "NotFoundError")
    }
}
