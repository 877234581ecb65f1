package import Tree

/// A path as the index orders it: `/` becomes NUL, which no path holds.
///
/// So keys sort component by component: a directory stands before what is inside it, its subtree is one contiguous
/// range, and siblings stand in byte order of their names. (Plain byte order of paths has `a-b` before `a/b`.)
enum PathKey {
    static func key(of path: RelativePath) -> [UInt8] {
        path.bytes.map { $0 == slash ? 0 : $0 }
    }

    /// The same, without an array of its own.
    static func withKey<Result>(
        of path: RelativePath, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: path.bytes.count) { key in
            _ = key.initialize(from: path.bytes)
            for index in key.indices where key[index] == slash { key[index] = 0 }
            return try body(UnsafeRawBufferPointer(key))
        }
    }

    static func path(of key: some Collection<UInt8>) throws -> RelativePath {
        do {
            return try RelativePath(key.map { $0 == 0 ? slash : $0 })
        } catch {
            throw Damage("a record's path cannot be right: \(error)")
        }
    }

    /// All keys strictly inside `directory`, where nil is the root: from `start` up to, but without, `end`.
    static func range(inside directory: RelativePath?) -> (start: [UInt8], end: [UInt8]) {
        guard let directory else { return ([], afterAll) }
        let key = key(of: directory)
        return (key + [0], key + [1])
    }

    /// The least key that comes after `key`.
    static func successor(of key: [UInt8]) -> [UInt8] {
        key + [0]
    }

    /// The least key that comes after `key` and all keys inside it.
    static func successor(ofSubtree key: some Collection<UInt8>) -> [UInt8] {
        key + [1]
    }

    // A component has at most 255 bytes, so no key starts with more of 0xff.
    private static let afterAll = [UInt8](repeating: 0xff, count: RelativePath.maximumComponentLength + 1)

    private static let slash = UInt8(ascii: "/")
}

package enum PathOrder {
    /// Whether `left` comes before `right` in the index's order: by components, a directory before what is inside it.
    package static func precedes(_ left: RelativePath, _ right: RelativePath) -> Bool {
        let common = zip(left.bytes, right.bytes).first { $0 != $1 }
        guard let (a, b) = common else { return left.bytes.count < right.bytes.count }
        let slash = UInt8(ascii: "/")
        return (a == slash ? 0 : a) < (b == slash ? 0 : b)
    }
}
