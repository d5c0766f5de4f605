#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

/// A global context of JavaScriptCore, kept for as long as anything in Swift refers to it.
///
/// What is unsafe about the C API stays in this folder: who owns a value, how long a pointer is good, what was thrown.
final class ScriptContext {
    let reference: JSGlobalContextRef
    /// Makes text of a thrown value that is no error.
    var inspect: ((ScriptValue) -> String?)?

    init(_ reference: JSGlobalContextRef) {
        self.reference = reference
        JSGlobalContextRetain(reference)
    }

    deinit { JSGlobalContextRelease(reference) }

    // MARK: Making values

    var global: ScriptValue { ScriptValue(JSContextGetGlobalObject(reference), in: self) }
    var undefined: ScriptValue { ScriptValue(JSValueMakeUndefined(reference), in: self) }
    func value(_ flag: Bool) -> ScriptValue { ScriptValue(JSValueMakeBoolean(reference, flag), in: self) }
    func value(_ number: Double) -> ScriptValue {
        ScriptValue(JSValueMakeNumber(reference, number), in: self)
    }
    func value(_ number: Int) -> ScriptValue { value(Double(number)) }

    func value(_ text: String) -> ScriptValue {
        let string = ScriptString(text)
        return ScriptValue(JSValueMakeString(reference, string.reference), in: self)
    }

    /// A string of bytes that are known to be UTF-8.
    func text(_ bytes: [UInt8]) -> ScriptValue {
        let string = ScriptString(utf8: bytes)
        return ScriptValue(JSValueMakeString(reference, string.reference), in: self)
    }

    func array(_ values: [ScriptValue]) throws(ScriptError) -> ScriptValue {
        let references = values.map { Optional($0.reference) }
        return try withExtendedLifetime(values) { () throws(ScriptError) -> ScriptValue in
            try checked { JSObjectMakeArray(reference, references.count, references, &$0) }
        }
    }

    func object() -> ScriptValue { ScriptValue(JSObjectMake(reference, nil, nil), in: self) }

    // MARK: Running

    /// Evaluates a script. At the outermost level, its microtasks have run when this returns.
    @discardableResult
    func evaluate(_ script: Script) throws(ScriptError) -> ScriptValue {
        let source = ScriptString(script.source)
        let name = ScriptString(script.name)
        return try checked {
            JSEvaluateScript(reference, source.reference, nil, name.reference, Int32(script.line), &$0)
        }
    }

    /// Calls `body`, which stores what was thrown.
    func checked(_ body: (inout JSValueRef?) -> JSValueRef?) throws(ScriptError) -> ScriptValue {
        var exception: JSValueRef?
        let result = body(&exception)
        if let exception { throw error(ScriptValue(exception, in: self)) }
        guard let result else { return undefined }
        return ScriptValue(result, in: self)
    }

    private func error(_ value: ScriptValue) -> ScriptError {
        // What inspecting throws is not inspected in its turn.
        let inspect = inspect
        self.inspect = nil
        defer { self.inspect = inspect }
        return ScriptError(value, inspect: inspect)
    }

    // MARK: Garbage

    /// Collects garbage before it returns, where the library can be told so.
    func collectGarbage() {
        #if os(Linux)
        JSSynchronousGarbageCollectForDebugging(reference)
        #else
        JSGarbageCollect(reference)
        #endif
    }

    /// Has a function called for each promise whose rejection nobody has handled once the microtasks have run.
    ///
    /// - Returns: whether the library can.
    func setUnhandledRejectionHandler(_ function: ScriptValue) -> Bool {
        #if os(Linux)
        var exception: JSValueRef?
        JSGlobalContextSetUnhandledRejectionCallback(reference, function.reference, &exception)
        return exception == nil
        #else
        // Only in a header of Apple's that is not public.
        return false
        #endif
    }
}

/// A script to be evaluated.
public struct Script: Sendable, Hashable {
    /// The text of it.
    public var source: String
    /// What errors call it: a path or a URL.
    public var name: String
    /// The number of its first line.
    public var line: Int

    public init(_ source: String, name: String, line: Int = 1) {
        self.source = source
        self.name = name
        self.line = line
    }
}
