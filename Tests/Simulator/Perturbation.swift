import Sync
import Tree

/// One tree, synced everywhere, is changed on two replicas that do not hear of each other; then the first one's changes
/// reach the hub, and after them the second one's. Nothing fails, so the outcome is known to the last bit.
struct Perturbation {
    /// How many edits make the tree, and how many change it on each of the two.
    private static let edits = (tree: 10, changes: 4)
    static var steps: Int { edits.tree + 2 * edits.changes }

    private let world: World
    private let first: World.Site
    private let second: World.Site

    init(_ world: World) {
        self.world = world
        world.random = SeededRandom(seed: world.options.seed)
        let order = world.sites.shuffled(using: &world.random)
        first = order[0]
        second = order[1]
    }

    func run(_ steps: [Step]) throws(Violation) {
        world.isCalm = true
        edit(world.hub, steps.filter { $0.number < Self.edits.tree })
        try world.calm()
        let base = world.order.tree

        if !second.isHub { world.stop(second, powerFails: false) }
        let changes = steps.filter { $0.number >= Self.edits.tree }
        edit(first, changes.filter { $0.number < Self.edits.tree + Self.edits.changes })
        edit(second, changes.filter { $0.number >= Self.edits.tree + Self.edits.changes })
        let (ours, theirs) = (first.disk.entries, second.disk.entries)
        try settleFirst()
        let expected = Merge(
            base: base, remote: ours, remoteAuthor: first.name, local: theirs, localAuthor: second.name)
        try world.calm()
        try compare(expected)
        try world.judge()
    }

    private func edit(_ site: World.Site, _ steps: [Step]) {
        for step in steps {
            world.random = SeededRandom(seed: step.seed)
            world.edit(site)
        }
        world.random = SeededRandom(seed: world.options.seed)
    }

    /// The first one's changes reach the hub; nobody has told of the second one's.
    private func settleFirst() throws(Violation) {
        for _ in 0..<60 {
            for site in world.sites where site !== second {
                world.start(site)
                world.report(site, all: true)
            }
            for peer in world.peers where peer !== second {
                world.connect(peer)
                world.deliverUp(peer)
                world.deliverDown(peer)
            }
            for site in world.sites where site !== second { world.judgeDeletions(site) }
            try world.check()
        }
    }

    private func compare(_ merge: Merge) throws(Violation) {
        let (expected, found) = (merge.tree, world.order.tree)
        for path in Set(expected.keys).union(found.keys).sorted() where expected[path] != found[path] {
            throw Violation(
                invariant: "I6/I11/I12/I21",
                text: "\(path) should be \(world.describe(expected[path])), and is \(world.describe(found[path])), "
                    + "after \(first.name) and then \(second.name)")
        }
    }
}

/// What must come of two changed trees: the design's table, path by path, and what follows from it for the directories
/// above. Written apart from the machines, so that they can be held against it.
struct Merge {
    private let base: [RelativePath: Entry]
    private let remote: [RelativePath: Entry]
    private let local: [RelativePath: Entry]
    private let remoteAuthor: String
    private let localAuthor: String
    private(set) var tree: [RelativePath: Entry] = [:]

    init(
        base: [RelativePath: Entry], remote: [RelativePath: Entry], remoteAuthor: String,
        local: [RelativePath: Entry], localAuthor: String
    ) {
        self.base = base
        self.remote = remote
        self.local = local
        self.remoteAuthor = remoteAuthor
        self.localAuthor = localAuthor
        let paths = Set(base.keys).union(remote.keys).union(local.keys).sorted()
        for path in paths { decide(path) }
        for path in paths where tree[path] != nil { keepDirectories(above: path) }
    }

    private mutating func decide(_ path: RelativePath) {
        let (base, remote, local) = (base[path], remote[path], local[path])
        if local == base || local == remote {
            tree[path] = remote
        } else if remote == base {
            tree[path] = local
        } else if let remote, let local {
            decide(path, base ?? .tombstone, remote, local)
        } else {
            // An edit beats a delete.
            tree[path] = remote ?? local
        }
    }

    /// Both are there, and both are not as they were.
    private mutating func decide(_ path: RelativePath, _ base: Entry, _ remote: Entry, _ local: Entry) {
        if remote.hasSameContent(as: local) {
            tree[path] = remote.metadata == base.metadata ? local : remote
        } else if remote.hasSameContent(as: base) {
            tree[path] = local
        } else if local.hasSameContent(as: base) {
            tree[path] = remote
        } else if local.isDirectory {
            tree[path] = local
            setAside(remote, at: path, remoteAuthor)
        } else {
            tree[path] = remote
            setAside(local, at: path, localAuthor)
        }
    }

    private mutating func setAside(_ entry: Entry, at path: RelativePath, _ author: String) {
        let digest: Digest
        switch entry {
        case .file(let file): digest = file.digest
        case .symlink(let symlink): digest = SimContent.digest(of: symlink.target)
        case .directory, .tombstone: return
        }
        guard let copy = ConflictName.path(for: path, author: author, digest: digest) else { return }
        tree[copy] = entry
    }

    /// What is kept keeps the directories above it; a file in their place steps aside.
    private mutating func keepDirectories(above path: RelativePath) {
        for above in path.ancestors where tree[above]?.isDirectory != true {
            if let file = tree[above] {
                setAside(file, at: above, file == local[above] ? localAuthor : remoteAuthor)
            }
            tree[above] = [remote[above], local[above], base[above]].lazy.compactMap(\.self).first(where: \.isDirectory)
        }
    }
}

extension Entry {
    fileprivate var metadata: [Int64]? {
        switch self {
        case .file(let file):
            [Int64(file.mode.rawValue), file.mtime.seconds, Int64(file.mtime.nanoseconds)]
        case .directory(let directory): [Int64(directory.mode.rawValue)]
        case .symlink, .tombstone: nil
        }
    }
}
