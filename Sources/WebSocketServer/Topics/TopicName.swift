/// A topic's name, compared byte by byte: to Swift's strings "K" and the Kelvin sign are the same.
struct TopicName: Hashable, Sendable {
    let text: String

    /// - Throws: ``TopicError/nameTooLong(bytes:limit:)``.
    init(_ text: String, limit: Int) throws(TopicError) {
        var text = text
        text.makeContiguousUTF8()
        guard text.utf8.count <= limit else { throw .nameTooLong(bytes: text.utf8.count, limit: limit) }
        self.text = text
    }

    static func == (one: TopicName, other: TopicName) -> Bool {
        one.text.utf8.count == other.text.utf8.count && one.text.utf8.elementsEqual(other.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        // Made contiguous above, so there is storage.
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
