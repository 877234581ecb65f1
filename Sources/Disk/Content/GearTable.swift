/// One random word per byte value, which the rolling hash of ``Chunker`` adds up.
///
/// Where a file is cut, and so its digest, depends on every word of this table: it must never change. The words come
/// from SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) started at
/// ``seed``; a test holds the table's digest.
enum GearTable {
    /// "nosocks1" in ASCII.
    static let seed: UInt64 = 0x6e6f_736f_636b_7331

    static let words: [UInt64] = {
        var state = seed
        return (0..<256).map { _ in
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }()
}
