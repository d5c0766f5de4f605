#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

extension ScriptContext {
    /// An ArrayBuffer with these bytes in it, without a copy.
    ///
    /// - Parameter bytes: must not be used any more, since JavaScript may write into them.
    func arrayBuffer(_ bytes: consuming [UInt8]) throws(ScriptError) -> ScriptValue {
        let kept = KeptBytes(bytes)
        let count = kept.count
        let pointer = kept.pointer
        let owner = Unmanaged.passRetained(kept).toOpaque()
        // When the call fails, the library calls the deallocator as well.
        return try checked {
            JSObjectMakeArrayBufferWithBytesNoCopy(
                reference,
                pointer,
                count,
                { _, owner in owner.map { Unmanaged<KeptBytes>.fromOpaque($0).release() } },
                owner,
                &$0
            )
        }
    }
}

/// The bytes of an ArrayBuffer. An array's elements are in an object on the heap, and stay where they are for as long as
/// that is held and not changed through the array.
private final class KeptBytes: Sendable {
    private let bytes: [UInt8]
    let count: Int

    init(_ bytes: consuming [UInt8]) {
        count = bytes.count
        // The empty array has no place in memory, and the library wants one.
        self.bytes = count == 0 ? [0] : bytes
    }

    var pointer: UnsafeMutableRawPointer? {
        bytes.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
    }
}

extension NativeCall {
    /// A copy of the bytes that a Uint8Array is a view of; nothing for any other value.
    func bytes(_ index: Int) -> [UInt8] {
        guard let value = argument(index) else { return [] }
        let api = context.reference
        var exception: JSValueRef?
        guard JSValueGetTypedArrayType(api, value, &exception) == kJSTypedArrayTypeUint8Array else {
            return []
        }
        let count = JSObjectGetTypedArrayByteLength(api, value, &exception)
        guard count > 0, let start = JSObjectGetTypedArrayBytesPtr(api, value, &exception) else { return [] }
        // The pointer is to the first byte of the view, and good until JavaScript runs again.
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}
