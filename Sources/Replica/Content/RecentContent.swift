import Tree

/// Content of small files by digest, the newest up to a limit: what was just hashed is about to be sent, and what just
/// arrived is about to be written.
struct RecentContent {
    private let limit: Int
    private var held: [Digest: [UInt8]] = [:]
    private var order: [Digest] = []
    private var oldest = 0
    private var size = 0

    /// - Parameter limit: in bytes.
    init(limit: Int) {
        self.limit = limit
    }

    subscript(digest: Digest) -> [UInt8]? { held[digest] }

    mutating func insert(_ bytes: [UInt8], digest: Digest) {
        guard held.updateValue(bytes, forKey: digest) == nil else { return }
        order.append(digest)
        size += bytes.count
        while size > limit, oldest < order.count {
            remove(order[oldest])
            oldest += 1
        }
        if oldest > 1024 && oldest > order.count / 2 {
            order.removeFirst(oldest)
            oldest = 0
        }
    }

    mutating func removeAll() {
        self = RecentContent(limit: limit)
    }

    mutating func remove(_ digest: Digest) {
        if let bytes = held.removeValue(forKey: digest) { size -= bytes.count }
    }
}
