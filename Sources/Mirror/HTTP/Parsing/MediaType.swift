import Tree

/// What a file is, by the end of its name: as much as a browser needs to show text, images and pages.
enum MediaType {
    static let unknown = "application/octet-stream"

    private static let types: [String: String] = [
        "avif": "image/avif", "bmp": "image/bmp", "c": text, "cc": text, "cfg": text, "conf": text, "cpp": text,
        "css": "text/css; charset=utf-8", "csv": "text/csv; charset=utf-8", "diff": text, "flac": "audio/flac",
        "gif": "image/gif", "go": text, "gz": "application/gzip", "h": text, "hpp": text,
        "htm": "text/html; charset=utf-8", "html": "text/html; charset=utf-8", "ico": "image/x-icon", "ini": text,
        "java": text, "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript; charset=utf-8",
        "json": "application/json", "log": text, "m4a": "audio/mp4", "md": "text/markdown; charset=utf-8",
        "mjs": "text/javascript; charset=utf-8", "mp3": "audio/mpeg", "mp4": "video/mp4", "ogg": "audio/ogg",
        "opus": "audio/ogg", "patch": text, "pdf": "application/pdf", "png": "image/png", "py": text, "rb": text,
        "rs": text, "rst": text, "sh": text, "svg": "image/svg+xml", "swift": text, "tar": "application/x-tar",
        "tex": text, "toml": text, "ts": text, "tsv": text, "txt": text, "wasm": "application/wasm", "wav": "audio/wav",
        "webm": "video/webm", "webp": "image/webp", "xml": "application/xml", "yaml": text, "yml": text,
        "zip": "application/zip", "zst": "application/zstd",
    ]
    private static let text = "text/plain; charset=utf-8"

    static func of(_ path: RelativePath) -> String {
        let name = path.name
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex, name.endIndex - dot <= 6 else {
            return unknown
        }
        let ending = name[(dot + 1)...].map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        return types[String(decoding: ending, as: UTF8.self)] ?? unknown
    }

    /// Whether content of this type is likely to shrink by a fifth at least.
    static func shrinks(_ type: String) -> Bool {
        type.hasPrefix("text/") || type == "application/json" || type == "application/xml" || type == "image/svg+xml"
            || type == "application/wasm" || type == "image/bmp"
    }
}
