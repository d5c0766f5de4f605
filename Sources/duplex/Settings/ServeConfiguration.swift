import Configuration
import Synchronization

/// What the command line, the environment and a file say together: the first of them that says anything wins.
struct ServeConfiguration: Sendable {
    private let reader: ConfigReader
    private let layers: Layers
    private let file: ConfigurationFile?

    /// Where a value comes from.
    enum Origin: Int, Sendable {
        // In the order of the reader's providers.
        case flag
        case environment
        case file
        case fallback
    }

    /// Sees which provider a value comes from.
    private final class Layers: AccessReporter {
        private let origins = Mutex<[String: Origin]>([:])

        func report(_ event: AccessEvent) {
            let found = event.providerResults.firstIndex { (try? $0.result.get().value) != nil }
            let name = event.metadata.key.components.joined()
            origins.withLock { $0[name] = found.flatMap(Origin.init(rawValue:)) ?? .fallback }
        }

        subscript(name: String) -> Origin { origins.withLock { $0[name] ?? .fallback } }
    }

    init(
        _ flags: ServeFlags,
        environment: EnvironmentVariablesProvider = .init()
    ) throws(ConfigurationError) {
        // An environment that can be read is all there is; its provider's own error is for those that are not there.
        let variable = try? environment.environmentValue(forName: "DUPLEX_CONFIG")
        let path = flags.config ?? variable
        file = if let path { try ConfigurationFile.read(path) } else { nil }
        var arguments: [AbsoluteConfigKey: ConfigValue] = [:]
        for entry in Settings.all {
            guard let texts = entry.texts(in: flags) else { continue }
            let content: ConfigContent =
                entry.isList ? .stringArray(texts) : .string(texts[texts.endIndex - 1])
            arguments[AbsoluteConfigKey([entry.name])] = ConfigValue(content, isSecret: false)
        }
        layers = Layers()
        reader = ConfigReader(
            providers: [
                InMemoryProvider(name: "flags", values: arguments),
                environment.prefixKeys(with: ["duplex"]),
                InMemoryProvider(name: "file", values: file?.values ?? [:]),
            ],
            accessReporter: layers
        )
    }

    func value<Value>(of setting: Setting<Value>) throws(ConfigurationError) -> Value {
        do throws(Setting<Value>.Wrong) {
            return try setting.value(of: texts(of: setting.entry))
        } catch {
            throw wrong(setting.entry, "\(setting.entry.expected) was expected, not \"\(error.text)\"")
        }
    }

    /// Whether a setting is set anywhere, rather than what it is by default.
    func isSet(_ entry: SettingEntry) -> Bool { texts(of: entry) != nil }

    /// Whether one setting was set in a place that wins over another's.
    func outranks<One, Other>(_ one: Setting<One>, _ other: Setting<Other>) -> Bool {
        guard isSet(one.entry) else { return false }
        return !isSet(other.entry) || layers[one.entry.name].rawValue < layers[other.entry.name].rawValue
    }

    /// What is wrong about a value that is well-formed.
    func wrong(_ entry: SettingEntry, _ reason: String) -> ConfigurationError {
        ConfigurationError("\(place(of: entry)): \(reason)")
    }

    private func texts(of entry: SettingEntry) -> [String]? {
        let key = ConfigKey([entry.name])
        guard entry.isList else { return reader.string(forKey: key).map { [$0] } }
        // A variable that is there and empty is a list with nothing in it.
        return reader.stringArray(forKey: key).map { $0 == [""] ? [] : $0 }
    }

    /// Whence the value is that was read last.
    private func place(of entry: SettingEntry) -> String {
        switch layers[entry.name] {
        case .flag: "--\(entry.name)"
        case .environment: entry.variable
        case .file: "\(entry.name) in \(file?.path ?? "")"
        case .fallback: "--\(entry.name) by default"
        }
    }

    /// What is in force, a line for each setting, and whence it is.
    var listing: String {
        let rows = Settings.all.map { entry in
            let texts = texts(of: entry).map { texts in
                texts.isEmpty || texts == [off] ? entry.whenOff ?? off : texts.joined(separator: ",")
            }
            let fallback = entry.fallback.isEmpty ? off : entry.fallback
            let isDefault = layers[entry.name] == .fallback
            return (entry.name, texts ?? fallback, isDefault ? "default" : place(of: entry))
        }
        func padded(_ text: String, to width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        let names = rows.map(\.0.count).max() ?? 0
        let values = rows.map(\.1.count).max() ?? 0
        return rows.map { name, value, origin in
            "\(padded(name, to: names))  \(padded(value, to: values))  \(origin)\n"
        }.joined()
    }
}
