import CLinux
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where a folder's replica has its state: in the directory ``RelativePath/stateName`` in the folder, or wherever a file of
/// that name says, as git's `.git` files do (gitrepository-layout(5)). A symlink of that name is followed by nobody.
package struct StatePlace {
    package static let name = Array("\(RelativePath.stateName)".utf8)

    private static let mark = Array("state: ".utf8)
    private static let longest = 8192

    private let root: Root

    package init(of root: Root) { self.root = root }

    /// What has the name in the folder.
    package var place: Place { Place(directory: root.descriptor, name: Self.name) }

    /// Where a file in the place of the directory says that the state is, absolute; nil where there is no such file.
    package func elsewhere() throws(DiskError) -> [UInt8]? {
        guard let status = try place.statusIfPresent(), status.kind == .file else { return nil }
        let bytes = try place.openForReading().read(Self.longest, at: 0)
        guard bytes.starts(with: Self.mark), bytes.last == UInt8(ascii: "\n") else {
            throw DiskError("read the state's place in \(RelativePath.stateName)", code: EINVAL)
        }
        return Array(bytes.dropFirst(Self.mark.count).dropLast())
    }

    /// Opens it. Fails with ENOENT (``DiskError/isMissing``) where there is none.
    package func open() throws(DiskError) -> Descriptor {
        guard let path = try elsewhere() else { return try place.openDirectory() }
        return try Descriptor(directoryAt: path)
    }

    /// Writes down that it is in the directory at `path`, which is absolute. Nothing may have the name yet.
    package func set(_ path: [UInt8]) throws(DiskError) {
        let file = try place.createFile()
        try file.write(Self.mark + path + [UInt8(ascii: "\n")], at: 0)
        try file.synchronize()
        try root.descriptor.synchronizeNames()
    }

    /// Where a directory is, absolute and without symlinks. It is made if missing, for its owner alone.
    package static func make(_ path: [UInt8]) throws(DiskError) -> (path: [UInt8], isNew: Bool) {
        let isNew = withCString(path) { mkdir($0, 0o700) } == 0
        guard isNew || errno == EEXIST else { throw .last("mkdir") }
        return (try Root(at: path).path, isNew)
    }

    /// Takes back what was made, and is still empty.
    package static func unmake(_ path: [UInt8]) {
        _ = withCString(path) { rmdir($0) }
    }
}

extension Descriptor {
    /// Opens the directory at a path that this program wrote down itself.
    package convenience init(directoryAt path: [UInt8]) throws(DiskError) {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let raw = withCString(path) { clinux_openat(AT_FDCWD, $0, flags, 0) }
        guard raw >= 0 else { throw .last("open") }
        self.init(adopting: raw)
    }
}
