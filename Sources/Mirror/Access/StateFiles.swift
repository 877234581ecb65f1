import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Small files in a replica's state folder that its owner alone can read: tokens, keys, pins.
package struct StateFiles: Sendable {
    /// A file can't be read or written, and why, in words for a person.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    /// More than this is no small file.
    private static let mostBytes = 1 << 20

    private let state: Descriptor

    /// - Parameter directory: a replica's folder.
    package init(in directory: String) throws(Failure) {
        do throws(DiskError) {
            let root = try Root(at: Array(directory.utf8))
            state = try StatePlace(of: root).open()
        } catch {
            throw Failure(error.isMissing ? "there is no replica here; serve it once with nosocks hub" : "\(error)")
        }
    }

    /// What is in a file; nil where there is none.
    package func read(_ name: String) throws(Failure) -> String? {
        do throws(DiskError) {
            let file = try place(name).openForReading()
            return String(decoding: try file.read(Self.mostBytes, at: 0), as: UTF8.self)
        } catch {
            if error.code == ENOENT { return nil }
            throw Failure("\(RelativePath.stateName)/\(name) can't be read: \(error)")
        }
    }

    /// Puts a whole new file in the place of one, durably.
    package func write(_ text: String, to name: String) throws(Failure) {
        do throws(DiskError) {
            let staged = place(name + ".new")
            try? staged.removeFile()
            let file = try staged.createFile()
            try file.write(Array(text.utf8), at: 0)
            try file.synchronize()
            try staged.renameOver(place(name))
            try state.synchronizeNames()
        } catch {
            throw Failure("\(RelativePath.stateName)/\(name) can't be written: \(error)")
        }
    }

    /// Runs `body` while no other process does the same with a file of this name.
    package func locked<Result>(_ name: String, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        let lock: Descriptor
        do throws(DiskError) {
            lock = try place(name + ".lock").open(O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            try lock.hold(.alone)
        } catch {
            throw Failure("\(RelativePath.stateName)/\(name) can't be locked: \(error)")
        }
        defer { withExtendedLifetime(lock) {} }
        return try body()
    }

    private func place(_ name: String) -> Place { Place(directory: state, name: Array(name.utf8)) }
}

/// Where a hub keeps its ``TokenBook``. Any number of processes may read and change it at a time.
extension StateFiles {
    private static let tokens = "tokens"

    /// The book as it is now; an empty one where there is no file.
    package func book() throws(Failure) -> TokenBook {
        guard let text = try read(Self.tokens) else { return TokenBook() }
        do {
            return try TokenBook(text: text)
        } catch {
            throw Failure("line \(error.number) of \(RelativePath.stateName)/\(Self.tokens) is no token's")
        }
    }

    /// Changes the book, durably, and gives what `body` gave.
    package func changeBook<Result>(_ body: (inout TokenBook) -> Result) throws(Failure) -> Result {
        try locked(Self.tokens) { () throws(Failure) in
            var book = try book()
            let result = body(&book)
            try write(book.text, to: Self.tokens)
            return result
        }
    }
}
