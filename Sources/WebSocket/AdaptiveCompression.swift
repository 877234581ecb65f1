/// Follows the link: compressing is the cure of a slow one and the bottleneck of a fast one.
///
/// How fast the other side works off what it gets says nothing here: who is behind has no time to inflate either.
package struct AdaptiveCompression: Sendable {
    /// In bytes. What is smaller is compressed anyway: it waits for nobody's work, and its bytes may.
    package static let bulk = 16 << 10
    /// In bytes a second, on the wire: a slower link gains by compressing, and a faster one loses. In between it stays as
    /// it is, so that a link that is about as fast as a compressor does not change with every batch.
    private static let even = 100e6...140e6
    /// In bytes a second, on the wire: over a link like this there is time to compress harder.
    private static let slowest = 8e6

    private var isCompressing = true

    package init() {}

    /// How the message that is sent next should be compressed, if it shrinks.
    ///
    /// - Parameters:
    ///   - count: Its length, in bytes.
    ///   - linkRate: How much the link takes, in bytes a second; infinity where something else is slower, nil where nothing
    ///     is known.
    package mutating func next(_ count: Int, linkRate: Double?) -> Compression {
        guard count >= Self.bulk, let linkRate else { return .quick }
        isCompressing = linkRate < (isCompressing ? Self.even.upperBound : Self.even.lowerBound)
        guard isCompressing else { return .none }
        return linkRate < Self.slowest ? .thorough : .quick
    }
}

/// How hard a message is compressed.
package enum Compression: Hashable, Comparable, Sendable {
    case none
    case quick
    /// About a fifth smaller, at a third of the speed.
    case thorough

    /// zlib's level; nil for the usual one.
    package var level: Int? { self == .thorough ? 6 : nil }
}
