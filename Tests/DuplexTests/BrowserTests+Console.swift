import Foundation
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// What the console has beside a socket and its log.
extension BrowserTests {
    private func text(_ page: Page, _ selector: String) async throws -> String {
        try await page.evaluate("document.querySelector('\(selector)').textContent", as: String.self)
    }

    private func count(_ page: Page, _ selector: String) async throws -> Int {
        try await page.evaluate("document.querySelectorAll('\(selector)').length", as: Int.self)
    }

    /// Fills fields in and presses a button, as a person does.
    private func fill(_ page: Page, _ fields: [(id: String, text: String)], press button: String) async throws
    {
        for (id, text) in fields {
            let value = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
            try await page.evaluate(
                """
                (document.getElementById('\(id)').value = \(value),
                    document.getElementById('\(id)').dispatchEvent(new Event('input', { bubbles: true })), true)
                """
            )
        }
        try await page.evaluate("(document.querySelector('\(button)').click(), true)")
    }

    private func press(_ page: Page, _ key: String, on selector: String) async throws {
        try await page.evaluate(
            """
            (document.querySelector('\(selector)').dispatchEvent(
                new KeyboardEvent('keydown', { key: '\(key)', bubbles: true, cancelable: true })), true)
            """
        )
    }

    @Test func `Sockets side by side: each has its address, state, log and close event`() async throws {
        let serve = try await ServeProcess.start(["--verbose"])
        try await browsing { browser in
            let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
            try await connect(page, "/echo?first")
            try await page.evaluate("duplexConsole.sendText('one')")
            try await page.wait(until: "document.querySelector('#log .entry[data-direction=in]')")

            try await fill(page, [], press: "#add-socket")
            #expect(try await text(page, "#state") == "Not connected")
            #expect(try await count(page, "#log .entry") == 0)
            try await connect(page, "/topic/busy")
            try await page.evaluate("duplexConsole.sendText('two')")
            try await page.wait(until: "document.querySelector('#log .entry[data-direction=in]')")
            #expect(try await log(page, direction: "in") == ["two"])
            #expect(try await count(page, "#tabs [role=tab]") == 2)

            // To the first by the arrow, and there all is as it was left.
            try await press(page, "ArrowLeft", on: "#tabs [aria-selected=true]")
            #expect(try await log(page, direction: "in") == ["one"])
            #expect(
                try await page.evaluate("document.querySelector('#url').value", as: String.self)
                    == "/echo?first"
            )
            let focused = "document.activeElement.getAttribute('aria-selected')"
            #expect(try await page.evaluate(focused, as: String.self) == "true")

            // What comes in the background is counted at its tab.
            let other = try await browser.open("http://127.0.0.1:\(serve.port)/")
            try await connect(other, "/topic/busy")
            try await other.evaluate("duplexConsole.sendText('three')")
            try await page.wait(
                until: "document.querySelector('#tabs .unread:not([hidden])')?.textContent === '1'"
            )
            try await page.evaluate("duplexConsole.close(4001, 'first')")
            #expect(try await shownClose(page) == ShownClose(code: "4001", reason: "first", wasClean: "true"))
            try await press(page, "End", on: "#tabs [aria-selected=true]")
            #expect(try await count(page, "#tabs .unread:not([hidden])") == 0)
            try await page.wait(
                until: "document.querySelectorAll('#log .entry[data-direction=in]').length === 2"
            )
            #expect(try await log(page, direction: "in") == ["two", "three"])
            #expect(try await text(page, "#state") == "Open")
            #expect(try await text(page, "#close-event") == "–")

            // A removed tab takes its socket along.
            try await press(page, "Delete", on: "#tabs [aria-selected=true]")
            #expect(try await count(page, "#tabs [role=tab]") == 1)
            #expect(try await text(page, "#state") == "Closed")
            #expect(try await serve.process.errors(containing: "code=1000").contains("closed"))
            // Reconnecting is one press.
            #expect(try await text(page, "#connect") == "Reconnect")
            try await fill(page, [], press: "#connect")
            try await page.wait(until: "document.querySelector('#state').dataset.state === 'open'")
            #expect(await page.problems() == [])
        }
    }

    @Test func `Subprotocols are typed in, the preferred first`() async throws {
        let serve = try await ServeProcess.start()
        try await serving(.toAnyPage) { server in
            server.route("/", subprotocols: ["v2", "v1"]) { socket, _ in _ = await socket.closed }
        } _: { port in
            try await browsing { browser in
                let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
                for (list, agreed) in [("v1", "v1"), (" v0 , v1,v2 ", "v2"), ("", "none")] {
                    try await fill(
                        page,
                        [("url", "ws://127.0.0.1:\(port)/"), ("subprotocols", list)],
                        press: "#connect"
                    )
                    try await page.wait(until: "document.querySelector('#state').dataset.state === 'open'")
                    #expect(try await text(page, "#protocol") == agreed)
                }
                for list in ["v1, v1", "v 1", "grüße"] {
                    try await fill(page, [("subprotocols", list)], press: "#connect")
                    #expect(try await !text(page, "#url-error").isEmpty)
                    let isMarked =
                        "document.querySelector('#subprotocols').getAttribute('aria-invalid') === 'true'"
                    #expect(try await page.evaluate(isMarked))
                }
                #expect(await page.problems() == [])
            }
        }
    }

    @Test func `Several topics in one tab: who said what, in order`() async throws {
        let serve = try await ServeProcess.start()
        try await browsing { browser in
            let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
            let other = try await browser.open("http://127.0.0.1:\(serve.port)/")
            try await fill(page, [], press: "#add-topics")
            try await fill(page, [("topic-names", "a, b, <b>c")], press: "#join")
            try await page.wait(until: "document.querySelector('#state').textContent === '3 of 3 open'")
            #expect(
                try await page.evaluate(
                    "[...document.querySelectorAll('#topic-list .name')].map(each => each.textContent)",
                    as: [String].self
                ) == ["a", "b", "<b>c"]
            )

            func waitFor(_ said: Int) async throws {
                try await page.wait(
                    until: "document.querySelectorAll('#log .entry[data-direction=in]').length === \(said)"
                )
            }
            try await page.evaluate("duplexConsole.publish('a', 'hello')")
            try await waitFor(1)
            try await connect(other, "/topic/a")
            try await other.evaluate("duplexConsole.sendText('hello, you')")
            try await waitFor(2)
            for (topic, text) in [("b", "to b"), ("<b>c", "to c"), ("a", "hello")] {
                try await page.evaluate("duplexConsole.publish('\(topic)', '\(text)')")
            }
            try await waitFor(5)
            let said = try await page.evaluate(
                """
                [...document.querySelectorAll('#log .entry[data-direction=in]')].map(each =>
                    [each.dataset.topic, each.dataset.author, each.querySelector('.payload').textContent].join('|'))
                """,
                as: [String].self
            )
            // Topics are connections of their own, so only within one is there an order.
            #expect(
                said.filter { $0.hasPrefix("a|") } == ["a|you|hello", "a|someone|hello, you", "a|you|hello"]
            )
            #expect(Set(said) == ["a|you|hello", "a|someone|hello, you", "b|you|to b", "<b>c|you|to c"])

            // Leave one and join it again.
            try await fill(page, [], press: "#topic-list li:nth-child(2) .leave")
            try await page.wait(until: "document.querySelector('#state').textContent === '2 of 3 open'")
            try await page.wait(
                until: "document.querySelectorAll('#topic-list .about')[1].textContent.includes('1000')"
            )
            #expect(try await text(page, "#topic-list li:nth-child(2) .leave") == "Rejoin")
            try await fill(page, [], press: "#topic-list li:nth-child(2) .leave")
            try await page.wait(until: "document.querySelector('#state').textContent === '3 of 3 open'")
            try await fill(page, [], press: "#topic-list li:nth-child(3) .forget")
            #expect(try await text(page, "#state") == "2 of 2 open")
            #expect(await page.problems() == [])
        }
    }

    @Test func `Messages are saved, sent with a press, exported and imported`() async throws {
        let serve = try await ServeProcess.start()
        try await browsing { browser in
            let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
            try await connect(page, "/echo")
            try await fill(
                page,
                [("saved-name", "<i>greeting"), ("saved-data", "hello\nyou")],
                press: "#save"
            )
            try await page.evaluate("(document.querySelector('#saved-kind').value = 'hex', true)")
            try await fill(page, [("saved-name", "bytes"), ("saved-data", "00 ff 1b")], press: "#save")
            try await fill(page, [("saved-name", "wrong"), ("saved-data", "0g")], press: "#save")
            #expect(try await text(page, "#saved-error").contains("is not a hex digit"))
            #expect(try await count(page, "#saved-list li") == 2)
            #expect(try await count(page, "#saved-list i") == 0)
            #expect(try await text(page, "#saved-list .name") == "<i>greeting")

            // They outlive the page.
            try await page.navigate(to: "http://127.0.0.1:\(serve.port)/?again")
            try await page.wait(until: "document.querySelectorAll('#saved-list li').length === 2")
            try await connect(page, "/echo")
            for place in 1...2 { try await fill(page, [], press: "#saved-list li:nth-child(\(place)) .send") }
            try await page.wait(
                until: "document.querySelectorAll('#log .entry[data-direction=in]').length === 2"
            )
            #expect(try await log(page, direction: "in") == ["hello\nyou"])
            #expect(
                try await text(page, "#log .entry[data-direction=in][data-kind=binary] .payload")
                    == "00 ff 1b"
            )

            // The file that a press on Export saves.
            let file = try await page.evaluate(
                """
                new Promise(go => {
                    const make = URL.createObjectURL;
                    URL.createObjectURL = blob => { blob.text().then(go); return make.call(URL, blob); };
                    HTMLAnchorElement.prototype.click = () => {};
                    document.querySelector('#export').click();
                })
                """,
                as: String.self
            )
            for _ in 0..<2 { try await fill(page, [], press: "#saved-list .delete") }
            #expect(try await count(page, "#saved-list li") == 0)

            func importFile(_ text: String) async throws {
                let content = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
                try await page.evaluate(
                    """
                    (() => {
                        const files = new DataTransfer();
                        files.items.add(new File([\(content)], 'messages.json'));
                        document.querySelector('#import-file').files = files.files;
                        document.querySelector('#import-file').dispatchEvent(new Event('change'));
                        return true;
                    })()
                    """
                )
                try await page.wait(until: "document.querySelector('#import-file').files.length === 0")
            }
            try await importFile(file)
            #expect(try await count(page, "#saved-list li") == 2)
            let many = Array(repeating: #"{"name":"x","kind":"text","data":""}"#, count: 501)
            for (wrong, sentence) in [
                ("{", "no JSON"), ("[]", "no list"), (#"{"messages":[{}]}"#, "Message 1: It needs a name."),
                (#"{"messages":[{"name":"x","kind":"html","data":""}]}"#, "neither text nor hex"),
                (#"{"messages":[{"name":"x","kind":"hex","data":"f"}]}"#, "each byte takes two"),
                (#"{"messages":[{"name":"x","kind":"text","data":7}]}"#, "no text"),
                (#"{"messages":[\#(many.joined(separator: ","))]}"#, "no more than 500"),
                (
                    #"{"messages":[{"name":"x","kind":"text","data":"\#(String(repeating: "y", count: 262_145))"}]}"#,
                    "more than 262,144 characters"
                ),
            ] {
                try await importFile(wrong)
                #expect(try await text(page, "#saved-error").contains(sentence))
                #expect(try await count(page, "#saved-list li") == 2)
            }
            #expect(await page.problems() == [])
        }
    }

    @Test func `Round trips of an echo are counted by how long they took`() async throws {
        let serve = try await ServeProcess.start()
        try await serving(.toAnyPage) { server in
            server.route("/silent") { socket, _ in for try await _ in socket.messages {} }
        } _: { port in
            try await browsing { browser in
                let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
                try await fill(page, [], press: "#measure")
                #expect(try await text(page, "#rtt-error") == "Connect first.")
                for path in ["/echo", "/topic/measured"] {
                    try await connect(page, path)
                    try await fill(page, [("rtt-count", "150"), ("rtt-rate", "500")], press: "#measure")
                    try await page.wait(
                        until:
                            "document.querySelector('#rtt-note').textContent.startsWith('All 150 came back.')"
                    )
                    #expect(try await text(page, "#rtt-answered") == "150/150")
                    let counts = "document.querySelector('#rtt').dataset.counts.split(' ').map(Number)"
                    #expect(try await page.evaluate(counts, as: [Int].self).reduce(0, +) == 150)
                    let figures = try await page.evaluate(
                        """
                        ['p50', 'p90', 'p99', 'max'].map(name =>
                            parseFloat(document.getElementById('rtt-' + name).textContent))
                        """,
                        as: [Double].self
                    )
                    #expect(figures == figures.sorted())
                    let label = "document.querySelector('#rtt').getAttribute('aria-label')"
                    #expect(try await page.evaluate(label, as: String.self).contains("of 150"))
                    // None of them is listed.
                    #expect(try await log(page, direction: "in").isEmpty)
                }

                try await page.evaluate("duplexConsole.connect('ws://127.0.0.1:\(port)/silent')")
                try await page.wait(until: "document.querySelector('#state').dataset.state === 'open'")
                try await fill(page, [("rtt-count", "3"), ("rtt-rate", "1000")], press: "#measure")
                try await page.wait(
                    until:
                        "document.querySelector('#rtt-note').textContent === '3 probes of 3 did not come back.'"
                )
                for (count, rate) in [("0", "1"), ("10001", "1"), ("x", "1"), ("1", "0"), ("1", "1001")] {
                    try await fill(page, [("rtt-count", count), ("rtt-rate", rate)], press: "#measure")
                    #expect(try await text(page, "#rtt-error").contains("is not a number from 1 to"))
                }
                #expect(await page.problems() == [])
            }
        }
    }

    @Test func `The log keeps the newest 2,000, can be filtered, and shows markup as text`() async throws {
        let serve = try await ServeProcess.start()
        let markup = "<img src=x onerror=\"window.pwned = 1\"><script>window.pwned = 1</script>"
        try await serving(.toAnyPage) { server in
            server.route("/flood") { socket, _ in
                for number in 1...2_500 { try await socket.send("message \(number)") }
                try await socket.send(markup)
                _ = try await socket.close(code: CloseCode(4000), reason: "<b>bye</b>")
            }
        } _: { port in
            try await browsing { browser in
                let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
                try await page.evaluate("duplexConsole.connect('ws://127.0.0.1:\(port)/flood')")
                #expect(try await shownClose(page).reason == "<b>bye</b>")
                try await page.wait(
                    until: "document.querySelector('#log .entry:last-child').dataset.kind === 'close'"
                )
                #expect(try await count(page, "#log .entry") == 2_000)
                // Opened, 2,501 messages and closed: 503 too many.
                #expect(try await text(page, "#totals").hasSuffix("503 older not kept"))
                let texts = try await log(page, direction: "in")
                #expect(texts.first == "message 503")
                #expect(texts.last == markup)
                for element in ["img", "script", "b"] {
                    #expect(try await count(page, "#log \(element), #close-event \(element)") == 0)
                }
                #expect(try await page.evaluate("window.pwned === undefined"))

                let shown = "[...document.querySelectorAll('#log .entry:not([hidden])')].length"
                try await fill(page, [("filter", "MESSAGE 77")], press: "h1")
                // 770 to 779.
                #expect(try await page.evaluate(shown, as: Int.self) == 10)
                try await fill(page, [("filter", "nowhere")], press: "h1")
                #expect(try await text(page, "#nothing") == "No message matches the filter.")
                try await fill(page, [("filter", "")], press: "h1")
                try await page.evaluate(
                    """
                    (document.querySelector('#filter-kind').value = 'event',
                        document.querySelector('#filter-kind').dispatchEvent(new Event('change')), true)
                    """
                )
                #expect(try await page.evaluate(shown, as: Int.self) == 1)
                try await fill(page, [], press: "#clear")
                #expect(try await count(page, "#log .entry") == 0)
                #expect(await page.problems() == [])
            }
        }
    }

    @Test(arguments: [360, 1_440])
    func `Nothing sticks out at any width, and everything has a name`(width: Int) async throws {
        let serve = try await ServeProcess.start()
        try await browsing { browser in
            let page = try await browser.open("http://127.0.0.1:\(serve.port)/")
            try await page.resize(width: width, height: 800)
            let long = String(repeating: "x", count: 300)
            try await connect(page, "/echo?\(long)")
            try await page.evaluate("duplexConsole.sendText('\(long)')")
            try await page.evaluate("duplexConsole.join('\(long), b')")
            try await page.evaluate(
                "(document.querySelector('#saved-name').value = '\(long.prefix(80))', document.querySelector('#save').click(), true)"
            )
            for tab in 0...1 {
                try await page.evaluate("(duplexConsole.select(\(tab)), true)")
                let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                #expect(try await page.evaluate(overflow, as: Int.self) == 0)
                let nameless = try await page.evaluate(
                    """
                    [...document.querySelectorAll('button, input, select, textarea, [role=tab]')]
                        .filter(each => !each.labels?.length && !each.getAttribute('aria-label')
                            && !(each.matches('button') && each.textContent.trim()))
                        .map(each => each.outerHTML)
                    """,
                    as: [String].self
                )
                #expect(nameless == [])
            }
            #expect(await page.problems() == [])
        }
    }
}
