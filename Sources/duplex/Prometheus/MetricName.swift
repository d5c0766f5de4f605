/// Names as Prometheus has them: ASCII letters, digits and underscores, no digit in front; a metric's may have colons.
enum MetricName {
    static func metric(_ text: String) -> String { sanitised(text, allowingColons: true) }

    static func label(_ text: String) -> String {
        let name = sanitised(text, allowingColons: false)
        // Prometheus puts a bucket's bound there.
        return name == "le" ? "exported_le" : name
    }

    /// - Parameter suffix: what the name ends with, unless it does already.
    static func metric(_ text: String, endingWith suffix: String) -> String {
        let name = metric(text)
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    private static func sanitised(_ text: String, allowingColons: Bool) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(scalar)
            case "0"..."9":
                if name.isEmpty { name = "_" }
                name.unicodeScalars.append(scalar)
            case ":" where allowingColons: name.unicodeScalars.append(scalar)
            default: name += "_"
            }
        }
        return name.isEmpty ? "_" : name
    }
}

/// The labels of one series, in the order of their names.
struct MetricLabels: Hashable, Sendable {
    private let pairs: [Pair]

    private struct Pair: Hashable {
        let name: String
        let value: String
    }

    /// Of two with one name the later counts.
    init(_ dimensions: [(String, String)]) {
        var values: [String: String] = [:]
        for (name, value) in dimensions { values[MetricName.label(name)] = value }
        pairs = values.map { Pair(name: $0, value: $1) }.sorted { $0.name < $1.name }
    }

    /// `{path="/echo",le="0.5"}`, or nothing.
    func text(bound: String? = nil) -> String {
        var texts = pairs.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
        if let bound { texts.append("le=\"\(bound)\"") }
        return texts.isEmpty ? "" : "{\(texts.joined(separator: ","))}"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

/// A number as the text format has it.
func metricText(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // Whole numbers without a fraction, as far as a double counts them one by one.
    if value.magnitude < 0x1p53, value == value.rounded() { return "\(Int64(value))" }
    return "\(value)"
}
