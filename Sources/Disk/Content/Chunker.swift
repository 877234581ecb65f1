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
            var index = minimum
            while index < turn {
                hash = (hash << 1) &+ gear[Int(base.load(fromByteOffset: index, as: UInt8.self))]
                index += 1
                if hash & rare == 0 { return index }
            }
            while index < end {
                hash = (hash << 1) &+ gear[Int(base.load(fromByteOffset: index, as: UInt8.self))]
                index += 1
                if hash & frequent == 0 { return index }
            }
            return end
        }
    }
}
