import Disk
import Index
import Tree

/// `.nosocks/aside`: where a command that is not the replica's own process lays down what it takes out of the tree, each
/// with a note of what it was. The replica takes it over, and reviews it like anything else that came out.
struct AsideFolder {
    private let folder: Descriptor

    private static let name = Array("aside".utf8)
    private static let suffix = ".note"

    /// - Parameter state: a replica's private folder.
    init(in state: Descriptor, making mayMake: Bool) throws(DiskError) {
        let place = Place(directory: state, name: Self.name)
        if mayMake {
            do {
                try place.makeDirectory(mode: Mode(rawValue: 0o700))
            } catch  where error.isExisting {}
        }
        folder = try place.openDirectory()
    }

    func place(_ name: String) -> Place { Place(directory: folder, name: Array(name.utf8)) }

    /// Keeps the replica from taking over what is not finished yet, as long as the result lives.
    func hold() throws(DiskError) -> Descriptor {
        let lock = try place(".").openDirectory()
        try lock.hold(.shared)
        return lock
    }

    /// The opposite of ``hold()``; nil where somebody is at work.
    func holdAlone() -> Descriptor? {
        guard let lock = try? place(".").openDirectory(), (try? lock.holdIfFree(.alone)) == true else { return nil }
        return lock
    }

    /// Writes down what is about to be taken out of the tree under the name of its token, durably.
    func note(_ item: RemovedItem) throws(DiskError) {
        let place = place(item.token + Self.suffix)
        do throws(DiskError) {
            let file = try place.createFile()
            try file.write(item.encoded(), at: 0)
            try file.synchronize()
            try folder.synchronizeNames()
        } catch {
            try? place.removeFile()
            throw error
        }
    }

    func removeNote(_ token: String) { try? place(token + Self.suffix).removeFile() }

    /// What was noted, in the order in which it was.
    var items: [RemovedItem] {
        names.filter { $0.hasSuffix(Self.suffix) }.compactMap { name in
            guard let file = try? place(name).openForReading(), let size = try? file.status().size,
                let bytes = try? file.read(Int(clamping: min(size, 1 << 16)), at: 0),
                let item = RemovedItem(encoded: bytes), item.token + Self.suffix == name
            else { return nil }
            return item
        }.sorted { $0.seconds < $1.seconds }
    }

    /// What lies here and no note tells of: what was not put into the tree after all.
    var strays: [String] {
        let all = Set(names)
        return all.filter { !$0.hasSuffix(Self.suffix) && !all.contains($0 + Self.suffix) }
    }

    func synchronizeNames() throws(DiskError) { try folder.synchronizeNames() }

    private var names: [String] { ((try? folder.names()) ?? []).map { String(decoding: $0, as: UTF8.self) } }
}

extension FolderReplica {
    /// Takes over what commands have taken out of the tree since the last time, to be reviewed like what this process took
    /// out itself.
    ///
    /// - Returns: whether there was something.
    func adoptAside() throws(StoreFailure) -> Bool {
        guard let aside = try? AsideFolder(in: state.descriptor, making: false), let lock = aside.holdAlone() else {
            return false
        }
        defer { withExtendedLifetime(lock) {} }
        for name in aside.strays { try? aside.place(name).removeFile() }
        let items = aside.items
        for item in items { try adopt(item, from: aside) }
        return !items.isEmpty
    }

    private func adopt(_ item: RemovedItem, from aside: AsideFolder) throws(StoreFailure) {
        let place = aside.place(item.token)
        let found: Status?
        do {
            found = try place.statusIfPresent()
        } catch {
            // It can't be looked at now: another time.
            return
        }
        guard let out = found, !wasNotTakenOut(item, out.fingerprint) else {
            // Nothing came out: what lies here was to be put in its place, and is a copy.
            try? place.removeFile()
            aside.removeNote(item.token)
            return
        }
        let known = try indexed { () throws(IndexError) in try index.removed(withToken: item.token) }
        if known == nil { try indexed { () throws(IndexError) in try index.willRemove([item], durably: true) } }
        guard (try? place.renameOver(state.staged(item.token))) != nil else { return }
        try? state.staging.synchronizeNames()
        aside.removeNote(item.token)
    }

    private func wasNotTakenOut(_ item: RemovedItem, _ lies: Fingerprint) -> Bool {
        guard !lies.isSame(exceptForChangeTime: item.fingerprint) else { return false }
        let inTree = try? root.place(of: item.path).status()
        return inTree?.fingerprint.isSame(exceptForChangeTime: item.fingerprint) == true
    }
}
