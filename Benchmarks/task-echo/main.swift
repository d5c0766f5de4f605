// The echo of `duplex serve`, by a task in place of callbacks: what the async face costs beside the other.
//
//     task-echo PORT

import Logging
import WebSocketServer
import WebSocketTransport

guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else {
    print("usage: task-echo PORT")
    throw Usage()
}

struct Usage: Error {}

var options = ConnectionOptions()
options.compression = nil
var logger = Logger(label: "task-echo")
logger.logLevel = .warning
let server = WebSocketServer(.init(port: port, connection: options, workers: 1, logger: logger))
server.route("/echo") { socket, _ in
    for try await message in socket.messages { try await socket.send(message) }
}
try await server.run()
