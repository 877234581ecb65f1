import Tree

/// Which watch belongs to which directory. Directories know their parents, so that a renamed one takes all that is
/// inside along without a word about it.
struct WatchTree {
    private final class Node {
        let watch: Int32
        var name: [UInt8]
        weak var parent: Node?
        var children: [[UInt8]: Node] = [:]
        var round = 0

        init(watch: Int32, name: [UInt8]) {
            self.watch = watch
            self.name = name
        }
    }

    private var nodes: [Int32: Node] = [:]
    private var root: Node?
    private var round = 0
    /// What was asked for last, since events come in runs of one directory's; until something moves.
    private var last: (watch: Int32, location: Location)?

    var count: Int { nodes.count }

    /// Where the directory of this watch is now.
    enum Location: Equatable {
        case root
        case at(RelativePath)
        /// Not in the tree: unknown, or taken out of it by a rename whose other half was not seen yet.
        case nowhere
    }

    mutating func location(of watch: Int32) -> Location {
        if let last, last.watch == watch { return last.location }
        let location = find(watch)
        last = (watch, location)
        return location
    }

    private func find(_ watch: Int32) -> Location {
        guard let node = nodes[watch] else { return .nowhere }
        if node === root { return .root }
        var names: [[UInt8]] = []
        var current = node
        while current !== root {
            guard let parent = current.parent else { return .nowhere }
            names.append(current.name)
            current = parent
        }
        let joined = Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
        guard let path = try? RelativePath(joined) else { return .nowhere }
        return .at(path)
    }

    private func node(at path: RelativePath?) -> Node? {
        guard let path else { return root }
        var current = root
        for name in path.bytes.split(separator: UInt8(ascii: "/")) {
            current = current?.children[Array(name)]
        }
        return current
    }

    /// Says that `watch` belongs to the directory at `path`; false if the directory above has no watch. The kernel
    /// gives a directory that is watched already the same watch again: then it moves to here.
    mutating func insert(_ watch: Int32, at path: RelativePath?) -> Bool {
        last = nil
        guard let path else {
            let node = nodes[watch] ?? Node(watch: watch, name: [])
            nodes[watch] = node
            node.round = round
            root = node
            return true
        }
        guard let parent = node(at: path.parent) else { return false }
        let node = nodes[watch] ?? Node(watch: watch, name: [])
        nodes[watch] = node
        node.round = round
        attach(node, to: parent, name: Array(path.name))
        return true
    }

    /// Takes the directory of this name inside that of `parent` out of the tree, with all inside; its watches go on.
    /// Gives its watch, if it has one.
    mutating func detach(_ name: [UInt8], of parent: Int32) -> Int32? {
        last = nil
        guard let node = nodes[parent]?.children[name] else { return nil }
        detach(node)
        return node.watch
    }

    private func attach(_ node: Node, to parent: Node, name: [UInt8]) {
        detach(node)
        node.name = name
        node.parent = parent
        parent.children[name] = node
    }

    private func detach(_ node: Node) {
        if let parent = node.parent, parent.children[node.name] === node { parent.children[node.name] = nil }
        node.parent = nil
    }

    /// Forgets one watch.
    mutating func remove(_ watch: Int32) {
        last = nil
        guard let node = nodes.removeValue(forKey: watch) else { return }
        detach(node)
        if node === root { root = nil }
    }

    /// Forgets a directory that was detached, and all inside; gives the watches back.
    mutating func removeSubtree(_ watch: Int32) -> [Int32] {
        last = nil
        // Met again elsewhere since it was detached, it stays.
        guard let top = nodes[watch], top.parent == nil, top !== root else { return [] }
        var removed: [Int32] = []
        var rest = [top]
        while let node = rest.popLast() {
            removed.append(node.watch)
            nodes[node.watch] = nil
            rest.append(contentsOf: node.children.values)
            node.children = [:]
        }
        return removed
    }

    /// Forgets the directories inside of `directory` that are meant, each with all inside; gives the watches back.
    mutating func removeSubtrees(inside directory: RelativePath?, where isMeant: (RelativePath) -> Bool) -> [Int32] {
        last = nil
        guard let top = node(at: directory) else { return [] }
        var removed: [Int32] = []
        var rest: [(node: Node, path: RelativePath?)] = [(top, directory)]
        while let (node, path) = rest.popLast() {
            for child in node.children.values {
                guard let inside = try? RelativePath.child(child.name, of: path) else { continue }
                if isMeant(inside) {
                    detach(child)
                    removed += removeSubtree(child.watch)
                } else {
                    rest.append((child, inside))
                }
            }
        }
        return removed
    }

    /// Begins to mark: what is inserted from now on is kept by ``sweep()``.
    mutating func beginRound() {
        round += 1
    }

    /// Forgets what was not inserted since ``beginRound()``; gives the watches back.
    mutating func sweep() -> [Int32] {
        last = nil
        let old = nodes.values.filter { $0.round < round && $0 !== root }
        for node in old {
            detach(node)
            nodes[node.watch] = nil
        }
        return old.map(\.watch)
    }
}
