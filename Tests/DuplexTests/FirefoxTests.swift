import TestSupport
import Testing

@testable import duplex

/// A real Firefox in the console that `duplex serve` offers.
@Suite(
    "Firefox",
    .timeLimit(.minutes(3)),
    .serialized,
    .enabled(if: Tools.mayUse(Tools.firefox), "Firefox is not installed")
)
struct FirefoxTests {
    @Test func `The console echoes`() async throws {
        let serve = try await ServeProcess.start()
        let firefox = try await Firefox.start()
        let page = try await firefox.open("http://127.0.0.1:\(serve.port)/")
        try await page.evaluate("duplexConsole.connect('/echo') ?? true", as: Bool.self)
        try await page.wait(until: "document.querySelector('#state').dataset.state === 'open'")
        let extensions = try await page.evaluate(
            "document.getElementById('extensions').textContent",
            as: String.self
        )
        #expect(extensions.hasPrefix("permessage-deflate"))
        try await firefox.stop()
    }
}
