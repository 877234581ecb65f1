import CLinux
import TestSupport

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Somebody who works in a replica's folder, as badly as programs do, but knows what is destroyed by it.
///
/// There is one at a time in a folder: what is in a file changes under nobody's hands. nosocks itself never writes into
/// a file that has a name.
final class Editor {
    let name: String
    let folder: Folder
    /// On the same file system, and outside of the tree: what is renamed to here was taken from the tree whole.
    let graveyard: Folder
    let ledger: Ledger
    var random: SeededRandom
    private var count = 0
    /// What a slow program has open, and after how many steps it writes.
    var slow: [(file: OpenFile, name: Name, steps: Int)] = []
    /// Files without a name left that a slow program may still write to.
    private var unlinked: Set<UInt64> = []

    init(name: String, folder: Folder, graveyard: Folder, ledger: Ledger, random: SeededRandom) throws {
        self.name = name
        self.folder = folder
        self.graveyard = graveyard
        self.ledger = ledger
        self.random = random
        try graveyard.makeDirectory()
    }

    func nextNumber() -> Int {
        count += 1
        return count
    }

    // MARK: Content

    /// Bytes that are nowhere else, and say where they are from.
    func content(_ size: Int) -> [UInt8] {
        var bytes = Array("\(nextNumber()) of \(name)|".utf8)
        bytes.reserveCapacity(size + 8)
        if size < 1000 { return bytes + [UInt8](repeating: UInt8(ascii: "."), count: max(0, size - bytes.count)) }
        while bytes.count < size { withUnsafeBytes(of: random.next()) { bytes += $0 } }
        return bytes
    }

    /// Often of the same size, so that the size tells nothing.
    var smallSize: Int { [24, 24, 24, 900, 4000, 70_000][random.below(6)] }
    var largeSize: Int { 200_000 + random.below(2_000_000) }

    /// Makes a file that is not there yet.
    func create(_ name: Name, _ bytes: [UInt8]) throws {
        let file = try open(name, O_CREAT | O_EXCL)
        try change(file, name) { try file.write(bytes, at: 0) }
    }

    /// Opens a file to change it in place.
    func open(_ name: Name, _ flags: Int32 = 0) throws -> OpenFile {
        let file = try OpenFile(folder, name, O_RDWR | flags)
        unlinked.remove(UInt64(try file.status.st_ino))
        return file
    }

    /// Whatever a change of an open file comes to, even where it fails half-way: what was in it was destroyed, and what
    /// is in it was written.
    func change(_ file: OpenFile, _ name: Name, _ body: () throws -> Void) throws {
        let before = Version(try file.read())
        defer {
            if let after = try? file.read(), let status = try? file.status {
                let version = Version(after)
                if version != before { ledger.destroyed(before) }
                if !unlinked.contains(UInt64(status.st_ino)) { ledger.wrote(version, "at \(self.name):\(name)") }
            }
        }
        try body()
    }

    // MARK: Names

    /// Whether something has this name; a symlink is something.
    func isTaken(_ name: Name) -> Bool { folder.exists(name) }

    /// Takes a name from what has it, with a call that does not tell what that was.
    func destroy(_ name: Name, _ call: () throws -> Void) throws {
        let doomed = try OpenFile(anything: name, in: folder)
        let before = try doomed.links
        try call()
        let after = try doomed.links
        if after < before {
            // Whoever takes the last name answers for it.
            guard after == 0 else { return }
            unlinked.insert(UInt64(try doomed.status.st_ino))
            ledger.destroyed(try doomed.version())
        } else {
            // nosocks had just put something else there: a moment of some microseconds.
            ledger.blindly += 1
        }
    }

    func unlink(_ name: Name) throws {
        try destroy(name) { _ = try SystemError.check(folder.with(name) { systemUnlink($0) }, "unlink", name) }
    }

    /// As rename(2): what has the new name is replaced, if it can be.
    func rename(_ name: Name, to target: Name) throws {
        guard isTaken(target) else { return try rename(name, to: target, clinux_RENAME_NOREPLACE) }
        // rename(2) does nothing where both are names of one file.
        guard try folder.status(name).st_ino != folder.status(target).st_ino else { return }
        try destroy(target) { try folder.rename(name, to: target) }
    }

    func rename(_ name: Name, to target: Name, _ flags: UInt32) throws {
        let done = folder.with(name) { old in
            folder.with(target) { clinux_renameat2(AT_FDCWD, old, AT_FDCWD, $0, flags) }
        }
        try SystemError.check(done, "rename", name)
    }

    /// Takes a file or a whole directory out of the tree at once. What is in it is counted at the end, since nosocks may
    /// have been about to put something into it.
    func bury(_ name: Name) throws {
        let grave = graveyard.folder("\(nextNumber())")
        let done = folder.with(name) { old in
            grave.with("") { clinux_renameat2(AT_FDCWD, old, AT_FDCWD, $0, clinux_RENAME_NOREPLACE) }
        }
        try SystemError.check(done, "bury", name)
    }

    /// All that was buried was destroyed.
    func countGraves() throws {
        for (name, item) in try graveyard.items() {
            switch item.kind {
            case .file: ledger.destroyed(Version(try graveyard.read(name)))
            case .symlink: ledger.destroyed(.symlink(item.target))
            case .directory, .other: break
            }
        }
    }
}

private func systemUnlink(_ path: UnsafePointer<CChar>) -> Int32 {
    unlink(path)
}
