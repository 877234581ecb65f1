import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A replica's private folder, `.nosocks` in its root unless it is elsewhere, held open with what lies in it.
struct StateFolder {
    let descriptor: Descriptor
    let identity: Identity
    /// Where it is, if not in the root: absolute.
    private let elsewhere: [UInt8]?
    /// What has its name in the root.
    private let marker: Identity
    /// Content without a name in the tree: staged, arriving, or taken out of it.
    let staging: Descriptor
    /// Content that was replaced or deleted.
    let history: Descriptor

    /// Opens it, and makes what is missing.
    init(in root: Root) throws(DiskError) {
        let place = StatePlace(of: root)
        elsewhere = try place.elsewhere()
        descriptor = try elsewhere == nil ? Self.folder(at: place.place) : place.open()
        identity = try descriptor.status().identity
        marker = try place.place.status().identity
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
        guard (try? StatePlace(of: root).place.status().identity) == marker else { return false }
        guard let elsewhere else { return true }
        return (try? Descriptor(directoryAt: elsewhere).status().identity) == identity
    }

    /// Sees to it that a folder's state is in the directory at `path`, from its first process on.
    static func put(at path: [UInt8], for root: Root) throws(OpenFailure) {
        let made: (path: [UInt8], isNew: Bool)
        do {
            made = try StatePlace.make(path)
        } catch {
            throw .stateUnusable(error)
        }
        do throws(OpenFailure) {
            try put(in: made.path, for: root)
        } catch {
            if made.isNew { StatePlace.unmake(made.path) }
            throw error
        }
    }

    private static func put(in state: [UInt8], for root: Root) throws(OpenFailure) {
        let slash = [UInt8(ascii: "/")]
        guard !(state + slash).starts(with: root.path + slash) else { throw .stateInside }
        let place = StatePlace(of: root)
        let (device, known, isTaken): (UInt64, [UInt8]?, Bool)
        do throws(DiskError) {
            device = try Descriptor(directoryAt: state).status().identity.device
            known = try place.elsewhere()
            isTaken = try place.place.statusIfPresent() != nil
        } catch {
            throw .stateUnusable(error)
        }
        guard device == root.identity.device else { throw .stateOnOtherFileSystem }
        guard known != state else { return }
        guard !isTaken else {
            throw .stateElsewhere(RelativePath.printable(known ?? root.path + slash + StatePlace.name))
        }
        do {
            try place.set(state)
        } catch {
            throw .stateUnusable(error)
        }
    }

    /// The path for SQLite, which opens its files by names.
    func indexPath(in root: Root) -> String {
        let folder = elsewhere ?? root.path + [UInt8(ascii: "/")] + StatePlace.name
        if let path = String(validating: folder, as: UTF8.self) { return "\(path)/index.sqlite" }
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
