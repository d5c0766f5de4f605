import Testing

@testable import WebSocketServer

@Suite("Media types")
struct MediaTypeTests {
    @Test(
        arguments: [
            ("index.html", "text/html; charset=utf-8"), ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"), ("app.css", "text/css; charset=utf-8"),
            ("app.js.map", "application/json"), ("app.wasm", "application/wasm"),
            ("logo.svg", "image/svg+xml; charset=utf-8"), ("data.json", "application/json"),
            ("site.webmanifest", "application/manifest+json"), ("a.woff2", "font/woff2"),
            ("a.ttf", "font/ttf"),
            ("PHOTO.JPG", "image/jpeg"), ("a.png", "image/png"), ("a.webp", "image/webp"),
            ("a.avif", "image/avif"), ("favicon.ico", "image/vnd.microsoft.icon"), ("film.mp4", "video/mp4"),
            ("film.webm", "video/webm"), ("notes.txt", "text/plain; charset=utf-8"),
            ("a.pdf", "application/pdf"),
            ("a.b.html", "text/html; charset=utf-8"),
            // What says nothing of itself.
            ("README", "application/octet-stream"), (".html", "application/octet-stream"),
            ("a.", "application/octet-stream"), ("a.exe", "application/octet-stream"),
            ("html", "application/octet-stream"), ("", "application/octet-stream"),
        ])
    func `A file is what its ending says`(name: String, type: String) {
        #expect(MediaType.of(name) == type)
    }

    @Test func `One's own types win`() {
        let own = ["ts": "text/plain", "duplex": "application/x-duplex"]
        #expect(MediaType.of("a.TS", own: own) == "text/plain")
        #expect(MediaType.of("a.duplex", own: own) == "application/x-duplex")
        #expect(MediaType.of("a.js", own: own) == "text/javascript; charset=utf-8")
    }
}
