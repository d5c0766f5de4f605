#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

/// A value of JavaScript, kept from the garbage collector while Swift holds it.
final class ScriptValue {
    let reference: JSValueRef
    let context: ScriptContext

    init(_ reference: JSValueRef, in context: ScriptContext) {
        self.reference = reference
        self.context = context
        JSValueProtect(context.reference, reference)
    }

    deinit { JSValueUnprotect(context.reference, reference) }

    private var api: JSGlobalContextRef { context.reference }

    // MARK: What it is

    var isUndefined: Bool { JSValueIsUndefined(api, reference) }
    var isObject: Bool { JSValueIsObject(api, reference) }
    var isString: Bool { JSValueIsString(api, reference) }
    var isNumber: Bool { JSValueIsNumber(api, reference) }

    /// As `Boolean(value)`.
    var flag: Bool { JSValueToBoolean(api, reference) }

    /// As `Number(value)`; not a number if that throws.
    var number: Double {
        var exception: JSValueRef?
        return JSValueToNumber(api, reference, &exception)
    }

    /// As `String(value)`; `nil` if that throws.
    var text: String? {
        var exception: JSValueRef?
        guard let string = JSValueToStringCopy(api, reference, &exception), exception == nil else {
            return nil
        }
        return ScriptString(owning: string).text
    }

    // MARK: As an object

    /// A property; `undefined` if there is none, or getting it throws.
    subscript(name: String) -> ScriptValue {
        var exception: JSValueRef?
        let key = ScriptString(name)
        guard isObject, let found = JSObjectGetProperty(api, reference, key.reference, &exception),
            exception == nil
        else { return context.undefined }
        return ScriptValue(found, in: context)
    }

    /// Sets a property of an object that Swift made, which nothing can keep from being set.
    func set(_ name: String, _ value: ScriptValue) {
        let key = ScriptString(name)
        var exception: JSValueRef?
        JSObjectSetProperty(api, reference, key.reference, value.reference, 0, &exception)
    }

    /// Calls a function. At the outermost level, its microtasks have run when this returns.
    @discardableResult
    func call(_ arguments: [ScriptValue] = []) throws(ScriptError) -> ScriptValue {
        let references = arguments.map { Optional($0.reference) }
        return try withExtendedLifetime(arguments) { () throws(ScriptError) -> ScriptValue in
            try context.checked {
                JSObjectCallAsFunction(api, reference, nil, references.count, references, &$0)
            }
        }
    }
}
