/// How the files of a directory are served. See ``WebSocketServer/files(at:in:_:)``.
public struct FileOptions: Sendable, Hashable {
    /// What becomes of symbolic links below the directory. One in the directory's own path is the operator's word, and
    /// is always followed.
    public enum SymbolicLinks: Sendable, Hashable {
        /// They are not there.
        case refused
        /// Those that lead to something in the directory are followed; the others are not there. Linux 5.6 and later
        /// looks to that itself; elsewhere none is followed.
        case withinDirectory
    }

    /// The `Cache-Control` of every file. Default `no-cache`: a client keeps what it has, and asks each time whether
    /// that is still so, which costs a round trip and no content. `nil` leaves it to the client's guess.
    public var cacheControl: String?
    /// The file that stands for its folder. Default `index.html`; `nil` for none. Folders are never listed.
    public var index: String?
    /// Whether names that begin with a dot are served. Default no: `.git` and `.env` are no web pages.
    public var servesHidden: Bool
    /// Default: refused.
    public var symbolicLinks: SymbolicLinks
    /// Media types by ending, in lower case and without the dot. They win over the usual ones.
    public var mediaTypes: [String: String]
    /// How long a client may take nothing of a file before the connection is cut. Default 30 s. Meanwhile the file
    /// stays open, and 64 KiB of it are in memory.
    public var stallTimeout: Duration

    /// - Parameters: see the properties of the same names.
    public init(
        cacheControl: String? = "no-cache",
        index: String? = "index.html",
        servesHidden: Bool = false,
        symbolicLinks: SymbolicLinks = .refused,
        mediaTypes: [String: String] = [:],
        stallTimeout: Duration = .seconds(30)
    ) {
        self.cacheControl = cacheControl
        self.index = index
        self.servesHidden = servesHidden
        self.symbolicLinks = symbolicLinks
        self.mediaTypes = mediaTypes
        self.stallTimeout = stallTimeout
    }
}
