/// What a script threw, or what kept it from being parsed.
public struct ScriptError: Error, Sendable, Hashable {
    /// The name of the error, such as `TypeError`; empty for a thrown value that is no error.
    public let name: String
    /// The error's message, or the value that was thrown, as text.
    public let message: String
    /// The script it comes from, if that is known.
    public let file: String?
    /// The line, counted from 1.
    public let line: Int?
    /// The column, counted from 1; unknown where a script could not be parsed.
    public let column: Int?
    /// Where it was thrown, the innermost call first. The package's own scripts are left out.
    public let frames: [Frame]
    /// Whether it is the reason of a promise whose rejection nobody handled.
    public internal(set) var isRejection = false

    /// A call that was going on.
    public struct Frame: Sendable, Hashable, CustomStringConvertible {
        /// The function's name; empty for one without a name, and for the outermost code.
        public let function: String
        public let file: String
        public let line: Int
        public let column: Int

        public var description: String {
            let place = "\(file):\(line):\(column)"
            return function.isEmpty ? place : "\(function) (\(place))"
        }
    }

    init(
        name: String,
        message: String,
        file: String? = nil,
        line: Int? = nil,
        column: Int? = nil,
        frames: [Frame] = []
    ) {
        self.name = name
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.frames = frames
    }

    /// - Parameter inspect: makes text of a thrown value that is no error.
    init(_ value: ScriptValue, inspect: ((ScriptValue) -> String?)? = nil) {
        let (name, stack) = (value["name"], value["stack"])
        guard value.isObject, stack.isString || name.isString else {
            self.init(name: "", message: inspect?(value) ?? value.text ?? "something that has no text")
            return
        }
        let frames = stack.isString ? Self.frames(of: stack.text ?? "") : []
        let (source, line) = (value["sourceURL"], value["line"])
        // An error of the parser has no stack, since nothing ran, but says where.
        let isUnparsed = frames.isEmpty && source.isString && line.isNumber
        self.init(
            name: name.text ?? "Error",
            message: value["message"].text ?? "",
            file: isUnparsed ? source.text : frames.first?.file,
            line: isUnparsed ? Int(exactly: line.number) : frames.first?.line,
            column: frames.first?.column,
            frames: frames
        )
    }

    /// The lines of a stack as JavaScriptCore writes them: `function@file:line:column`.
    private static func frames(of stack: String) -> [Frame] {
        stack.split(separator: "\n").compactMap { line in
            let at = line.firstIndex(of: "@")
            let place = at.map { line[line.index(after: $0)...] } ?? line
            let parts = place.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count > 2, let row = Int(parts[parts.count - 2]),
                let column = Int(parts[parts.count - 1])
            else { return nil }
            let file = parts.dropLast(2).joined(separator: ":")
            guard !file.hasPrefix(Library.scheme) else { return nil }
            let function = at.map { String(line[..<$0]) } ?? ""
            let isOutermost = ["global code", "eval code", "module code", "anonymous"].contains(function)
            return Frame(function: isOutermost ? "" : function, file: file, line: row, column: column)
        }
    }
}

extension ScriptError: CustomStringConvertible {
    /// The place, the error and its stack, in as many lines as there are calls.
    public var description: String {
        var text = ""
        if let file {
            text += file
            if let line { text += ":\(line)" }
            if let column { text += ":\(column)" }
            text += ": "
        }
        if isRejection { text += "Unhandled rejection: " }
        text += name.isEmpty ? "Uncaught \(message)" : message.isEmpty ? name : "\(name): \(message)"
        for frame in frames { text += "\n    at \(frame)" }
        return text
    }
}
