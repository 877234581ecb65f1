/// Spoils valid inputs: the same seed gives the same inputs (SplitMix64, Steele et al. 2014).
struct Mutator: RandomNumberGenerator {
    private var state: UInt64
    private let samples: [[UInt8]]

    init(seed: UInt64, samples: [[UInt8]]) {
        state = seed
        self.samples = samples
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// One of the samples, changed in one to four places.
    mutating func input() -> [UInt8] {
        var bytes = sample()
        for _ in 0..<Int.random(in: 1...4, using: &self) { change(&bytes) }
        return bytes
    }

    private mutating func sample() -> [UInt8] {
        samples.randomElement(using: &self) ?? []
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &self)
        let end = min(bytes.count, place + Int.random(in: 0...8, using: &self))
        switch Int.random(in: 0...6, using: &self) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &self)
        case 1 where place < bytes.count: bytes[place] = edge()
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 4: bytes.insert(contentsOf: (0..<Int.random(in: 1...8, using: &self)).map { _ in edge() }, at: place)
        case 5: bytes.removeSubrange(place...)
        default: bytes.replaceSubrange(place..., with: sample().dropFirst(place))
        }
    }

    /// A byte as integers have them at the ends of their ranges, or any.
    private mutating func edge() -> UInt8 {
        let edges: [UInt8] = [0, 1, 0x7e, 0x7f, 0x80, 0xfe, 0xff]
        let any = UInt8.random(in: 0...255, using: &self)
        return Bool.random(using: &self) ? any : edges.randomElement(using: &self) ?? any
    }
}
