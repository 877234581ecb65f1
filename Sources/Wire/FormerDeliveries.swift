import Tree

/// What a delivery is told by: the deliveries before it in the same message, of which a renamed directory's paths and
/// revisions are mostly repetitions. Deflate alone finds little of that, as something varies every few bytes.
struct FormerDeliveries {
    private(set) var revision: Revision?
    private var last: [UInt8] = []
    private var beforeLast: [UInt8] = []
    /// Of all paths so far.
    private(set) var pathBytes = 0

    mutating func append(_ path: RelativePath, _ revision: Revision) {
        beforeLast = last
        last = path.bytes
        pathBytes += last.count
        self.revision = revision
    }

    /// Which of the two paths before shares most with the beginning of this one, and how many bytes.
    func nearest(to path: [UInt8]) -> (which: Which, shared: Int) {
        let ofLast = Self.shared(path, last)
        let ofBeforeLast = Self.shared(path, beforeLast)
        return ofBeforeLast > ofLast ? (.beforeLast, ofBeforeLast) : (.last, ofLast)
    }

    /// The bytes that a path begins with; nil where that one has fewer.
    func beginning(_ which: Which, _ count: Int) -> ArraySlice<UInt8>? {
        let path = which == .last ? last : beforeLast
        return count <= path.count ? path[..<count] : nil
    }

    enum Which: UInt64 {
        case last = 0
        case beforeLast = 1
    }

    private static func shared(_ one: [UInt8], _ other: [UInt8]) -> Int {
        one.withUnsafeBufferPointer { one in
            other.withUnsafeBufferPointer { other in
                let limit = min(one.count, other.count)
                var count = 0
                while count < limit, one[count] == other[count] { count += 1 }
                return count
            }
        }
    }
}
