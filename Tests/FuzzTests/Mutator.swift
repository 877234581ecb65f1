import TestSupport

/// Spoils valid inputs: the same seed gives the same inputs.
struct Mutator {
    private var random: SeededRandom
    private let samples: [[UInt8]]

    init(seed: UInt64, samples: [[UInt8]]) {
        random = SeededRandom(seed: seed)
        self.samples = samples
    }

    /// One of the samples, changed in one to four places.
    mutating func input() -> [UInt8] {
        var bytes = sample()
        for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes) }
        return bytes
    }

    private mutating func sample() -> [UInt8] {
        samples.randomElement(using: &random) ?? []
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 0...8, using: &random))
        switch Int.random(in: 0...6, using: &random) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1 where place < bytes.count: bytes[place] = edge()
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 4: bytes.insert(contentsOf: (0..<Int.random(in: 1...8, using: &random)).map { _ in edge() }, at: place)
        case 5: bytes.removeSubrange(place...)
        default: bytes.replaceSubrange(place..., with: sample().dropFirst(place))
        }
    }

    /// A byte as integers have them at the ends of their ranges, or any.
    private mutating func edge() -> UInt8 {
        let edges: [UInt8] = [0, 1, 0x7e, 0x7f, 0x80, 0xfe, 0xff]
        let any = UInt8.random(in: 0...255, using: &random)
        return Bool.random(using: &random) ? any : edges.randomElement(using: &random) ?? any
    }
}
