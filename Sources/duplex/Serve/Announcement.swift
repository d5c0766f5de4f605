import NIOCore
import WebSocketServer

/// What the command says when it serves: where everything is.
struct Announcement: Sendable {
    let host: String
    let port: Int
    let engine: WebSocketServer.Engine?
    let tls: TLSSource.Loaded?
    let servesFiles: Bool
    let metrics: (host: String, port: Int)?

    var text: String {
        let place = Self.place(host, port)
        let letter = tls == nil ? "" : "s"
        var lines = [
            "Duplex serves on \(place)",
            "",
            "  console  http\(letter)://\(place)\(WebSocketServer.consolePath(besideFiles: servesFiles))",
            "  echo     ws\(letter)://\(place)/echo",
            "  topics   ws\(letter)://\(place)/topic/NAME",
            "  health   http\(letter)://\(place)/healthz",
        ]
        if servesFiles { lines.insert("  files    http\(letter)://\(place)/", at: 3) }
        if let metrics { lines.append("  metrics  http://\(Self.place(metrics.host, metrics.port))/metrics") }
        lines.append("  engine   \(engine?.rawValue ?? "")")
        if let tls {
            lines += ["", "  certificate's SHA-256:", "  \(tls.fingerprint)"]
            if let file = tls.trustFile { lines.append("  for this machine only; to trust it: \(file)") }
        }
        return (lines + ["", "Ctrl-C stops it.", ""]).joined(separator: "\n")
    }

    private static func place(_ host: String, _ port: Int) -> String {
        "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}
