import HTTPTypes
import NIOCore
import NIOPosix

/// Answers requests by the files of a directory.
struct FileService: Sendable {
    private let directory: FileDirectory
    private let options: FileOptions

    init(_ directory: String, _ options: FileOptions) {
        self.directory = FileDirectory(path: directory, links: options.symbolicLinks)
        self.options = options
    }

    /// Whether there is such a directory. Blocks.
    var isThere: Bool { (try? directory.open([]))?.isFolder == true }

    /// - Parameters:
    ///   - request: `GET` or `HEAD`.
    ///   - segments: of its path, behind the place the directory is served at.
    /// - Returns: the answer, once a thread that may wait has looked.
    func answer(
        _ request: HTTPRequest,
        _ segments: ArraySlice<String>,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<HTTPAnswer> {
        guard let path = FilePath(segments, allowsHidden: options.servesHidden) else {
            return eventLoop.makeSucceededFuture(.nothingServed)
        }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            answer(request, path, now: HTTPDate.secondsNow())
        }
    }

    /// Blocks.
    func answer(_ request: HTTPRequest, _ path: FilePath, now: Int) -> HTTPAnswer {
        do throws(FileProblem) {
            let file = try directory.open(path.names)
            guard file.isFolder else {
                // A slash behind a file's name means a folder, which it is not.
                return path.isFolder ? .nothingServed : answer(request, file, path.names.last ?? "", now: now)
            }
            guard let name = options.index else { return .nothingServed }
            let index = try directory.open(path.names + [name])
            guard !index.isFolder else { return .nothingServed }
            // Without the slash, what the page names would be looked for beside the folder.
            return path.isFolder ? answer(request, index, name, now: now) : Self.redirect(request)
        } catch .missing {
            return .nothingServed
        } catch .exhausted {
            return .text(.serviceUnavailable, "the server has no room for another file\n")
        } catch {
            return .text(.internalServerError, "the file cannot be read\n")
        }
    }

    /// To the same path with a slash behind it (RFC 9110 §15.4.9). As the client wrote it, so that nothing of it is
    /// decoded twice; it cannot begin with two slashes, which would name another server: no such path gets here.
    private static func redirect(_ request: HTTPRequest) -> HTTPAnswer {
        let target = request.path ?? "/"
        let path = target.prefix { $0 != "?" }
        var answer = HTTPAnswer.text(.permanentRedirect, "the folder is at \(path)/\n")
        answer.headers[.location] = "\(path)/\(target[path.endIndex...])"
        return answer
    }

    private func answer(_ request: HTTPRequest, _ file: OpenFile, _ name: String, now: Int) -> HTTPAnswer {
        let (fields, version) = (request.headerFields, file.version)
        var answer = HTTPAnswer()
        answer.headers[.xContentTypeOptions] = "nosniff"
        // The same in a 304 as in a 200 (RFC 9110 §15.4.5).
        answer.headers[.eTag] = version.entityTag
        // §8.8.2.1: never later than the answer's own date.
        answer.headers[.lastModified] = HTTPDate.text(secondsSince1970: min(version.seconds, now))
        if let cacheControl = options.cacheControl { answer.headers[.cacheControl] = cacheControl }
        let range: ByteRange
        switch FileCondition(fields, version: version, now: now) {
        case .notModified:
            answer.status = .notModified
            return answer
        case .failed:
            return .text(.preconditionFailed, "the file is another by now\n")
        case .met(let heedsRange):
            // §14.2: for GET alone.
            range =
                heedsRange && request.method == .get ? ByteRange(fields[.range], size: version.size) : .whole
        }
        answer.headers[.acceptRanges] = "bytes"
        switch range {
        case .unsatisfiable:
            var refusal = HTTPAnswer.text(.rangeNotSatisfiable, "the file has \(version.size) bytes\n")
            refusal.headers[.contentRange] = "bytes */\(version.size)"
            return refusal
        case .part(let part):
            answer.status = .partialContent
            answer.headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(version.size)"
            answer.content = .source(FileBody(file, part, options.stallTimeout))
        case .whole where version.size > 0:
            answer.content = .source(FileBody(file, 0..<version.size, options.stallTimeout))
        case .whole:
            break
        }
        answer.headers[.contentType] = MediaType.of(name, own: options.mediaTypes)
        return answer
    }
}

/// A part of an open file, read by threads that may wait.
final class FileBody: BodySource {
    private let file: OpenFile
    private let part: Range<Int>
    let stallTimeout: Duration
    var count: Int { part.count }

    init(_ file: OpenFile, _ part: Range<Int>, _ stallTimeout: Duration) {
        self.file = file
        self.part = part
        self.stallTimeout = stallTimeout
    }

    func read(_ wanted: Range<Int>, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try self.readNow(wanted) }
    }

    /// Blocks.
    func readNow(_ wanted: Range<Int>) throws(FileProblem) -> [UInt8] {
        try file.read(part.lowerBound + wanted.lowerBound..<part.lowerBound + wanted.upperBound)
    }
}

extension HTTPAnswer {
    static let nothingServed = HTTPAnswer.text(.notFound, "nothing is served at this path\n")
}
