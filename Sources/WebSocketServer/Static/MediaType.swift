/// What a file is, told by the ending of its name.
enum MediaType {
    /// What is known by none of the endings: a browser saves it rather than guess (RFC 9110 §8.3).
    static let unknown = "application/octet-stream"

    /// - Parameter own: types that win over the table, by their ending in lower case and without the dot.
    static func of(_ name: String, own: [String: String] = [:]) -> String {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return unknown }
        let ending = name[name.index(after: dot)...].lowercased()
        return own[ending] ?? byEnding[ending] ?? unknown
    }

    /// Text says its charset: what is left unsaid, a browser guesses (RFC 9110 §8.3.2). JSON and its kin are UTF-8 by
    /// their own definition and take no parameter (RFC 8259 §11).
    private static let byEnding: [String: String] = [
        // Documents and what they are made of
        "html": "text/html; charset=utf-8",
        "htm": "text/html; charset=utf-8",
        "xhtml": "application/xhtml+xml; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "mjs": "text/javascript; charset=utf-8",
        "cjs": "text/javascript; charset=utf-8",
        "wasm": "application/wasm",
        "json": "application/json",
        "map": "application/json",
        "jsonld": "application/ld+json",
        "webmanifest": "application/manifest+json",
        "geojson": "application/geo+json",
        // Text
        "txt": "text/plain; charset=utf-8",
        "text": "text/plain; charset=utf-8",
        "log": "text/plain; charset=utf-8",
        "md": "text/markdown; charset=utf-8",
        "csv": "text/csv; charset=utf-8",
        "ics": "text/calendar; charset=utf-8",
        "vtt": "text/vtt; charset=utf-8",
        "xml": "application/xml; charset=utf-8",
        "xsl": "application/xslt+xml; charset=utf-8",
        "rss": "application/rss+xml; charset=utf-8",
        "atom": "application/atom+xml; charset=utf-8",
        // Images
        "svg": "image/svg+xml; charset=utf-8",
        "png": "image/png",
        "apng": "image/apng",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "gif": "image/gif",
        "webp": "image/webp",
        "avif": "image/avif",
        "heic": "image/heic",
        "jxl": "image/jxl",
        "bmp": "image/bmp",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "ico": "image/vnd.microsoft.icon",
        // Fonts
        "woff": "font/woff",
        "woff2": "font/woff2",
        "ttf": "font/ttf",
        "otf": "font/otf",
        "ttc": "font/collection",
        // Sound and film
        "mp3": "audio/mpeg",
        "m4a": "audio/mp4",
        "aac": "audio/aac",
        "oga": "audio/ogg",
        "ogg": "audio/ogg",
        "opus": "audio/ogg",
        "wav": "audio/wav",
        "flac": "audio/flac",
        "weba": "audio/webm",
        "mid": "audio/midi",
        "mp4": "video/mp4",
        "m4v": "video/mp4",
        "webm": "video/webm",
        "ogv": "video/ogg",
        "mov": "video/quicktime",
        "mpeg": "video/mpeg",
        "ts": "video/mp2t",
        "m3u8": "application/vnd.apple.mpegurl",
        "mpd": "application/dash+xml",
        // To be saved
        "pdf": "application/pdf",
        "epub": "application/epub+zip",
        "zip": "application/zip",
        "gz": "application/gzip",
        "br": "application/x-brotli",
        "zst": "application/zstd",
        "tar": "application/x-tar",
        "7z": "application/x-7z-compressed",
        "rtf": "application/rtf",
        "glb": "model/gltf-binary",
        "gltf": "model/gltf+json",
    ]
}
