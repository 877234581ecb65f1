import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A replica's private folder, `.nosocks` in its root, held open with what lies in it.
struct StateFolder {
    let descriptor: Descriptor
    let identity: Identity
    /// Content without a name in the tree: staged, arriving, or taken out of it.
    let staging: Descriptor
    /// Content that was replaced or deleted.
    let history: Descriptor

    static let name = Array("\(RelativePath.stateName)".utf8)

    /// Opens it, and makes what is missing.
    init(in root: Root) throws(DiskError) {
        let place = Place(directory: root.descriptor, name: Self.name)
        descriptor = try Self.folder(at: place)
        identity = try descriptor.status().identity
        staging = try Self.folder(at: Place(directory: descriptor, name: Array("staging".utf8)))
        history = try Self.folder(at: Place(directory: descriptor, name: Array("history".utf8)))
        try Self.keepOutOfGit(descriptor)
    }

    /// `git add` at the root of a replica would take the state for content, and `git checkout` break it.
    private static func keepOutOfGit(_ descriptor: Descriptor) throws(DiskError) {
        do {
            let file = try Place(directory: descriptor, name: Array(".gitignore".utf8)).createFile()
            try file.write(Array("*\n".utf8), at: 0)
        } catch  where error.isExisting {}
    }

    private static func folder(at place: Place) throws(DiskError) -> Descriptor {
        do {
            try place.makeDirectory(mode: Mode(rawValue: 0o700))
        } catch  where error.code == EEXIST {
            // From an earlier run. A symlink in its place is not followed, below.
        }
        return try place.openDirectory()
    }

    /// Whether it still is what has its name in the root.
    func isInPlace(in root: Root) -> Bool {
        let place = Place(directory: root.descriptor, name: Self.name)
        guard let status = try? place.status() else { return false }
        return status.identity == identity
    }

    /// The path for SQLite, which opens its files by names.
    func indexPath(in root: Root) -> String {
        if let path = String(validating: root.path, as: UTF8.self) {
            return "\(path)/\(RelativePath.stateName)/index.sqlite"
        }
        // A String cannot say this path; the descriptor can.
        return "/proc/self/fd/\(descriptor.raw)/index.sqlite"
    }

    /// A short path, since that of a socket may have no more than some hundred bytes.
    func socketPath(_ name: String) -> String { "/proc/self/fd/\(descriptor.raw)/\(name)" }

    /// Writes down the patterns that this process was given, for whoever asks what is ignored.
    func save(patterns: [[UInt8]]) throws(DiskError) {
        let place = Place(directory: descriptor, name: Self.patternsName)
        guard !patterns.isEmpty else {
            if try place.statusIfPresent() != nil { try place.removeFile() }
            return
        }
        let new = Place(directory: descriptor, name: Self.patternsName + Array(".new".utf8))
        if try new.statusIfPresent() != nil { try new.removeFile() }
        try new.createFile().write(Array(patterns.joined(separator: [UInt8(ascii: "\n")])), at: 0)
        try new.renameOver(place)
    }

    /// The patterns that the last process was given, in the state folder that is open here.
    static func patterns(in descriptor: Descriptor) -> [[UInt8]] {
        guard let file = try? Place(directory: descriptor, name: patternsName).openForReading(),
            let bytes = try? file.read(RuleReading.limit, at: 0)
        else { return [] }
        return bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) }
    }

    private static let patternsName = Array("ignore".utf8)

    func staged(_ name: String) -> Place {
        Place(directory: staging, name: Array(name.utf8))
    }

    func kept(_ name: String) -> Place {
        Place(directory: history, name: Array(name.utf8))
    }
}
