import Tree

/// A folder in memory, with inodes and change times as a real one has them.
final class SimDisk {
    enum Kind: Hashable {
        case file(SimContent, mode: Mode, mtime: Timestamp)
        case directory(Mode)
        case symlink([UInt8])
        case fifo

        var content: SimContent? {
            if case .file(let content, _, _) = self { content } else { nil }
        }

        var isDirectory: Bool {
            if case .directory = self { true } else { false }
        }
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

    /// All that lies on the disk but the index. A value: a copy of it is a backup, or what a power failure leaves.
    struct State {
        fileprivate(set) var nodes: [RelativePath: Node] = [:]
        fileprivate(set) var limbo: [Limbo] = []
        /// Verified contents without a name, once they were flushed: how many files have each.
        var staging: [SimContent: Int] = [:]
        /// Contents that became history.
        fileprivate(set) var history: Set<SimContent> = []

        /// Every content that is anywhere on it.
        var contents: [SimContent] {
            nodes.values.compactMap(\.kind.content) + limbo.compactMap(\.node.kind.content) + history
        }
    }

    private(set) var state = State()
    private let census: Census

    /// Names that changed since they were last made durable: the state before each of these changes.
    private var unsynced: [State] = []
    /// How many changes of names were made durable.
    private(set) var synced = 0
    /// Whether power may fail, so that all this is to be remembered.
    let remembersNames: Bool

    /// Paths that can't be read for now.
    var unreadable: Set<RelativePath> = []
    var isFull = false
    /// Names that are ignored, at any depth.
    var ignored: Set<[UInt8]> = []
    /// Paths that a watcher would have reported and that were not handed over yet. The value: whether the content may
    /// have changed without a trace in its times.
    var events: [RelativePath: Bool] = [:]
    /// Those of them that a replica waits for because it reads what is there: its own, which no watcher drops.
    var reading: Set<RelativePath> = []
    /// Events were dropped, and the watcher says so.
    var hasOverflowed = false

    private var clock: UInt64 = 1
    private var lastInode: UInt64 = 1
    private var lastToken = 0

    init(census: Census, remembersNames: Bool) {
        self.census = census
        self.remembersNames = remembersNames
    }

    var nodes: [RelativePath: Node] { state.nodes }
    var limbo: [Limbo] { state.limbo }

    // MARK: Durability of names

    /// A machine is about to change names, in one step that happens whole or not at all.
    func willChangeNames() {
        if remembersNames { unsynced.append(state) }
    }

    /// Everything up to now is durable: names were flushed, or a user has flushed something later.
    func synchronize() {
        synced += unsynced.count
        unsynced.removeAll(keepingCapacity: true)
    }

    /// How many changes of names there were.
    var changes: Int { synced + unsynced.count }

    /// The power has failed: of the changes of names that were not durable, those after the first `count` ever made did
    /// not happen.
    func revert(toChange count: Int) {
        let kept = max(count - synced, 0)
        if kept < unsynced.count { replace(by: unsynced[kept]) }
        synced += min(kept, unsynced.count)
        unsynced.removeAll()
    }

    /// Another state takes this one's place: a backup is restored.
    func replace(by other: State) {
        for content in state.contents { census.remove(content) }
        state = other
        for content in state.contents { census.add(content) }
    }

    /// An image of another disk: what is made here later is no object of that one's.
    func begin(as other: SimDisk) {
        replace(by: other.state)
        clock = other.clock
        lastInode = other.lastInode
        lastToken = other.lastToken
        ignored = other.ignored
    }

    // MARK: The tree

    func node(at path: RelativePath) -> Node? {
        state.nodes[path]
    }

    func isDirectory(_ path: RelativePath?) -> Bool {
        guard let path else { return true }
        return state.nodes[path]?.kind.isDirectory == true
    }

    func children(of directory: RelativePath) -> [RelativePath] {
        let start = directory.bytes.count + 1
        return state.nodes.keys.filter {
            $0.isInside(directory) && !$0.bytes[start...].contains(UInt8(ascii: "/"))
        }.sorted()
    }

    func isEmpty(_ directory: RelativePath) -> Bool {
        !state.nodes.keys.contains { $0.isInside(directory) }
    }

    private func tick() -> UInt64 {
        clock += 1
        return clock
    }

    private func assign(_ node: Node?, at path: RelativePath) {
        if let content = state.nodes[path]?.kind.content { census.remove(content) }
        // Permission is the object's, not the name's.
        if !unreadable.isEmpty, node?.inode != state.nodes[path]?.inode { unreadable.remove(path) }
        state.nodes[path] = node
        if let content = node?.kind.content { census.add(content) }
    }

    /// Makes, replaces, changes or (nil) removes what is at a path.
    func set(_ kind: Kind?, at path: RelativePath, keepingInode: Bool = false) {
        events[path] = true
        guard let kind else { return assign(nil, at: path) }
        var inode = state.nodes[path]?.inode
        if inode == nil || !keepingInode {
            lastInode += 1
            inode = lastInode
        }
        assign(Node(inode: inode ?? 0, ctime: tick(), kind: kind), at: path)
    }

    /// Gives an existing object a name, or (nil) takes the name from what has it.
    func put(_ node: Node?, at path: RelativePath) {
        events[path] = events[path] ?? false
        var node = node
        if node != nil { node?.ctime = tick() }
        assign(node, at: path)
    }

    /// Renames a node and all inside it.
    func move(_ path: RelativePath, to target: RelativePath) {
        let moving = state.nodes.filter { $0.key == path || $0.key.isInside(path) }
        for (old, node) in moving.sorted(by: { $0.key < $1.key }) {
            let moved = target.bytes + old.bytes.dropFirst(path.bytes.count)
            guard let new = try? RelativePath(moved) else { continue }
            put(nil, at: old)
            put(node, at: new)
        }
    }

    // MARK: What came out

    func takeOut(_ node: Node, from path: RelativePath, expected: Kind?) -> Int {
        lastToken += 1
        state.limbo.append(Limbo(token: lastToken, path: path, expected: expected, node: node))
        if let content = node.kind.content { census.add(content) }
        return lastToken
    }

    func takenOut(_ token: Int) -> Limbo? {
        state.limbo.first { $0.token == token }
    }

    func forget(_ token: Int) {
        guard let place = state.limbo.firstIndex(where: { $0.token == token }) else { return }
        if let content = state.limbo.remove(at: place).node.kind.content { census.remove(content) }
    }

    func retire(_ token: Int) {
        guard let limbo = takenOut(token) else { return }
        if let content = limbo.node.kind.content, state.history.insert(content).inserted { census.add(content) }
        forget(token)
    }

    /// A program writes on to a file that came out.
    func write(_ kind: Kind, toTakenOut token: Int) {
        guard let place = state.limbo.firstIndex(where: { $0.token == token }) else { return }
        if let content = state.limbo[place].node.kind.content { census.remove(content) }
        state.limbo[place].node.kind = kind
        if let content = kind.content { census.add(content) }
    }

    // MARK: Content

    func stage(_ contents: [SimContent]) {
        for content in contents { state.staging[content, default: 0] += 1 }
    }

    func unstage(_ content: SimContent) {
        guard let count = state.staging[content] else { return }
        state.staging[content] = count > 1 ? count - 1 : nil
    }

    func content(of digest: Digest) -> SimContent? {
        for (path, node) in state.nodes {
            if let content = node.kind.content, content.digest == digest, !ignores(path) { return content }
        }
        return state.history.first { $0.digest == digest } ?? state.staging.keys.first { $0.digest == digest }
            ?? state.limbo.lazy.compactMap(\.node.kind.content).first { $0.digest == digest }
    }

    /// The state folder is gone, and with it all that is not in the tree.
    func losePrivateState() {
        var left = state
        left.limbo = []
        left.history = []
        left.staging = [:]
        replace(by: left)
        synchronize()
    }

    func hasHistory(of digest: Digest) -> Bool {
        state.history.contains { $0.digest == digest }
    }

    /// The tree as entries, specials left out.
    var entries: [RelativePath: Entry] {
        state.nodes.compactMapValues(Self.entry(of:))
    }

    /// Every content in the tree.
    var contents: Set<SimContent> {
        Set(state.nodes.values.compactMap(\.kind.content))
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
        let none = Timestamp(seconds: 0, nanoseconds: 0)
        return switch node.kind {
        case .file(let content, let mode, let mtime):
            Fingerprint(
                inode: node.inode, size: content.size, mtime: mtime, ctime: ctime,
                mode: 0o100000 | UInt32(mode.rawValue))
        case .directory(let mode):
            Fingerprint(
                inode: node.inode, size: 0, mtime: none, ctime: none, mode: 0o040000 | UInt32(mode.rawValue))
        case .symlink(let target):
            Fingerprint(inode: node.inode, size: UInt64(target.count), mtime: none, ctime: ctime, mode: 0o120777)
        case .fifo:
            Fingerprint(inode: node.inode, size: 0, mtime: none, ctime: ctime, mode: 0o010666)
        }
    }
}

/// In how many places, on all disks together, each content is: so that the last one's going is seen at once.
final class Census {
    private var counts: [SimContent: Int] = [:]
    /// What has gone from its last place and was not looked at since.
    private(set) var gone: Set<SimContent> = []

    func add(_ content: SimContent) {
        counts[content, default: 0] += 1
    }

    func remove(_ content: SimContent) {
        guard let count = counts[content] else { return }
        counts[content] = count - 1
        if count == 1 { gone.insert(content) }
    }

    /// What is in no place any more, of what went since the last call.
    func takeGone() -> [SimContent] {
        guard !gone.isEmpty else { return [] }
        defer { gone.removeAll(keepingCapacity: true) }
        return gone.filter { counts[$0] == 0 }.sorted()
    }
}
