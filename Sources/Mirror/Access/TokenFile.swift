import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where a hub keeps its ``TokenBook``: `tokens` in its state folder, which its owner alone can read.
///
/// Whoever changes it holds a lock meanwhile, and puts a whole new file in its place; so any number of processes may
/// read and change it at a time.
package struct TokenFile: Sendable {
    /// The book can't be read or written, and why, in words for a person.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    private static let name = Array("tokens".utf8)

    private let state: Descriptor

    /// - Parameter directory: the hub's folder, which must have been served once.
    package init(in directory: String) throws(Failure) {
        do throws(DiskError) {
            let root = try Root(at: Array(directory.utf8))
            state = try Place(directory: root.descriptor, name: Array("\(RelativePath.stateName)".utf8)).openDirectory()
        } catch {
            throw Failure(
                description: error.isMissing ? "there is no replica here; serve it once with nosocks hub" : "\(error)")
        }
    }

    /// The book as it is now; an empty one where there is no file.
    package func read() throws(Failure) -> TokenBook {
        let bytes: [UInt8]
        do throws(DiskError) {
            let file = try Place(directory: state, name: Self.name).openForReading()
            bytes = try file.read(1 << 20, at: 0)
        } catch {
            if error.code == ENOENT { return TokenBook() }
            throw Failure(description: "the tokens can't be read: \(error)")
        }
        do {
            return try TokenBook(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw Failure(description: "line \(error.number) of \(RelativePath.stateName)/tokens is no token's")
        }
    }

    /// Changes the book, durably, and gives what `body` gave.
    package func change<Result>(_ body: (inout TokenBook) -> Result) throws(Failure) -> Result {
        let lock = try attempt { () throws(DiskError) in
            let lock = try Place(directory: state, name: Array("tokens.lock".utf8))
                .open(O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            guard flock(lock.raw, LOCK_EX) == 0 else { throw DiskError("flock", code: errno) }
            return lock
        }
        defer { withExtendedLifetime(lock) {} }
        var book = try read()
        let result = body(&book)
        try write(Array(book.text.utf8), to: Self.name)
        return result
    }

    /// Puts a file that only its owner can read into the state folder, whole and durably.
    package func write(_ bytes: [UInt8], to name: [UInt8]) throws(Failure) {
        try attempt { () throws(DiskError) in
            let staged = Place(directory: state, name: name + Array(".new".utf8))
            try? staged.removeFile()
            let file = try staged.createFile()
            try file.write(bytes, at: 0)
            try file.synchronize()
            try staged.renameOver(Place(directory: state, name: name))
            try state.synchronizeNames()
        }
    }

    private func attempt<Result>(_ body: () throws(DiskError) -> Result) throws(Failure) -> Result {
        do {
            return try body()
        } catch {
            throw Failure(description: "the tokens can't be written: \(error)")
        }
    }
}
