// What each face of a client costs above the one below: the callbacks on the connection's loop, its messages read by a
// task, `WebSocketStream`, and the web's `WebSocket`. All talk to the same echo server, in turn, so that what the machine
// does meanwhile falls on all of them alike.
//
//     faces URL [SECONDS] [ROUNDS]      prints a table in Markdown

import Synchronization
import WebSocketProtocol
import WebSocketTransport
import WebSockets

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

let text = String(repeating: "a", count: 64)

/// One run: so many messages under way at a time, each sent again when it comes back.
final class Run: Sendable {
    let inFlight: Int
    private let end: ContinuousClock.Instant
    private let state = Mutex(
        (count: 0, sent: [ContinuousClock.Instant](), times: [Duration](), isOver: false)
    )

    init(inFlight: Int, seconds: Double) {
        self.inFlight = inFlight
        end = .now + .seconds(seconds)
    }

    func begins() { state.withLock { $0.sent = Array(repeating: .now, count: inFlight) } }

    /// A message came back.
    ///
    /// - Returns: whether to send it again.
    func cameBack() -> Bool {
        state.withLock { state in
            let now = ContinuousClock.now
            // One at a time: otherwise what is measured is how long a message waits for the others.
            if inFlight == 1 { state.times.append(state.sent[0].duration(to: now)) }
            state.count += 1
            state.sent[0] = now
            state.isOver = now >= end
            return !state.isOver
        }
    }

    var isOver: Bool { state.withLock { $0.isOver } }
    var result: (count: Int, times: [Duration]) { state.withLock { ($0.count, $0.times) } }
}

/// How a client talks to the echo until a run is over.
struct Face {
    let name: String
    let talk: (String, Run) async throws -> Void
}

func options() -> ClientOptions {
    var options = ClientOptions()
    options.connection.compression = nil
    options.connection.pingInterval = nil
    return options
}

let environment = WebSocketEnvironment(.init(compression: nil))

func byCallbacks(_ url: String, _ run: Run) async throws {
    let socket = try await WebSocketConnection.connect(
        to: url,
        options: options(),
        callbacks: .init(onMessage: { socket, _, _ in
            if run.cameBack() { try? socket.send(text) } else { try? socket.close() }
        })
    )
    run.begins()
    socket.onLoop { socket in for _ in 0..<run.inFlight { try? socket.send(text) } }
    _ = await socket.closed
}

func byMessages(_ socket: WebSocketConnection, _ run: Run) async throws {
    run.begins()
    for _ in 0..<run.inFlight { try await socket.send(text) }
    for try await _ in socket.messages {
        guard run.cameBack() else { break }
        try await socket.send(text)
    }
    try await socket.close()
}

func byTaskOnLoop(_ url: String, _ run: Run) async throws {
    let socket = try await WebSocketConnection.connect(to: url, options: options())
    let task = Task(executorPreference: LoopTaskExecutor(socket.eventLoop)) {
        try await byMessages(socket, run)
    }
    try await task.value
}

func byTask(_ url: String, _ run: Run) async throws {
    let socket = try await WebSocketConnection.connect(to: url, options: options())
    try await Task.detached { try await byMessages(socket, run) }.value
}

func byStream(_ url: String, _ run: Run) async throws {
    try await Task.detached {
        let stream = try WebSocketStream(url, environment: environment)
        let (readable, writable) = try await stream.opened.streams
        run.begins()
        for _ in 0..<run.inFlight { try await writable.write(text) }
        for try await _ in readable {
            guard run.cameBack() else { break }
            try await writable.write(text)
        }
        try stream.close()
        _ = try await stream.closed
    }.value
}

func byWebSocket(_ url: String, _ run: Run, isolation: isolated (any Actor)? = #isolation) async throws {
    let socket = try WebSocket(url, environment: environment)
    await withCheckedContinuation { continuation in
        socket.onopen = { _ in
            run.begins()
            for _ in 0..<run.inFlight { try? socket.send(text) }
        }
        socket.onmessage = { _ in
            if run.cameBack() { try? socket.send(text) } else { socket.close() }
        }
        socket.onclose = { _ in continuation.resume() }
    }
}

actor Owner {
    func talk(_ url: String, _ run: Run) async throws { try await byWebSocket(url, run) }
}

let faces = [
    Face(name: "callbacks, on the connection's loop", talk: byCallbacks),
    Face(name: "`messages`, a task on the connection's loop", talk: byTaskOnLoop),
    Face(name: "`messages`, a task anywhere", talk: byTask),
    Face(name: "`WebSocketStream`, a task anywhere", talk: byStream),
    Face(name: "`WebSocket`, on an actor") { try await Owner().talk($0, $1) },
    Face(name: "`WebSocket`, on the main actor") {
        try await byWebSocket($0, $1, isolation: MainActor.shared)
    },
]

/// Processor time of this process, in microseconds.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

struct Figures {
    var rates: [Double] = []
    var processor: [Double] = []
    var medians: [Double] = []
    var tails: [Double] = []

    mutating func add(_ run: Run, in passed: Duration, using work: Double) {
        let (count, times) = run.result
        guard count > 0 else { return }
        rates.append(Double(count) / (passed / .seconds(1)))
        processor.append(work / Double(count))
        guard !times.isEmpty else { return }
        let sorted = times.sorted()
        medians.append(sorted[sorted.count / 2] / .microseconds(1))
        tails.append(sorted[sorted.count * 99 / 100] / .microseconds(1))
    }
}

func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[values.count / 2]
}

func rounded(_ value: Double, _ places: Int) -> String {
    let factor = [1.0, 10, 100][places]
    let whole = Int((value * factor).rounded())
    guard places > 0 else { return "\(whole)" }
    let digits = "\(whole % Int(factor))"
    return "\(whole / Int(factor)).\(String(repeating: "0", count: places - digits.count))\(digits)"
}

let arguments = CommandLine.arguments.dropFirst()
guard let url = arguments.first else {
    print("usage: faces URL [SECONDS] [ROUNDS]")
    exit(2)
}
let seconds = arguments.dropFirst().first.flatMap { Double($0) } ?? 1
let rounds = arguments.dropFirst(2).first.flatMap { Int($0) } ?? 5
let windows = [1, 64]
var figures = faces.map { _ in windows.map { _ in Figures() } }
for round in 0..<rounds {
    for (column, window) in windows.enumerated() {
        for row in faces.indices {
            // The first run of all warms up what is made once.
            if round == 0 { try await faces[row].talk(url, Run(inFlight: window, seconds: 0.1)) }
            let run = Run(inFlight: window, seconds: seconds)
            let (began, used) = (ContinuousClock.now, processorTime())
            try await faces[row].talk(url, run)
            figures[row][column].add(run, in: began.duration(to: .now), using: processorTime() - used)
        }
    }
}
print(
    """
    | face | round trip, median | 99 % | client's CPU | above the callbacks | 64 under way | client's CPU | above the callbacks |
    | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    """
)
for (face, row) in zip(faces, figures) {
    let base = figures[0].map { median($0.processor) }
    let own = row.map { median($0.processor) }
    let above = zip(own, base).map { "\($0 - $1 < 0 ? "−" : "")\(rounded(abs($0 - $1), 1)) µs" }
    print(
        "| \(face.name) | \(rounded(median(row[0].medians), 1)) µs | \(rounded(median(row[0].tails), 1)) µs "
            + "| \(rounded(own[0], 1)) µs | \(above[0]) | \(rounded(median(row[1].rates), 0))/s "
            + "| \(rounded(own[1], 2)) µs | \(above[1]) |"
    )
}
