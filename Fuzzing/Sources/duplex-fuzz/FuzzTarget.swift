/// Something that takes bytes from a peer, and what must hold whatever the bytes are.
///
/// A new target is a file in `Targets/` and a line in ``FuzzTargets/all``.
protocol FuzzTarget: SendableMetatype {
    /// As `make fuzz` calls it, and as its folder in `Corpus/` is called.
    static var name: String { get }

    /// The longest input worth trying, in bytes.
    static var maxLength: Int { get }

    /// Where to begin, besides the files in `Corpus/`.
    static var seeds: [[UInt8]] { get }

    /// What mere chance would hardly spell.
    static var words: [String] { get }

    /// Ends the program when something does not hold.
    static func run(_ input: [UInt8])
}

extension FuzzTarget {
    static var maxLength: Int { 2048 }
    static var seeds: [[UInt8]] { [] }
    static var words: [String] { [] }
}

enum FuzzTargets {
    static let all: [any FuzzTarget.Type] = [
        FrameTarget.self,
        CompressedFrameTarget.self,
        MessageTarget.self,
        RequestTarget.self,
        ResponseTarget.self,
        ExtensionTarget.self,
    ]
}
