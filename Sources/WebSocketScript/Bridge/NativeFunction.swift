#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

/// A call of a function that is written in Swift: its arguments, good until it returns.
struct NativeCall {
    let context: ScriptContext
    private let arguments: UnsafeBufferPointer<JSValueRef?>

    fileprivate init(_ context: ScriptContext, _ arguments: UnsafeBufferPointer<JSValueRef?>) {
        self.context = context
        self.arguments = arguments
    }

    func argument(_ index: Int) -> JSValueRef? { index < arguments.count ? arguments[index] : nil }

    func value(_ index: Int) -> ScriptValue {
        argument(index).map { ScriptValue($0, in: context) } ?? context.undefined
    }

    func number(_ index: Int) -> Double {
        guard let value = argument(index) else { return .nan }
        var exception: JSValueRef?
        return JSValueToNumber(context.reference, value, &exception)
    }

    /// A number as an integer; 0 for what is none.
    func integer(_ index: Int) -> Int { Int(exactly: number(index).rounded(.towardZero)) ?? 0 }

    func flag(_ index: Int) -> Bool {
        argument(index).map { JSValueToBoolean(context.reference, $0) } ?? false
    }

    func isUndefined(_ index: Int) -> Bool {
        argument(index).map { JSValueIsUndefined(context.reference, $0) } ?? true
    }

    func isString(_ index: Int) -> Bool {
        argument(index).map { JSValueIsString(context.reference, $0) } ?? false
    }

    private func scriptString(_ index: Int) -> ScriptString? {
        guard let value = argument(index) else { return nil }
        var exception: JSValueRef?
        return JSValueToStringCopy(context.reference, value, &exception).map { ScriptString(owning: $0) }
    }

    func text(_ index: Int) -> String { scriptString(index)?.text ?? "" }

    /// A string, which the script has made well formed, as UTF-8.
    func utf8(_ index: Int) -> [UInt8] { scriptString(index)?.utf8 ?? [] }

    /// An array of strings.
    func texts(_ index: Int) -> [String] {
        let array = value(index)
        guard let count = Int(exactly: array["length"].number), count > 0 else { return [] }
        return (0..<count).map { array[String($0)].text ?? "" }
    }

    /// The object of Swift's in a handle.
    func handle<Object: AnyObject>(_ index: Int, as type: Object.Type = Object.self) -> Object? {
        argument(index).flatMap { context.handled($0) as? Object }
    }
}

/// What a native function does.
typealias NativeBody = (NativeCall) throws -> ScriptValue?

extension ScriptContext {
    /// A function object that calls `body`. It holds what `body` captures until it is collected.
    ///
    /// - Parameter thrown: makes what is thrown in JavaScript of an error that `body` throws.
    func function(
        throwing thrown: @escaping (any Error) -> ScriptValue?,
        _ body: @escaping NativeBody
    ) -> ScriptValue {
        let function = NativeFunction(context: self, body: body, thrown: thrown)
        let data = Unmanaged.passRetained(function).toOpaque()
        return ScriptValue(JSObjectMake(reference, NativeFunction.scriptClass, data), in: self)
    }
}

/// What is behind a function object.
private final class NativeFunction {
    /// Weak: the function object belongs to the context, so the context would never go.
    private weak var context: ScriptContext?
    private let body: NativeBody
    private let thrown: (any Error) -> ScriptValue?

    init(context: ScriptContext, body: @escaping NativeBody, thrown: @escaping (any Error) -> ScriptValue?) {
        self.context = context
        self.body = body
        self.thrown = thrown
    }

    // A class is shared by all contexts, which the library allows in all threads; it is never released.
    nonisolated(unsafe) static let scriptClass: JSClassRef? = {
        var definition = JSClassDefinition()
        definition.attributes = JSClassAttributes(kJSClassAttributeNoAutomaticPrototype)
        definition.finalize = { object in
            guard let data = JSObjectGetPrivate(object) else { return }
            Unmanaged<NativeFunction>.fromOpaque(data).release()
        }
        definition.callAsFunction = { _, function, _, count, arguments, exception in
            guard let data = JSObjectGetPrivate(function) else { return nil }
            let native = Unmanaged<NativeFunction>.fromOpaque(data).takeUnretainedValue()
            return native.call(UnsafeBufferPointer(start: arguments, count: count), exception)
        }
        return JSClassCreate(&definition)
    }()

    private func call(
        _ arguments: UnsafeBufferPointer<JSValueRef?>,
        _ exception: UnsafeMutablePointer<JSValueRef?>?
    ) -> JSValueRef? {
        // Without its context there is nobody left in Swift: the function does nothing.
        guard let context else { return nil }
        do {
            // The reference is good without protection: the library looks for it on the stack.
            return (try body(NativeCall(context, arguments)) ?? context.undefined).reference
        } catch {
            exception?.pointee = thrown(error)?.reference ?? context.value("\(error)").reference
            return nil
        }
    }
}
