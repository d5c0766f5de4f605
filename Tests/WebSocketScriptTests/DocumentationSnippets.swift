// swift-format-ignore-file
// Written by scripts/snippets.sh from the DocC catalogue.

import WebSocketScript
import WebSocketTransport
import WebSockets

@MainActor private func WebSocketScript1(_ host: ScriptHost) async throws {

    let chat = """
        const socket = new WebSocket("wss://example.org/chat");
        socket.onopen = () => socket.send("hello");
        socket.onmessage = ({ data }) => { console.log(data); socket.close() };
        """
    let host = try ScriptHost.make()
    host.run(Script(chat, name: "chat.js"))
    await host.idle()
}

@MainActor private func WebSocketScript2(_ host: ScriptHost) async throws {

    let installed = try ScriptHost.install(in: host.reference)
    print(try installed.evaluate(Script("typeof WebSocketStream", name: "check.js")) == "function")
}

@MainActor private func WebSocketScript3(_ host: ScriptHost) async throws {

    var options = ScriptHost.Options(environment: WebSocketEnvironment(.init(connectTimeout: .seconds(3))))
    options.console = { level, line in print(level, line) }
    options.onError = { error in print(error.file ?? "-", error.line ?? 0, error.message) }
    let strict = try ScriptHost.make(options: options)
    strict.run(Script("null.x", name: "broken.js"))
}
