import HTTPTypes
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

extension WebSocketServer {
    /// What `duplex serve` serves.
    ///
    /// - Parameter directory: of files to serve at `/`, in place of the console.
    func addCommandRoutes(subprotocols: [String], files directory: String? = nil) {
        route(
            "/echo",
            subprotocols: subprotocols,
            callbacks: { _, _ in
                ConnectionCallbacks(onMessage: { socket, kind, bytes in
                    // Refused when the connection is closing, and then nobody waits for an answer. (Or when too
                    // much waits to be sent, but then callbacks are not run.)
                    try? socket.send(kind, bytes)
                })
            }
        )

        let topics = topics
        route("/topic/:name", subprotocols: subprotocols) { socket, parameters in
            guard let name = parameters["name"] else { return }
            do throws(TopicError) {
                try socket.subscribe(name)
            } catch {
                // A name that is too long: it is the client's mistake, and none of the server's.
                try await socket.close(code: .policyViolation, reason: "\(error)")
                return
            }
            for try await message in socket.messages { try await topics.publish(message, to: name) }
        }

        let console = Self.consolePath(besideFiles: directory != nil)
        page(console) { _ in .console }
        // Whoever leaves out the slash at the end means the console, too.
        if console.count > 1 { page(String(console.dropLast())) { _ in .moved(to: console) } }
        // Links within the directory are its owner's; those that lead out are not followed.
        if let directory { files(at: "/", in: directory, FileOptions(symbolicLinks: .withinDirectory)) }
        page("/healthz") { _ in .text(.ok, "ok\n") }
        page("/readyz") { [weak self] _ in
            self?.isReady == true ? .text(.ok, "ready\n") : .text(.serviceUnavailable, "not ready\n")
        }
    }

    /// Where the console is. No file is in its way: names with a dot in front are not served.
    static func consolePath(besideFiles: Bool) -> String { besideFiles ? "/.duplex/" : "/" }
}

extension HTTPAnswer {
    /// For good, with the method as it was (RFC 9110 §15.4.9).
    fileprivate static func moved(to path: String) -> HTTPAnswer {
        var answer = HTTPAnswer.text(.permanentRedirect, "it is at \(path)\n")
        answer.headers[.location] = path
        return answer
    }

    /// The browser's console. It is whole: nothing is loaded from elsewhere, and it may connect anywhere.
    static let console = HTTPAnswer(
        headers: [
            .contentType: "text/html; charset=utf-8",
            .cacheControl: "no-store",
            .contentSecurityPolicy: """
            default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
            connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
            """,
            .xContentTypeOptions: "nosniff",
        ],
        body: PackageResources.console_html
    )
}
