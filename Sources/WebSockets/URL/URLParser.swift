/// The basic URL parser (URL Standard §4.4).
///
/// The states are the standard's, but each takes as many bytes at once as it can instead of one code point. Bytes
/// do, since all that has a meaning here is ASCII and all that is not is encoded byte by byte.
struct URLParser {
    enum State {
        case scheme
        case noScheme
        case specialRelativeOrAuthority
        case pathOrAuthority
        case relative
        case relativeSlash
        case specialAuthorityIgnoreSlashes
        case authority
        case host
        case hostname
        case port
        case file
        case fileSlash
        case fileHost
        case pathStart
        case path
        case opaquePath
        case query
        case fragment
    }

    /// What was parsed so far; after a failure, what a setter has to keep.
    private(set) var url: WebURL

    private let input: [UInt8]
    private let base: WebURL?
    private let start: State
    /// The standard's "state override is given": a setter parses a component, not a URL.
    private let isSetter: Bool
    private var position = 0

    init(_ text: String, base: WebURL?) {
        let bytes = Array(text.utf8)
        let first = bytes.firstIndex { $0 > 0x20 } ?? 0
        let last = bytes.lastIndex { $0 > 0x20 } ?? -1
        input = Self.withoutTabsAndNewlines(bytes[first..<(last + 1)])
        url = WebURL()
        self.base = base
        start = .scheme
        isSetter = false
    }

    init(_ text: String, changing url: WebURL, from state: State) {
        input = Self.withoutTabsAndNewlines(Array(text.utf8)[...])
        self.url = url
        base = nil
        start = state
        isSetter = true
    }

    private static func withoutTabsAndNewlines(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        bytes.filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
    }

    /// No state comes twice but for those that take input, so this ends.
    mutating func run() throws(URLParseFailure) {
        var next: State? = start
        while let state = next { next = try step(state) }
    }

    private mutating func step(_ state: State) throws(URLParseFailure) -> State? {
        switch state {
        case .scheme: scheme()
        case .noScheme: try noScheme()
        case .specialRelativeOrAuthority: specialRelativeOrAuthority()
        case .pathOrAuthority: pathOrAuthority()
        case .relative: relative()
        case .relativeSlash: relativeSlash()
        case .specialAuthorityIgnoreSlashes: specialAuthorityIgnoreSlashes()
        case .authority: try authority()
        case .host: try host(portMayFollow: true)
        case .hostname: try host(portMayFollow: false)
        case .port: try port()
        case .file: file()
        case .fileSlash: fileSlash()
        case .fileHost: try fileHost()
        case .pathStart: pathStart()
        case .path: path()
        case .opaquePath: opaquePath()
        case .query: query()
        case .fragment: fragment()
        }
    }

    /// `nil` is the standard's EOF code point.
    private var next: UInt8? { byte(at: position) }

    private func byte(at index: Int) -> UInt8? {
        index < input.count ? input[index] : nil
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func takesSlash(orBackslash: Bool) -> Bool {
        takes("/") || orBackslash && takes("\\")
    }

    /// Where, from here on, such a byte stands, or the input ends.
    private func firstIndex(where isEnd: (UInt8) -> Bool) -> Int {
        input[position...].firstIndex(where: isEnd) ?? input.count
    }

    private func endsAuthority(_ byte: UInt8, isSpecial: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): true
        case UInt8(ascii: "\\"): isSpecial
        default: false
        }
    }
}

// MARK: - The scheme, and what to do without one

extension URLParser {
    /// Scheme start state and scheme state.
    private mutating func scheme() -> State? {
        var end = 0
        if let first = next, first.isASCIILetter {
            end = firstIndex { !Self.isSchemeByte($0) }
        }
        guard end > 0, byte(at: end) == UInt8(ascii: ":") else { return isSetter ? nil : .noScheme }
        let scheme = String(decoding: input[..<end].map(\.lowercased), as: UTF8.self)
        position = end + 1
        guard !isSetter else {
            changeScheme(to: scheme)
            return nil
        }
        url.scheme = scheme
        if scheme == "file" { return .file }
        if url.isSpecial {
            // The special authority slashes state goes on in the same way whatever it finds.
            return base?.scheme == scheme ? .specialRelativeOrAuthority : .specialAuthorityIgnoreSlashes
        }
        if takes("/") { return .pathOrAuthority }
        url.path = .opaque("")
        return .opaquePath
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: byte.isASCIILetter || byte.isASCIIDigit
        }
    }

    private mutating func changeScheme(to scheme: String) {
        guard url.isSpecial == WebURL.isSpecial(scheme) else { return }
        if scheme == "file", url.includesCredentials || url.portNumber != nil { return }
        if url.scheme == "file", url.hostname.isEmpty { return }
        url.scheme = scheme
        if url.portNumber == WebURL.defaultPort(of: scheme) { url.portNumber = nil }
    }

    private mutating func noScheme() throws(URLParseFailure) -> State? {
        guard let base else { throw URLParseFailure(.relativeWithoutBase) }
        guard base.hasOpaquePath else { return base.scheme == "file" ? .file : .relative }
        guard takes("#") else { throw URLParseFailure(.relativeToOpaquePath(scheme: base.scheme)) }
        url.scheme = base.scheme
        url.path = base.path
        url.query = base.query
        return .fragment
    }

    private mutating func specialRelativeOrAuthority() -> State? {
        guard next == UInt8(ascii: "/"), byte(at: position + 1) == UInt8(ascii: "/") else { return .relative }
        position += 2
        return .specialAuthorityIgnoreSlashes
    }

    private mutating func pathOrAuthority() -> State? {
        takes("/") ? .authority : .path
    }

    private mutating func relative() -> State? {
        guard let base else { return nil }
        url.scheme = base.scheme
        if takesSlash(orBackslash: url.isSpecial) { return .relativeSlash }
        takeAuthority(of: base)
        return relativePath(to: base)
    }

    private mutating func relativeSlash() -> State? {
        let isSpecial = url.isSpecial
        if takesSlash(orBackslash: isSpecial) {
            return isSpecial ? .specialAuthorityIgnoreSlashes : .authority
        }
        if let base { takeAuthority(of: base) }
        return .path
    }

    private mutating func takeAuthority(of base: WebURL) {
        url.username = base.username
        url.password = base.password
        url.serializedHost = base.serializedHost
        url.portNumber = base.portNumber
    }

    /// Path and query are the base's up to where the input has its own.
    private mutating func relativePath(to base: WebURL) -> State? {
        url.path = base.path
        url.query = base.query
        if takes("?") { return .query }
        if takes("#") { return .fragment }
        guard next != nil else { return nil }
        url.query = nil
        if url.scheme == "file", startsWithDriveLetter(position) {
            url.path = .segments("")
        } else {
            var segments = Array(base.path.text.utf8)
            shorten(&segments)
            url.path = .segments(String(decoding: segments, as: UTF8.self))
        }
        return .path
    }
}

// MARK: - User, host and port

extension URLParser {
    private mutating func specialAuthorityIgnoreSlashes() -> State? {
        while takesSlash(orBackslash: true) {}
        return .authority
    }

    private mutating func authority() throws(URLParseFailure) -> State? {
        let isSpecial = url.isSpecial
        let end = firstIndex { endsAuthority($0, isSpecial: isSpecial) }
        // Of several @, the last one separates.
        guard let mark = input[position..<end].lastIndex(of: UInt8(ascii: "@")) else { return .host }
        let userinfo = input[position..<mark]
        let colon = userinfo.firstIndex(of: UInt8(ascii: ":"))
        url.username = PercentEncoding.encode(userinfo[..<(colon ?? userinfo.endIndex)], .userinfo)
        if let colon { url.password = PercentEncoding.encode(userinfo[(colon + 1)...], .userinfo) }
        position = mark + 1
        guard position < end else { throw URLParseFailure(.hostMissing) }
        return .host
    }

    /// Host state and hostname state.
    private mutating func host(portMayFollow: Bool) throws(URLParseFailure) -> State? {
        guard !(isSetter && url.scheme == "file") else { return .fileHost }
        let isSpecial = url.isSpecial
        var isInBrackets = false
        let end = firstIndex { byte in
            if byte == UInt8(ascii: "[") { isInBrackets = true }
            if byte == UInt8(ascii: "]") { isInBrackets = false }
            return byte == UInt8(ascii: ":") && !isInBrackets || endsAuthority(byte, isSpecial: isSpecial)
        }
        let host = input[position..<end]
        let isBeforePort = byte(at: end) == UInt8(ascii: ":")
        guard !host.isEmpty || !isBeforePort && !isSpecial else { throw URLParseFailure(.hostMissing) }
        if isSetter {
            guard portMayFollow || !isBeforePort else { throw URLParseFailure(.notSettable) }
            guard !host.isEmpty || !url.includesCredentials && url.portNumber == nil else {
                throw URLParseFailure(.notSettable)
            }
        }
        url.serializedHost = try HostParser.parse(host, isOpaque: !isSpecial)
        position = end
        guard !isBeforePort else {
            position += 1
            return .port
        }
        return isSetter ? nil : .pathStart
    }

    private mutating func port() throws(URLParseFailure) -> State? {
        let digits = position
        var value = 0
        while let byte = next, byte.isASCIIDigit {
            // Beyond a port it does not matter how far.
            value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 1 << 16)
            position += 1
        }
        if let byte = next, !isSetter, !endsAuthority(byte, isSpecial: url.isSpecial) {
            throw URLParseFailure(.portInvalid)
        }
        if position > digits {
            guard let port = UInt16(exactly: value) else { throw URLParseFailure(.portOutOfRange) }
            url.portNumber = port == WebURL.defaultPort(of: url.scheme) ? nil : port
        }
        return isSetter ? nil : .pathStart
    }
}

// MARK: - Files

extension URLParser {
    private mutating func file() -> State? {
        url.scheme = "file"
        url.serializedHost = ""
        if takesSlash(orBackslash: true) { return .fileSlash }
        guard let base, base.scheme == "file" else { return .path }
        url.serializedHost = base.serializedHost
        return relativePath(to: base)
    }

    private mutating func fileSlash() -> State? {
        if takesSlash(orBackslash: true) { return .fileHost }
        if let base, base.scheme == "file" {
            url.serializedHost = base.serializedHost
            let segments = Array(base.path.text.utf8.prefix(4))
            let isDrive =
                segments.count >= 3 && segments[1].isASCIILetter && segments[2] == UInt8(ascii: ":")
                && (segments.count == 3 || segments[3] == UInt8(ascii: "/"))
            if isDrive, !startsWithDriveLetter(position) {
                url.path = .segments(String(decoding: segments.prefix(3), as: UTF8.self))
            }
        }
        return .path
    }

    private mutating func fileHost() throws(URLParseFailure) -> State? {
        let end = firstIndex { endsAuthority($0, isSpecial: true) }
        let host = input[position..<end]
        // What looks like a drive's letter is the path's first segment, and not taken here.
        if !isSetter, isDriveLetter(host) { return .path }
        if host.isEmpty {
            url.serializedHost = ""
        } else {
            let name = try HostParser.parse(host, isOpaque: false)
            url.serializedHost = name == "localhost" ? "" : name
        }
        position = end
        return isSetter ? nil : .pathStart
    }

    /// URL Standard §4.2, "Windows drive letter".
    private func isDriveLetter(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count == 2, let first = bytes.first, let last = bytes.last else { return false }
        return first.isASCIILetter && (last == UInt8(ascii: ":") || last == UInt8(ascii: "|"))
    }

    /// URL Standard §4.2, "starts with a Windows drive letter".
    private func startsWithDriveLetter(_ index: Int) -> Bool {
        guard isDriveLetter(input[index...].prefix(2)) else { return false }
        return byte(at: index + 2).map { endsAuthority($0, isSpecial: true) } ?? true
    }
}

// MARK: - Path, query and fragment

extension URLParser {
    private mutating func pathStart() -> State? {
        if url.isSpecial {
            _ = takesSlash(orBackslash: true)
            return .path
        }
        if !isSetter {
            if takes("?") { return .query }
            if takes("#") { return .fragment }
        }
        guard next != nil else {
            if isSetter, url.serializedHost == nil { url.path = .segments(url.path.text + "/") }
            return nil
        }
        _ = takes("/")
        return .path
    }

    private mutating func path() -> State? {
        let isSpecial = url.isSpecial
        let set = PercentEncodeSet.path
        var segments = Array(url.path.text.utf8)
        segments.reserveCapacity(segments.count + input.count - position)
        var ending: State?
        while true {
            let segment = segments.count
            segments.append(UInt8(ascii: "/"))
            var isLast = true
            scan: while let byte = next {
                position += 1
                switch byte {
                case UInt8(ascii: "/"),
                    UInt8(ascii: "\\") where isSpecial:
                    isLast = false
                    break scan
                case UInt8(ascii: "?") where !isSetter:
                    ending = .query
                    break scan
                case UInt8(ascii: "#") where !isSetter:
                    ending = .fragment
                    break scan
                default:
                    PercentEncoding.append(byte, set, to: &segments)
                }
            }
            finish(segment, of: &segments, isLast: isLast)
            guard !isLast else { break }
        }
        url.path = .segments(String(decoding: segments, as: UTF8.self))
        return ending
    }

    /// Makes out of the segment that begins at `start` what it means.
    private func finish(_ start: Int, of segments: inout [UInt8], isLast: Bool) {
        // No slice of the segments may live while they change: it would have them copied.
        let dots = Self.dots(segments, from: start + 1)
        guard dots > 0 else {
            // At the beginning of a file's path, a drive's letter, which has a colon behind it.
            let isDrive = start == 0 && url.scheme == "file" && isDriveLetter(segments[1...].prefix(3))
            if isDrive { segments[2] = UInt8(ascii: ":") }
            return
        }
        segments.removeLast(segments.count - start)
        if dots == 2 { shorten(&segments) }
        if isLast { segments.append(UInt8(ascii: "/")) }
    }

    /// 1 or 2 for a segment that is only so many dots, some of them perhaps percent-encoded; 0 for all others.
    private static func dots(_ segments: [UInt8], from start: Int) -> Int {
        guard segments.count - start <= 6 else { return 0 }
        var count = 0
        var index = start
        while index < segments.count {
            if segments[index] == UInt8(ascii: ".") {
                index += 1
            } else if index + 2 < segments.count, segments[index] == UInt8(ascii: "%"),
                segments[index + 1] == UInt8(ascii: "2"), segments[index + 2].lowercased == UInt8(ascii: "e")
            {
                index += 3
            } else {
                return 0
            }
            count += 1
        }
        return count <= 2 ? count : 0
    }

    /// Removes the last segment, but not a drive (URL Standard §4.2, "shorten").
    private func shorten(_ segments: inout [UInt8]) {
        let isDrive = segments.count == 3 && segments[1].isASCIILetter && segments[2] == UInt8(ascii: ":")
        guard !isDrive || url.scheme != "file" else { return }
        guard let slash = segments.lastIndex(of: UInt8(ascii: "/")) else { return }
        segments.removeLast(segments.count - slash)
    }

    private mutating func opaquePath() -> State? {
        var path: [UInt8] = []
        var ending: State?
        while ending == nil, let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "?"): ending = .query
            case UInt8(ascii: "#"): ending = .fragment
            case UInt8(ascii: " ") where next == UInt8(ascii: "?") || next == UInt8(ascii: "#"):
                // Without query and fragment it would be at the end, and be trimmed the next time.
                path += Array("%20".utf8)
            default: PercentEncoding.append(byte, .c0Control, to: &path)
            }
        }
        url.path = .opaque(String(decoding: path, as: UTF8.self))
        return ending
    }

    private mutating func query() -> State? {
        let end = isSetter ? input.count : firstIndex { $0 == UInt8(ascii: "#") }
        url.query = PercentEncoding.encode(input[position..<end], url.isSpecial ? .specialQuery : .query)
        position = end
        return takes("#") ? .fragment : nil
    }

    private mutating func fragment() -> State? {
        url.fragment = PercentEncoding.encode(input[position...], .fragment)
        return nil
    }
}
