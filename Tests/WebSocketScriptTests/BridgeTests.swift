import TestSupport
import Testing
import WebSockets

@testable import WebSocketScript

#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

/// The way between Swift and JavaScriptCore.
@MainActor
@Suite("Bridge", .timeLimit(.minutes(1)))
struct BridgeTests {
    private func context() throws -> ScriptContext {
        let made = try #require(JSGlobalContextCreate(nil))
        defer { JSGlobalContextRelease(made) }
        return ScriptContext(made)
    }

    /// A function that echoes through `body`, as `f`.
    private func define(_ context: ScriptContext, _ body: @escaping NativeBody) {
        context.global.set("f", context.function(throwing: { context.value("\($0)") }, body))
    }

    @Test func `An exception says where it was thrown, and by which calls`() throws {
        let context = try context()
        let script = Script("function g() {\n  throw new TypeError('bad')\n}\n\ng()", name: "dir/a.js")
        let error = #expect(throws: ScriptError.self) { try context.evaluate(script) }
        #expect(error?.name == "TypeError")
        #expect(error?.message == "bad")
        #expect(error?.file == "dir/a.js")
        #expect(error?.line == 2)
        #expect(error?.frames.map(\.function) == ["g", ""])
        #expect(error?.frames.map(\.line) == [2, 5])
        #expect("\(try #require(error))".hasPrefix("dir/a.js:2:"))
    }

    @Test func `What cannot be parsed says its line`() throws {
        let context = try context()
        let error = #expect(throws: ScriptError.self) {
            try context.evaluate(Script("let a = 1;\nlet b = ;", name: "b.js", line: 10))
        }
        #expect(error?.name == "SyntaxError")
        #expect(error?.file == "b.js")
        #expect(error?.line == 11)
        #expect(error?.frames == [])
    }

    @Test(arguments: [("42", "42"), ("'text'", "text"), ("undefined", "undefined"), ("Symbol('x')", nil)])
    func `What is no error can be thrown`(_ value: String, _ message: String?) throws {
        let context = try context()
        let error = #expect(throws: ScriptError.self) {
            try context.evaluate(Script("throw \(value)", name: "c.js"))
        }
        #expect(error?.name == "")
        #expect(error?.message == message ?? "something that has no text")
    }

    @Test(arguments: ["", "plain", "ünï", "a\u{0}b", "ü\u{0}", "𝄞", String(repeating: "é", count: 10_000)])
    func `Text goes both ways`(_ text: String) throws {
        let context = try context()
        var taken: (String, [UInt8])?
        define(context) { call in
            taken = (call.text(0), call.utf8(0))
            return context.text(Array(text.utf8))
        }
        context.global.set("t", context.value(text))
        #expect(
            try context.evaluate(Script("f(t) === t && t.length", name: "")).number
                == Double(text.utf16.count)
        )
        #expect(taken?.0 == text)
        #expect(taken?.1 == Array(text.utf8))
    }

    @Test func `A surrogate without its partner becomes a replacement character`() throws {
        let context = try context()
        var taken: String?
        define(context) { call in
            taken = call.text(0)
            return nil
        }
        try context.evaluate(Script("f('a\\ud800b')", name: ""))
        #expect(taken == "a\u{FFFD}b")
    }

    @Test func `Arguments that are missing have a value`() throws {
        let context = try context()
        define(context) { call in
            #expect(call.isUndefined(0))
            #expect(call.number(0).isNaN)
            #expect(call.integer(0) == 0)
            #expect(call.text(0) == "")
            #expect(call.flag(0) == false)
            #expect(call.texts(0) == [])
            return nil
        }
        #expect(try context.evaluate(Script("f()", name: "")).isUndefined)
    }

    @Test func `An error of Swift's is thrown in JavaScript`() throws {
        let context = try context()
        define(context) { _ in throw DOMException("why", name: .syntax) }
        #expect(
            try context.evaluate(Script("try { f() } catch (e) { e }", name: "")).text == "SyntaxError: why"
        )
    }

    @Test(arguments: [0, 1, 1000, 100_000])
    func `Bytes become a buffer that can be written to and transferred`(_ count: Int) throws {
        let context = try context()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        define(context) { _ in try context.arrayBuffer(bytes) }
        let script = """
            let sum = 0;
            const b = new Uint8Array(f());
            for (const x of b) sum += x;
            b.fill(1);
            const c = b.buffer.transfer();
            [sum, c.byteLength, b.length].join()
            """
        let sum = bytes.reduce(0) { $0 + Int($1) }
        #expect(try context.evaluate(Script(script, name: "")).text == "\(sum),\(count),0")
        #expect(bytes == (0..<count).map { UInt8(truncatingIfNeeded: $0) } || count > 0)
    }

    private final class Thing: Sendable {}

    @Test func `What a handle holds goes when the handle is collected`() throws {
        let context = try context()
        weak var thing: Thing?
        do {
            let made = Thing()
            thing = made
            define(context) { call in
                #expect(call.handle(0, as: Thing.self) === thing)
                #expect(call.handle(1, as: Thing.self) == nil)
                return nil
            }
            context.global.set("h", context.handle(made))
        }
        try context.evaluate(Script("f(h, {})", name: ""))
        context.collectGarbage()
        #expect(thing != nil)
        // The engine looks for values on the stack, where some may lie that nobody uses any more.
        for _ in 0..<10 where thing != nil {
            try context.evaluate(Script("delete globalThis.h; h = undefined", name: ""))
            context.collectGarbage()
        }
        #expect(thing == nil)
    }

    @Test func `Nothing of a context outlives its host`() throws {
        weak var context: ScriptContext?
        weak var thing: Thing?
        weak var host: ScriptHost?
        try autoreleased {
            let made = try ScriptHost.make()
            host = made
            context = made.context
            let kept = Thing()
            thing = kept
            made.context.global.set("h", made.context.handle(kept))
            made.run(
                Script("setTimeout(() => {}, 100000); const u = new URL('ws://x'); f = () => u", name: "")
            )
            #expect(made.hasPendingWork)
        }
        #expect(host == nil)
        #expect(context == nil)
        #expect(thing == nil)
    }

    private func autoreleased(_ body: () throws -> Void) rethrows { try body() }

    @Test func `A context that outlives its host stays usable`() throws {
        let made = try #require(JSGlobalContextCreate(nil))
        defer { JSGlobalContextRelease(made) }
        do { _ = try ScriptHost.install(in: made) }
        let context = ScriptContext(made)
        #expect(try context.evaluate(Script("new Event('x').type", name: "")).text == "x")
        #expect(try context.evaluate(Script("typeof setTimeout(() => {}, 1)", name: "")).text == "number")
        #expect(throws: ScriptError.self) {
            try context.evaluate(Script("new WebSocket('ws://x')", name: ""))
        }
    }

    @Test func `What an application's context has already, stays`() throws {
        let made = try #require(JSGlobalContextCreate(nil))
        defer { JSGlobalContextRelease(made) }
        let context = ScriptContext(made)
        try context.evaluate(Script("URL = 1; setTimeout = 2; c = console", name: ""))
        let host = try ScriptHost.install(in: made, options: .init(replacesConsole: false))
        #expect(
            try host.evaluate(Script("[URL, setTimeout, c === console, typeof WebSocket].join()", name: ""))
                == "1,2,true,function"
        )
    }
}
