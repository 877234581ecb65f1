import Tree

/// A folder in memory, with inodes and change times as a real one has them.
final class SimDisk {
    enum Kind: Hashable {
        case file(SimContent, mode: Mode, mtime: Timestamp)
        case directory(Mode)
        case symlink([UInt8])
        case fifo
    }

    struct Node: Hashable {
        var inode: UInt64
        var ctime: UInt64
        var kind: Kind
    }

    /// What the machines took out of the tree and nobody has reviewed yet.
    struct Limbo: Hashable {
        var token: Int
        var path: RelativePath
        /// What was to come out; nil where what did was not expected.
        var expected: Kind?
        var node: Node
    }

    private(set) var nodes: [RelativePath: Node] = [:]
    var limbo: [Limbo] = []
    /// Verified contents without a name, once they were flushed.
    var staging: Set<SimContent> = []
    /// Contents that became history.
    var history: Set<SimContent> = []
    /// Paths that can't be read for now.
    var unreadable: Set<RelativePath> = []
    var isFull = false
    /// Names that are ignored.
    var ignored: Set<[UInt8]> = []
    /// Paths that a watcher would have reported and that were not handed over yet.
    var events: [RelativePath: Bool] = [:]

    private var clock: UInt64 = 1
    private var lastInode: UInt64 = 1
    private var lastToken = 0

    func tick() -> UInt64 {
        clock += 1
        return clock
    }

    func node(at path: RelativePath) -> Node? {
        nodes[path]
    }

    func isDirectory(_ path: RelativePath?) -> Bool {
        guard let path else { return true }
        if case .directory? = nodes[path]?.kind { return true }
        return false
    }

    func children(of directory: RelativePath) -> [RelativePath] {
        nodes.keys.filter { $0.parent == directory }.sorted()
    }

    func set(_ kind: Kind?, at path: RelativePath, keepingInode: Bool = false) {
        events[path] = true
        guard let kind else {
            nodes[path] = nil
            return
        }
        var inode = nodes[path]?.inode
        if inode == nil || !keepingInode {
            lastInode += 1
            inode = lastInode
        }
        nodes[path] = Node(inode: inode ?? 0, ctime: tick(), kind: kind)
    }

    func put(_ node: Node?, at path: RelativePath) {
        events[path] = events[path] ?? false
        nodes[path] = node
        if node != nil { nodes[path]?.ctime = tick() }
    }

    /// Renames a node and all inside it.
    func move(_ path: RelativePath, to target: RelativePath) {
        for (old, node) in nodes where old == path || old.isInside(path) {
            let moved = target.bytes + old.bytes.dropFirst(path.bytes.count)
            guard let new = try? RelativePath(moved) else { continue }
            nodes[old] = nil
            nodes[new] = node
            nodes[new]?.ctime = tick()
            events[old] = events[old] ?? false
            events[new] = events[new] ?? false
        }
    }

    func limboToken() -> Int {
        lastToken += 1
        return lastToken
    }

    static func entry(of node: Node) -> Entry? {
        switch node.kind {
        case .file(let content, let mode, let mtime):
            .file(Entry.File(size: content.size, digest: content.digest, mode: mode, mtime: mtime))
        case .directory(let mode): .directory(Entry.Directory(mode: mode))
        case .symlink(let target): .symlink(Entry.Symlink(target: target))
        case .fifo: nil
        }
    }

    static func fingerprint(of node: Node) -> Fingerprint {
        let ctime = Timestamp(seconds: Int64(node.ctime), nanoseconds: 0)
        return switch node.kind {
        case .file(let content, let mode, let mtime):
            Fingerprint(
                inode: node.inode, size: content.size, mtime: mtime, ctime: ctime,
                mode: 0o100000 | UInt32(mode.rawValue))
        case .directory(let mode):
            Fingerprint(
                inode: node.inode, size: 0, mtime: Timestamp(seconds: 0, nanoseconds: 0),
                ctime: Timestamp(seconds: 0, nanoseconds: 0), mode: 0o040000 | UInt32(mode.rawValue))
        case .symlink(let target):
            Fingerprint(
                inode: node.inode, size: UInt64(target.count), mtime: Timestamp(seconds: 0, nanoseconds: 0),
                ctime: ctime, mode: 0o120777)
        case .fifo:
            Fingerprint(
                inode: node.inode, size: 0, mtime: Timestamp(seconds: 0, nanoseconds: 0), ctime: ctime, mode: 0o010666)
        }
    }

    /// The tree as entries, specials left out.
    var entries: [RelativePath: Entry] {
        nodes.compactMapValues(Self.entry(of:))
    }

    /// Every content in the tree.
    var contents: Set<SimContent> {
        Set(nodes.values.compactMap { if case .file(let content, _, _) = $0.kind { content } else { nil } })
    }

    func content(of digest: Digest) -> SimContent? {
        for (path, node) in nodes {
            if case .file(let content, _, _) = node.kind, content.digest == digest, !ignores(path) { return content }
        }
        return history.first { $0.digest == digest } ?? staging.first { $0.digest == digest }
            ?? limbo.lazy.compactMap { limbo -> SimContent? in
                if case .file(let content, _, _) = limbo.node.kind, content.digest == digest { content } else { nil }
            }.first
    }
}
