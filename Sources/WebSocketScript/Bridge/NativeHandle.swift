#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

extension ScriptContext {
    /// An object that holds one of Swift's until it is collected, which may be on any thread.
    func handle(_ object: some AnyObject & Sendable) -> ScriptValue {
        let data = Unmanaged.passRetained(object as AnyObject).toOpaque()
        return ScriptValue(JSObjectMake(reference, handleClass, data), in: self)
    }

    /// What a handle holds; `nil` for any other value.
    func handled(_ value: JSValueRef) -> AnyObject? {
        guard let handleClass, JSValueIsObjectOfClass(reference, value, handleClass),
            let data = JSObjectGetPrivate(value)
        else { return nil }
        return Unmanaged<AnyObject>.fromOpaque(data).takeUnretainedValue()
    }
}

// A class is shared by all contexts, which the library allows in all threads; it is never released.
nonisolated(unsafe) private let handleClass: JSClassRef? = {
    var definition = JSClassDefinition()
    definition.attributes = JSClassAttributes(kJSClassAttributeNoAutomaticPrototype)
    definition.finalize = { object in
        guard let data = JSObjectGetPrivate(object) else { return }
        Unmanaged<AnyObject>.fromOpaque(data).release()
    }
    return JSClassCreate(&definition)
}()
