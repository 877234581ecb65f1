import CLinux
import TestSupport

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What programs do to files and folders. Each may fail in the middle, as theirs do.
///
/// They make no hard links: `HardLinkTests` do.
enum Deed: CaseIterable {
    case overwrite
    case append
    case cut
    case save
    case saveWithBackup
    case saveSlowly
    case writeLarge
    case editLarge
    case makeDirectory
    case unpack
    case link
    case copy
    case unlink
    case bury
    case removeDirectory
    case removeTree
    case move
    case exchange
    case replaceByOtherKind
    case setMode
    case touch

    /// How often it is done.
    private var weight: Int {
        switch self {
        case .overwrite, .makeDirectory, .save: 10
        case .move: 6
        case .append, .cut, .saveWithBackup, .saveSlowly, .editLarge: 5
        case .link, .writeLarge, .unlink, .setMode, .touch, .exchange, .unpack: 3
        case .bury, .removeDirectory, .replaceByOtherKind, .copy: 2
        case .removeTree: 1
        }
    }

    /// Whether it can only be done to what is there.
    var needsSomething: Bool {
        switch self {
        case .overwrite, .save, .writeLarge, .makeDirectory, .unpack, .link: false
        default: true
        }
    }

    private static let bag = allCases.flatMap { Array(repeating: $0, count: $0.weight) }

    static func any(_ random: inout SeededRandom) -> Deed {
        bag[random.below(bag.count)]
    }
}

extension Editor {
    func act(_ deed: Deed, _ path: Name, _ other: Name) throws {
        switch deed {
        case .overwrite: try overwrite(path, content(smallSize))
        case .append: try append(path)
        case .cut: try cut(path)
        case .save: try save(path)
        case .saveWithBackup: try saveWithBackup(path)
        case .saveSlowly: slow.append((try open(path), path, 1 + random.below(30)))
        case .writeLarge: try overwrite(path, content(largeSize))
        case .editLarge: try editInTheMiddle(path)
        case .makeDirectory: try folder.makeDirectory(path, mode: random.oneIn(4) ? 0o700 : 0o755)
        case .unpack: try unpack(path)
        case .link:
            let target: Name = "nowhere-\(nextNumber())-\(name)"
            try folder.link(path, to: target)
            ledger.wrote(.symlink(target), "at \(name):\(path)")
        case .copy:
            let bytes = try OpenFile(folder, path, O_RDONLY).read()
            try overwrite(other, bytes)
        case .unlink: try unlink(path)
        case .bury: try bury(path)
        case .removeDirectory: try SystemError.check(folder.with(path) { rmdir($0) }, "rmdir", path)
        case .removeTree: try removeTree(path)
        case .move: try rename(path, to: other)
        case .exchange: try rename(path, to: other, clinux_RENAME_EXCHANGE)
        case .replaceByOtherKind: try replaceByOtherKind(path)
        case .setMode:
            let isDirectory = try folder.kind(of: path) == .directory
            let modes: [mode_t] = isDirectory ? [0o700, 0o755, 0o775] : [0o600, 0o644, 0o755, 0o444]
            try folder.setMode(modes[random.below(modes.count)], of: path)
        case .touch:
            try folder.setTime(seconds: 1_000_000_000 + random.below(500_000_000), nanoseconds: 0, of: path)
        }
    }

    /// One step passes for slow programs: some of them write what they have long meant to write, to what they opened.
    func passStep(all: Bool = false) -> [Name] {
        var done: [Name] = []
        var waiting: [(file: OpenFile, name: Name, steps: Int)] = []
        for (file, name, steps) in slow {
            guard all || steps <= 1 else {
                waiting.append((file, name, steps - 1))
                continue
            }
            try? change(file, name) { try replaceContent(of: file, content(smallSize)) }
            done.append(name)
        }
        slow = waiting
        return done
    }

    // MARK: Files

    private func replaceContent(of file: OpenFile, _ bytes: [UInt8]) throws {
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
    }

    /// In place, or new where nothing is.
    private func overwrite(_ name: Name, _ bytes: [UInt8]) throws {
        let file = try open(name, O_CREAT)
        try change(file, name) { try replaceContent(of: file, bytes) }
    }

    private func append(_ name: Name) throws {
        let file = try open(name)
        try change(file, name) { try file.write(content(24), at: Int(file.status.st_size)) }
    }

    /// Cuts the end off, and writes another.
    private func cut(_ name: Name) throws {
        let file = try open(name)
        let size = try Int(file.status.st_size) / 2
        try change(file, name) {
            try file.truncate(to: size)
            ledger.passed(Version(try file.read()))
            try file.write(content(24), at: size)
        }
    }

    /// Writes a file of another name beside it, and renames that.
    private func save(_ name: Name) throws {
        let new = Name(name.bytes + Array(".new-\(nextNumber())".utf8))
        try create(new, content(smallSize))
        do {
            try rename(new, to: name)
        } catch {
            try? unlink(new)
            throw error
        }
    }

    /// Moves the old one to a backup's name, and writes a new file.
    private func saveWithBackup(_ name: Name) throws {
        try rename(name, to: Name(name.bytes + [UInt8(ascii: "~")]))
        try overwrite(name, content(smallSize))
    }

    private func editInTheMiddle(_ name: Name) throws {
        let file = try open(name)
        let old = try file.read()
        let offset = random.below(old.count)
        let new = content(24 + random.below(2) * 5000)
        try change(file, name) {
            // Over what is there, or between it.
            if random.oneIn(2) { return try file.write(new, at: offset) }
            try file.write(new + old[offset...], at: offset)
        }
    }

    // MARK: Directories

    /// A directory of many small files, as tar makes it.
    private func unpack(_ name: Name) throws {
        if !isTaken(name) { try folder.makeDirectory(name) }
        for number in 0..<(10 + random.below(30)) {
            let child = name.appending("\(number)")
            if !isTaken(child) { try create(child, content(24 + number * 40)) }
        }
    }

    /// As `rm -r` does it: name by name.
    private func removeTree(_ name: Name) throws {
        guard try folder.kind(of: name) == .directory else { return try unlink(name) }
        for child in try folder.children(of: name) { try removeTree(name.appending(child)) }
        try SystemError.check(folder.with(name) { rmdir($0) }, "rmdir", name)
    }

    private func replaceByOtherKind(_ name: Name) throws {
        let wasDirectory = try folder.kind(of: name) == .directory
        if random.oneIn(2) { try bury(name) } else { try removeTree(name) }
        if wasDirectory { return try create(name, content(smallSize)) }
        try folder.makeDirectory(name)
        try create(name.appending("a"), content(smallSize))
    }
}
