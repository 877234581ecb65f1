/// Text that compresses about as well as what people write, the same for the same seed.
struct SampleText {
    private var random: SplitMix
    private var names: [String] = []
    private var recent: [String] = []

    init(seed: UInt64) {
        random = SplitMix(state: seed)
        for _ in 0..<200 {
            let letters = (0..<Int.random(in: 3...8, using: &random)).map { _ in pick(Array("acdeilmnoprstu")) }
            names.append(String(letters))
        }
    }

    /// One message, cut to the byte: JSON if it is a small one, else lines of source code.
    mutating func message(size: Int) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(size + 256)
        while text.count < size {
            text += (size < 1024 ? record() : line()).utf8
        }
        return Array(text.prefix(size))
    }

    private mutating func record() -> String {
        let kind = pick(["open", "edit", "save", "close"])
        return #"{"id":\#(number(100_000)),"user":"\#(name())","event":"\#(kind)","line":\#(number(2000)),"#
            + #""path":"\#(name())/\#(name()).swift","ok":\#(pick(["true", "false"]))}"#
    }

    /// Every third line is one that stood nearby, as in real code.
    private mutating func line() -> String {
        if recent.count == 300 && number(3) == 0 { return pick(recent) }
        let body =
            switch number(8) {
            case 0: "if (\(name()).\(name()) != \(name())->\(name())) {"
            case 1: "return \(name())_\(name())(\(name()), \(name()));"
            case 2: "}"
            case 3: "// The \(name()) has its \(name()), and no \(name())"
            case 4: "static int \(name())_\(name())(struct \(name()) *\(name()))"
            case 5: "\(name())->\(name()) = \(name())_\(name())[\(number(1000))];"
            case 6: "for (int \(name()) = 0; i < \(name()).\(name()); i++)"
            default: "assert(\(name())_\(name()) == \(number(100_000)));"
            }
        let line = String(repeating: "    ", count: number(5)) + body + "\n"
        if recent.count < 300 { recent.append(line) } else { recent[number(300)] = line }
        return line
    }

    private mutating func name() -> String { pick(names) }

    private mutating func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[number(choices.count)] }
}

/// Steele, Lea and Flood's SplitMix64.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
