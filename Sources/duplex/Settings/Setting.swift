import ArgumentParser

/// One thing about `duplex serve` that can be set: by a flag, in the environment, in a file.
///
/// All of them stand in ``Settings``; flags, names in the environment, keys of the file, the help and the table in
/// `docs/configuration.md` come from there.
struct Setting<Value: Sendable>: Sendable {
    let entry: SettingEntry
    private let read: @Sendable ([String]) -> Value?
    private let fallback: [String]

    /// A text that is no value of this setting.
    struct Wrong: Error {
        let text: String
    }

    /// - Parameter texts: what was set, if anything was.
    func value(of texts: [String]?) throws(Wrong) -> Value {
        let texts = texts ?? fallback
        guard let value = read(texts) else { throw Wrong(text: texts.joined(separator: ", ")) }
        return value
    }
}

/// Where a flag is declared.
typealias FlagPath<Value> = any KeyPath<ServeFlags, Value> & Sendable

/// What is to be known of a setting without its value's type.
struct SettingEntry: Sendable {
    /// `max-message-size`: the flag's name, and the file's key.
    let name: String
    let shortFlag: Character?
    let placeholder: String
    let expected: String
    /// In words or as it would be set; empty for what is off.
    let fallback: String
    let help: String
    /// What is in force when it is ``off``, in words; `nil` where that is no value of its own.
    let whenOff: String?
    let flag: Flag

    /// Where the flag is declared, and of which kind it is.
    enum Flag: Sendable {
        case one(FlagPath<String?>)
        /// Repeated on the command line, separated by commas in the environment, an array in the file.
        case many(FlagPath<[String]>)
        /// Without a value on the command line, `true` or `false` elsewhere.
        case toggle(FlagPath<Bool?>)
    }

    var variable: String {
        "DUPLEX_\(name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined())"
    }

    var isList: Bool { if case .many = flag { true } else { false } }

    /// What the command line says of it.
    func texts(in flags: ServeFlags) -> [String]? {
        switch flag {
        case .one(let path): flags[keyPath: path].map { [$0] }
        case .many(let path): flags[keyPath: path].isEmpty ? nil : flags[keyPath: path]
        case .toggle(let path): flags[keyPath: path].map { ["\($0)"] }
        }
    }

    /// What is behind the placeholder.
    fileprivate var orOff: String { whenOff != nil ? "|\(off)" : "" }

    /// As a line of the table in `docs/configuration.md`.
    var documentation: String {
        let value = placeholder.isEmpty ? "" : " \(placeholder.uppercasedUnlessChoice)\(orOff)"
        var flags = "`--\(name)\(value)`"
        if let shortFlag { flags += ", `-\(shortFlag)`" }
        let cells = [flags, "`\(variable)`", fallback.isEmpty ? "off" : fallback, help]
        return "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |"
    }
}

extension String {
    /// `PORT`, but `nio|epoll`: words to choose from are written as they are.
    fileprivate var uppercasedUnlessChoice: String { contains("|") ? self : uppercased() }
}

// MARK: - The kinds of settings

extension Setting {
    /// With a default that is written as people would write it.
    init(
        _ name: String,
        _ form: Form<Value>,
        default fallback: String,
        _ help: String,
        flag: FlagPath<String?>
    ) {
        self.init(
            entry: .init(
                name: name,
                shortFlag: nil,
                placeholder: form.placeholder,
                expected: form.expected,
                fallback: fallback,
                help: help,
                whenOff: form.takesOff ? off : nil,
                flag: .one(flag)
            ),
            read: { texts in texts.last.flatMap(form.read) },
            fallback: [fallback]
        )
    }

    /// That need not be set.
    ///
    /// - Parameter unset: what is when it is not, in words.
    init<Wrapped>(
        _ name: String,
        _ form: Form<Wrapped>,
        unset: String,
        _ help: String,
        flag: FlagPath<String?>
    ) where Value == Wrapped? {
        let form = form.orOff
        self.init(
            entry: .init(
                name: name,
                shortFlag: nil,
                placeholder: form.placeholder,
                expected: form.expected,
                fallback: unset,
                help: help,
                whenOff: unset,
                flag: .one(flag)
            ),
            read: { texts in
                guard let text = texts.last else { return .some(nil) }
                return form.read(text)
            },
            fallback: []
        )
    }

    /// Any number of them. Alone, ``off`` is a list with nothing in it.
    init<Element>(
        _ name: String,
        listOf form: Form<Element>,
        unset: String,
        _ help: String,
        flag: FlagPath<[String]>
    ) where Value == [Element] {
        self.init(
            entry: .init(
                name: name,
                shortFlag: nil,
                placeholder: form.placeholder,
                expected: form.expected,
                fallback: unset,
                help: help,
                whenOff: unset,
                flag: .many(flag)
            ),
            read: { texts in
                if texts == [off] { return [] }
                let values = texts.compactMap(form.read)
                return values.count == texts.count ? values : nil
            },
            fallback: []
        )
    }
}

extension Setting<Bool> {
    /// That is off unless it is switched on.
    init(
        _ name: String,
        short: Character? = nil,
        _ help: String,
        flag: FlagPath<Bool?>
    ) {
        let form = Form<Bool>.toggle
        self.init(
            entry: .init(
                name: name,
                shortFlag: short,
                placeholder: "",
                expected: form.expected,
                fallback: "",
                help: help,
                whenOff: nil,
                flag: .toggle(flag)
            ),
            read: { texts in texts.last.flatMap(form.read) },
            fallback: ["false"]
        )
    }
}

// MARK: - As flags

extension SettingEntry {
    fileprivate var argumentHelp: ArgumentHelp {
        ArgumentHelp(
            "\(help)\(fallback.isEmpty ? "" : " (default: \(fallback))")",
            valueName: "\(placeholder)\(orOff)"
        )
    }

    fileprivate var names: NameSpecification {
        guard let shortFlag else { return [.customLong(name)] }
        return [.customLong(name), .customShort(shortFlag)]
    }
}

extension Option where Value == String? {
    init(_ setting: Setting<some Sendable>) {
        self.init(name: setting.entry.names, help: setting.entry.argumentHelp)
    }
}

extension Option where Value == [String] {
    init(wrappedValue: [String], _ setting: Setting<some Sendable>) {
        self.init(
            wrappedValue: wrappedValue,
            name: setting.entry.names,
            parsing: .singleValue,
            help: setting.entry.argumentHelp
        )
    }
}

extension Flag where Value == Bool? {
    init(_ setting: Setting<Bool>) {
        self.init(
            name: setting.entry.names,
            inversion: .prefixedNo,
            exclusivity: .chooseLast,
            help: setting.entry.argumentHelp
        )
    }
}
