package import Tree

/// Finds where content is cut (FastCDC: Xia et al., USENIX ATC 2016; gear hash, minimum skipped, normalised by two
/// bits). The cuts depend on the bytes near them alone, so that an insertion moves none but its neighbours.
package struct Chunker: Sendable {
    private let minimum: Int
    private let average: Int
    private let maximum: Int
    // Before the average a cut is four times rarer than the average asks for, behind it four times more frequent: so
    // sizes gather around it. The hash shifts left, so its high bits have seen the most bytes.
    private let rare: UInt64
    private let frequent: UInt64

    package init(_ parameters: ChunkingParameters) {
        minimum = Int(parameters.minimum)
        average = Int(parameters.average)
        maximum = Int(parameters.maximum)
        let bits = UInt64(parameters.average.trailingZeroBitCount)
        rare = ~0 << (64 - bits - 2)
        frequent = ~0 << (64 - bits + 2)
    }

    /// The size of the first chunk of `bytes`, which must hold ``ChunkingParameters/maximum`` bytes or all that is
    /// left of the file.
    package func firstCut(in bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > minimum, let base = bytes.baseAddress else { return bytes.count }
        let end = min(bytes.count, maximum)
        let turn = min(end, average)
        return GearTable.words.withUnsafeBufferPointer { table in
            guard let gear = table.baseAddress else { return end }
            var hash: UInt64 = 0
            return Self.cut(in: base, from: minimum, to: turn, where: rare, &hash, gear)
                ?? Self.cut(in: base, from: turn, to: end, where: frequent, &hash, gear) ?? end
        }
    }

    /// The first place behind `start` and up to `end` where the bits of `mask` are all zero in the hash.
    ///
    /// Byte by byte each hash waits for the one before it, two cycles long. Of four bytes the sums that the hash before
    /// them has no part in are made meanwhile, which leaves three cycles of waiting for four bytes.
    @inline(__always)
    private static func cut(
        in base: UnsafeRawPointer, from start: Int, to end: Int, where mask: UInt64, _ hash: inout UInt64,
        _ gear: UnsafePointer<UInt64>
    ) -> Int? {
        func word(_ index: Int) -> UInt64 { gear[Int(base.load(fromByteOffset: index, as: UInt8.self))] }
        var index = start
        while index + 4 <= end {
            let one = word(index)
            let two = (one << 1) &+ word(index + 1)
            let three = (two << 1) &+ word(index + 2)
            let four = (three << 1) &+ word(index + 3)
            if ((hash << 1) &+ one) & mask == 0 { return index + 1 }
            if ((hash << 2) &+ two) & mask == 0 { return index + 2 }
            if ((hash << 3) &+ three) & mask == 0 { return index + 3 }
            hash = (hash << 4) &+ four
            if hash & mask == 0 { return index + 4 }
            index += 4
        }
        while index < end {
            hash = (hash << 1) &+ word(index)
            index += 1
            if hash & mask == 0 { return index }
        }
        return nil
    }
}
