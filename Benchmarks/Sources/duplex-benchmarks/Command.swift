#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

@main
enum Command {
    private static let help = """
        Measures Duplex's protocol core and prints a section of Markdown. `make bench` puts it into
        docs/performance.md; `make bench ARGS=--micro` runs this alone, in about a minute.

          --output PATH    also write the section there
          --quick          a hurried run

        Ends with status 1 when a goal is missed.

        """

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.contains("--help") || arguments.contains("-h") {
            print(help, terminator: "")
            return
        }
        var isQuick = false
        var output: String?
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--quick" {
                isQuick = true
            } else if argument == "--output", let path = rest.popFirst() {
                output = path
            } else {
                complain("unknown or incomplete option \(argument)\n\(help)")
                exit(64)
            }
        }
        let plan = Plan(isQuick: isQuick)
        #if DEBUG
        complain("built without optimization: these figures say nothing. Use `make bench`.\n")
        #endif

        complain("measuring: masking")
        let buffers = BufferPair(largest: plan.uncachedSize)
        let masking = MaskingBenchmark.run(plan, buffers: buffers)
        complain(", UTF-8")
        let utf8 = UTF8Benchmark.run(plan, buffers: buffers)
        complain(", messages")
        let endpoint = EndpointBenchmark.run(plan)
        complain(", handshakes")
        let handshake = HandshakeBenchmark.run(plan)
        complain(", compression")
        let compressionLevels = CompressionBenchmark.levels(plan)
        let compressionSizes = CompressionBenchmark.sizes(plan)
        complain(", done\n\n")

        let report = Report(
            masking: masking,
            utf8: utf8,
            endpoint: endpoint,
            handshake: handshake,
            compressionLevels: compressionLevels,
            compressionSizes: compressionSizes
        )
        print(report.text)
        if let output { write(report.text, to: output) }
        let missed = report.goals.filter { !$0.isMet }
        for goal in missed { complain("missed: \(goal.what): \(goal.measured), wanted \(goal.wanted)\n") }
        exit(missed.isEmpty ? 0 : 1)
    }

    /// On standard error, so that standard output is the page and nothing else.
    private static func complain(_ text: String) {
        var bytes = Array(text.utf8)
        _ = Self.write(2, &bytes)
    }

    private static func write(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Int {
        #if canImport(Darwin)
        Darwin.write(descriptor, bytes, bytes.count)
        #elseif canImport(Glibc)
        Glibc.write(descriptor, bytes, bytes.count)
        #else
        Musl.write(descriptor, bytes, bytes.count)
        #endif
    }

    private static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else {
            complain("cannot write \(path)\n")
            exit(1)
        }
        fputs(text, file)
        fclose(file)
    }
}
