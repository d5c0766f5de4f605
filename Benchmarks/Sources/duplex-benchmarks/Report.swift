/// All figures of one run, as a section of Markdown that reads well in a terminal too.
struct Report {
    let masking: [MaskingBenchmark.Line]
    let utf8: [UTF8Benchmark.Line]
    let endpoint: [EndpointBenchmark.Line]
    let handshake: [HandshakeBenchmark.Line]
    let compressionLevels: [CompressionBenchmark.Line]
    let compressionSizes: [CompressionBenchmark.Line]

    /// What the figures are held to.
    struct Goal {
        let what: String
        let wanted: Double
        let measured: Double
        var isMet: Bool { measured >= wanted }
    }

    /// The worst of the medians counts.
    var goals: [Goal] {
        func worst(_ ratios: [Double]) -> Double { ratios.min() ?? .nan }
        return [
            Goal(
                what: "masking, out of cache, of memcpy",
                wanted: 0.8,
                measured: worst(masking.filter { !$0.isCached }.map(\.comparison.ratio.median))
            ),
            Goal(
                what: "validating ASCII, out of cache, of memcpy",
                wanted: 0.5,
                measured: worst(
                    utf8.filter { !$0.isCached && $0.text == .ascii }.map(\.comparison.ratio.median)
                )
            ),
        ]
    }

    var text: String {
        """
        ## The protocol core

        Speeds drift with whatever else the machine does; ratios hold. Each ratio is of two operations that take turns on the same bytes, round by round; the figure is the median of all rounds, with the lowest and highest beside it.

        ### Goals

        \(table(["goal", "wanted", "measured", ""], goals.map { goal in
            [goal.what, "≥ \(decimal(goal.wanted, 2))", decimal(goal.measured, 2), goal.isMet ? "met" : "**missed**"]
        }))

        ### Masking

        In place, beside `memcpy` of the same bytes to another place; out of cache, where memory is what limits both, being in place is an advantage. "+3" is three bytes past the alignment of a page.

        \(table(["bytes", "masking GB/s", "memcpy GB/s", "ratio", "lowest–highest"], masking.map { line in
            [size(line.size, line.isCached) + (line.misalignment == 0 ? "" : " +\(line.misalignment)")]
                + columns(line.comparison)
        }))

        ### UTF-8 validation

        Beside `memcpy` of the same bytes.

        \(table(["text", "bytes", "validation GB/s", "memcpy GB/s", "ratio", "lowest–highest"], utf8.map { line in
            [line.text.rawValue, size(line.size, line.isCached) + (line.misalignment == 0 ? "" : " +\(line.misalignment)")]
                + columns(line.comparison)
        }))

        ### Messages

        Without any I/O: what it costs to parse, unmask and check a message, and to frame one. Receiving includes a copy of the bytes, as a read from a socket would. Allocations are calls of malloc, per message received and sent.

        \(table(["role", "message", "receive ns", "send ns", "allocations"], endpoint.map { line in
            [
                "\(line.role)", "\(line.kind), \(line.size) B", decimal(line.receive.median, 0),
                decimal(line.send.median, 0), line.allocations.map { decimal($0, 3) } ?? "not told",
            ]
        }))

        ### The opening handshake

        A server's half, without any I/O: reading and checking the request, then agreeing on compression and writing the answer. Allocations as above, per handshake.

        \(table(["request", "bytes", "read ns", "answer ns", "allocations"], handshake.map { line in
            [
                line.request, "\(line.size)", decimal(line.read.median, 0), decimal(line.answer.median, 0),
                line.allocations.map { decimal($0, 1) } ?? "not told",
            ]
        }))

        ### Compression

        JSON-like messages, sent by one endpoint and read by another. "Ratio" is payload over bytes on the wire. The default is level 1, each message by itself. Messages of 1 KiB:

        \(table(["level", "memory", "ratio", "send ns", "receive ns", "messages/s, one core"], compressionLevels.map { line in
            [
                line.level.map { "\($0)" } ?? "off", line.keepsContext ? "connection" : "message",
            ] + columns(line)
        }))

        Messages of every size, plain and at the default level: from which size compressing pays is what `DeflateOptions.threshold` is set by.

        \(table(["bytes", "level", "ratio", "send ns", "receive ns", "messages/s, one core"], compressionSizes.map { line in
            [size(line.size, true), line.level.map { "\($0)" } ?? "off"] + columns(line)
        }))

        """
    }

    private func columns(_ comparison: Comparison) -> [String] {
        [
            decimal(comparison.subject.median, 1), decimal(comparison.reference.median, 1),
            decimal(comparison.ratio.median, 2),
            "\(decimal(comparison.ratio.lowest, 2))–\(decimal(comparison.ratio.highest, 2))",
        ]
    }

    private func columns(_ line: CompressionBenchmark.Line) -> [String] {
        [
            decimal(line.ratio, 2), decimal(line.send.median, 0), decimal(line.receive.median, 0),
            decimal(1e9 / (line.send.median + line.receive.median), 0),
        ]
    }

    private func size(_ bytes: Int, _ isCached: Bool) -> String {
        let text =
            bytes >= 1 << 20 ? "\(bytes >> 20) MiB" : bytes >= 1 << 10 ? "\(bytes >> 10) KiB" : "\(bytes) B"
        return isCached ? text : "\(text), out of cache"
    }

    private func decimal(_ number: Double, _ places: Int) -> String {
        guard number.isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((number * scale).rounded())
        guard places > 0 else { return "\(scaled)" }
        let digits = String(scaled)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return "\(padded.dropLast(places)).\(padded.suffix(places))"
    }

    /// Columns padded to one width, so that the source reads like the page.
    private func table(_ head: [String], _ rows: [[String]]) -> String {
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return "| " + padded.joined(separator: " | ") + " |"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
        return ([line(head), rule] + rows.map(line)).joined(separator: "\n")
    }
}
