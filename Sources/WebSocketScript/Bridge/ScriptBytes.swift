#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

/// Bytes that JavaScript sees as an ArrayBuffer, without a copy.
///
/// An array's elements are in an object on the heap, and stay where they are for as long as that is held and not changed
/// through the array.
final class SharedBytes: @unchecked Sendable {
    // Sendable: the array never changes; JavaScript may write into its memory, on the actor that Swift reads it on.
    private let storage: [UInt8]
    let count: Int

    init(_ bytes: consuming [UInt8]) {
        count = bytes.count
        // The empty array has no place in memory, and the library wants one.
        storage = count == 0 ? [0] : bytes
    }

    /// Bytes that are yet to be written.
    convenience init(count: Int) {
        self.init([UInt8](unsafeUninitializedCapacity: count) { $1 = count })
    }

    /// All of them, without a copy; JavaScript must not write into them any more.
    var array: [UInt8] { count == 0 ? [] : storage }

    /// A copy of the first.
    func prefix(_ count: Int) -> [UInt8] { storage.withUnsafeBytes { [UInt8]($0.prefix(count)) } }

    fileprivate var pointer: UnsafeMutableRawPointer? {
        storage.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
    }
}

extension ScriptContext {
    /// An ArrayBuffer with these bytes in it.
    func arrayBuffer(_ bytes: SharedBytes) throws(ScriptError) -> ScriptValue {
        let owner = Unmanaged.passRetained(bytes).toOpaque()
        // When the call fails, the library calls the deallocator as well.
        return try checked {
            JSObjectMakeArrayBufferWithBytesNoCopy(
                reference,
                bytes.pointer,
                bytes.count,
                { _, owner in owner.map { Unmanaged<SharedBytes>.fromOpaque($0).release() } },
                owner,
                &$0
            )
        }
    }

    /// An ArrayBuffer of a message's bytes, which nobody else uses any more.
    func arrayBuffer(_ bytes: consuming [UInt8]) throws(ScriptError) -> ScriptValue {
        try arrayBuffer(SharedBytes(bytes))
    }
}

// Bytes from JavaScript are copied there, into memory of Swift's. The C interface would give a pointer to a buffer's
// memory, too, but a buffer that it was asked for can never be transferred again.
extension ScriptHost {
    func defineBytes(_ define: Definer) {
        let scratch = scratch
        define("scratch") { host, _ in try host.context.arrayBuffer(scratch) }
        // (length) → [buffer, handle]
        define("makeBytes") { host, call in
            let bytes = SharedBytes(count: max(0, call.integer(0)))
            return try host.context.array([host.context.arrayBuffer(bytes), host.context.handle(bytes)])
        }
    }

    /// What `host.handOver` made of some bytes: how many there are in the scratch buffer, or a buffer of their own.
    func bytes(_ call: NativeCall, _ index: Int) -> [UInt8] {
        guard let own: SharedBytes = call.handle(index) else { return scratch.prefix(call.integer(index)) }
        return own.array
    }
}
