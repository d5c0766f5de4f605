import Testing
import WebSocketScript

/// What the console writes.
@MainActor
@Suite("Console", .timeLimit(.minutes(1)))
struct ConsoleTests {
    private func lines(_ source: String) throws -> [String] {
        let page = try Page()
        try page.run(source)
        #expect(page.errors == [])
        return page.texts
    }

    @Test(arguments: [
        ("'text'", "text"),
        ("'a', 1, true, null, undefined", "a 1 true null undefined"),
        ("-0, 1n, Symbol('s')", "-0 1n Symbol(s)"),
        ("", ""),
        ("{ a: 1, 'b c': 'x', d: [1, 2] }", "{ a: 1, 'b c': 'x', d: [ 1, 2 ] }"),
        ("{ a: { b: { c: { d: 1 } } } }", "{ a: { b: { c: [Object] } } }"),
        ("[[], {}]", "[ [], {} ]"),
        ("[1, , 3]", "[ 1, <empty>, 3 ]"),
        ("['it\\'s']", "[ \"it's\" ]"),
        ("new Map([['k', 1]]), new Set([1])", "Map(1) { 'k' => 1 } Set(1) { 1 }"),
        (
            "new Uint8Array([1, 2]), new ArrayBuffer(3)",
            "Uint8Array(2) [ 1, 2 ] ArrayBuffer { byteLength: 3 }"
        ),
        ("function f() {}, class C {}, () => {}", "[Function: f] [class: C] [Function (anonymous)]"),
        ("new (class Point { x = 1 })", "Point { x: 1 }"),
        ("Object.create(null)", "[Object: null prototype] {}"),
        ("/x/g, new Date(0)", "/x/g 1970-01-01T00:00:00.000Z"),
        ("{ get a() { return 1 }, set b(v) {} }", "{ a: [Getter], b: [Setter] }"),
        ("'%s is %d of %i, %f', 'x', 1.9, '2.9', '3.5', 'rest'", "x is 1 of 2, 3.5 rest"),
        ("'%o %O %c%%', { a: 1 }, [2], 'color: red'", "{ a: 1 } [ 2 ] %"),
        ("'100%', 1", "100% 1"),
        ("'%s'", "%s"),
        (
            "new CloseEvent('close', { code: 1 })",
            "CloseEvent { type: 'close', wasClean: false, code: 1, reason: '' }"
        ),
        ("new Blob(['ab'])", "Blob { size: 2, type: '' }"),
        ("Object.assign(new (class E extends Event {})('x'), { y: 1 })", "E { type: 'x', y: 1 }"),
        ("new Proxy({}, { ownKeys() { throw 1 } })", "[cannot be shown]"),
    ])
    func `Values are shown`(_ arguments: String, _ expected: String) throws {
        #expect(try lines("console.log(\(arguments))") == [expected])
    }

    @Test func `What refers to itself is shown once`() throws {
        #expect(try lines("const a = { n: 1 }; a.self = a; console.log(a)") == ["{ n: 1, self: [Circular] }"])
    }

    @Test func `An error is shown with its stack and its cause`() throws {
        let lines = try lines("console.log(new TypeError('bad', { cause: 'reason' }))")
        #expect(lines.first?.hasPrefix("TypeError: bad\n    at test.js:1:") == true)
        #expect(lines.first?.contains("[cause]: 'reason'") == true)
    }

    @Test func `A trace has the page's calls`() throws {
        let lines = try lines("function f() { console.trace('here') }\nf()")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("Trace: here\n    at f (test.js:1:") == true)
        #expect(lines.first?.split(separator: "\n").count == 3)
    }

    @Test func `Each level goes where it belongs`() throws {
        let page = try Page()
        try page.run("for (const n of ['debug', 'log', 'info', 'warn', 'error']) console[n](n)")
        #expect(page.lines.map(\.level) == [.debug, .log, .info, .warning, .error])
        #expect(page.texts == ["debug", "log", "info", "warn", "error"])
    }

    @Test func `Groups indent, counts count, assertions tell`() throws {
        let lines = try lines(
            """
            console.group("outer");
            console.log("a\\nb");
            console.group();
            console.count();
            console.groupEnd();
            console.groupEnd();
            console.groupEnd();
            console.count("x");
            console.count();
            console.countReset();
            console.count();
            console.countReset("none");
            console.assert(true, "no");
            console.assert(false, "why %s", 1);
            console.assert();
            console.dir({ a: { b: 1 } }, { depth: 0 });
            """
        )
        #expect(
            lines == [
                "outer", "  a\n  b", "    default: 1", "x: 1", "default: 2", "default: 1",
                "console.countReset: there is no count \"none\"", "Assertion failed: why 1",
                "Assertion failed",
                "{ a: [Object] }",
            ]
        )
    }

    @Test func `Times are told`() throws {
        let lines = try lines(
            "console.time(); console.timeLog('default', 1); console.timeEnd(); console.timeEnd()"
        )
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("default: ") && lines[0].hasSuffix(" ms 1"))
        #expect(lines[1].hasSuffix(" ms"))
        #expect(lines[2] == "console.timeEnd: there is no timer \"default\"")
    }

    @Test func `Tables have rows and columns`() throws {
        let lines = try lines("console.table([{ a: 1, b: 'x' }, { b: 'yy' }]); console.table('no table')")
        #expect(
            lines == [
                """
                (index)  a  b
                -------  -  ----
                0        1  'x'
                1           'yy'
                """,
                "no table",
            ]
        )
    }

    @Test func `Its methods can be taken from it`() throws {
        #expect(
            try lines("const { log } = console; [1].forEach((x) => log(x)); console.log(`${console}`)")
                == ["1", "[object console]"]
        )
    }
}
