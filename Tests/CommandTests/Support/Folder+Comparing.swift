#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Everything of an entry that nosocks promises to carry, file content apart.
struct Item: Equatable, CustomStringConvertible {
    enum Kind: Equatable {
        case file
        case directory
        case symlink
        case other
    }

    var kind: Kind
    /// The permission bits; a symlink has none.
    var mode: UInt16 = 0
    /// Files only.
    var size: Int64 = 0
    /// Files only: seconds and nanoseconds.
    var mtime: [Int] = []
    /// Symlinks only.
    var target: Name = ""

    var description: String {
        switch kind {
        case .file: "file, \(size) bytes, mode \(String(mode, radix: 8)), time \(mtime)"
        case .directory: "directory, mode \(String(mode, radix: 8))"
        case .symlink: "symlink to \(target)"
        case .other: "special file"
        }
    }
}

extension Folder {
    func kind(of name: Name) throws -> Item.Kind { try item(name).kind }

    func item(_ name: Name) throws -> Item {
        let status = try status(name)
        let mode = UInt16(status.st_mode & 0o7777)
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            let time = status.modified
            return Item(
                kind: .file, mode: mode, size: Int64(status.st_size), mtime: [time.tv_sec, time.tv_nsec])
        case S_IFDIR: return Item(kind: .directory, mode: mode)
        case S_IFLNK:
            var bytes = [CChar](repeating: 0, count: 4096)
            let count = try SystemError.check(with(name) { readlink($0, &bytes, bytes.count) }, "readlink", name)
            return Item(kind: .symlink, target: Name(bytes.prefix(count).map { UInt8(bitPattern: $0) }))
        default: return Item(kind: .other)
        }
    }

    /// All that is in the folder but its `.nosocks` and special files, which are not mirrored. What goes away
    /// meanwhile is left out.
    func items() throws -> [Name: Item] {
        var found: [Name: Item] = [:]
        func gather(_ directory: Name) throws {
            for child in (try? children(of: directory)) ?? [] where !(directory == "" && child == ".nosocks") {
                let name = directory.appending(child)
                guard let item = try? item(name), item.kind != .other else { continue }
                found[name] = item
                if item.kind == .directory { try gather(name) }
            }
        }
        try gather("")
        return found
    }

    /// In what two folders differ, to the byte and the nanosecond; a line each.
    func differences(from other: Folder) throws -> [String] {
        let mine = try items()
        let theirs = try other.items()
        var lines: [String] = []
        for name in Set(mine.keys).union(theirs.keys).sorted() {
            switch (mine[name], theirs[name]) {
            case (let left?, let right?) where left != right: lines.append("\(name): \(left) / \(right)")
            case (let left?, nil): lines.append("\(name): \(left) / nothing")
            case (nil, let right?): lines.append("\(name): nothing / \(right)")
            default: continue
            }
        }
        // Content is read only where nothing else differs.
        guard lines.isEmpty else { return lines }
        for (name, item) in mine where item.kind == .file && item.size > 0 {
            guard let left = try? read(name), let right = try? other.read(name), left == right else {
                lines.append("\(name): other content")
                continue
            }
        }
        return lines
    }
}

extension stat {
    #if canImport(Glibc)
    fileprivate var modified: timespec { st_mtim }
    #else
    fileprivate var modified: timespec { st_mtimespec }
    #endif
}
