#if os(Linux)
import CJavaScriptCore
#else
import JavaScriptCore
#endif

/// A string of JavaScriptCore: UTF-16 that need not be well formed, or bytes of Latin-1 inside.
final class ScriptString {
    let reference: JSStringRef

    init(owning reference: JSStringRef) { self.reference = reference }
    deinit { JSStringRelease(reference) }

    convenience init(_ text: String) {
        // With a NUL in it, a C string would end early.
        guard text.utf8.contains(0) else {
            self.init(owning: text.withCString { JSStringCreateWithUTF8CString($0) })
            return
        }
        self.init(utf16: Array(text.utf16))
    }

    /// A string of bytes that are known to be UTF-8. The library keeps ASCII as bytes and decodes the rest once.
    convenience init(utf8 bytes: [UInt8]) {
        guard bytes.contains(0) else {
            self.init(
                owning: withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
                    bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
                    buffer[bytes.count] = 0
                    return JSStringCreateWithUTF8CString(buffer.baseAddress)
                }
            )
            return
        }
        self.init(utf16: Array(String(decoding: bytes, as: UTF8.self).utf16))
    }

    private convenience init(utf16 units: [UInt16]) {
        self.init(owning: JSStringCreateWithCharacters(units, units.count))
    }

    private var units: UnsafeBufferPointer<UInt16> {
        UnsafeBufferPointer(start: JSStringGetCharactersPtr(reference), count: JSStringGetLength(reference))
    }

    /// The text; a surrogate without its partner becomes U+FFFD.
    var text: String { String(decoding: units, as: UTF16.self) }

    /// The text as UTF-8. Surrogates must all have their partners: the library's own conversion, which need not widen
    /// what it keeps as bytes, would say nothing of it.
    var utf8: [UInt8] {
        let most = JSStringGetMaximumUTF8CStringSize(reference)
        return [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            count = buffer.withMemoryRebound(to: CChar.self) { characters in
                // It counts the NUL that it ends with.
                max(1, JSStringGetUTF8CString(reference, characters.baseAddress, most)) - 1
            }
        }
    }
}
