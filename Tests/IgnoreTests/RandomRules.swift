import TestSupport
import Tree

/// Names, patterns and rule files from a seed: few different bytes, so that patterns match often.
struct RandomRules {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func below(_ limit: Int) -> Int { random.below(limit) }

    mutating func chance(_ part: Int, in whole: Int) -> Bool { below(whole) < part }

    private mutating func pick<Element>(_ all: [Element]) -> Element { all[below(all.count)] }

    private static let names = [
        "a", "b", "ab", "ba", "abc", "a.b", "b.a", ".a", "A", "a b", "b ", " ", "!a", "#a", "[a]", "a*", "\\", "a\\b",
        "-", "]", "é", "1", "a1", "_", "\t", "aa", "aab", "a\rb", "b\r", "^",
    ]

    mutating func name() -> [UInt8] {
        if chance(1, in: 40) { return [0xff, UInt8(ascii: "a")] }
        return Array(pick(Self.names).utf8)
    }

    /// The paths of a small tree, parents before what is inside; the directories among them.
    mutating func tree(size: Int) -> (paths: [RelativePath], directories: Set<RelativePath>) {
        var paths: [RelativePath] = []
        var directories: Set<RelativePath> = []
        for _ in 0..<size {
            let parents = [nil] + directories.sorted().filter { $0.depth < 3 }
            guard let path = try? RelativePath.child(name(), of: parents[below(parents.count)]), !paths.contains(path)
            else { continue }
            paths.append(path)
            if chance(2, in: 5) { directories.insert(path) }
        }
        return (paths, directories)
    }

    /// One line; now and then with what must not matter, or what is easily got wrong.
    mutating func line() -> [UInt8] {
        var line: [UInt8] = []
        switch below(24) {
        case 0: line += Array("#".utf8)
        case 1: line += Array("\\#".utf8)
        case 2: line += Array("\\!".utf8)
        case 3...7: line += Array("!".utf8)
        default: break
        }
        if chance(1, in: 5) { line.append(UInt8(ascii: "/")) }
        for part in 0..<(chance(3, in: 5) ? 1 : 1 + below(4)) {
            if part > 0 { line.append(UInt8(ascii: "/")) }
            line += component()
        }
        if chance(1, in: 5) { line.append(UInt8(ascii: "/")) }
        if chance(1, in: 60) { line.append(UInt8(ascii: "/")) }
        if chance(1, in: 8) { line += Array(repeating: UInt8(ascii: " "), count: 1 + below(2)) }
        if chance(1, in: 20) { line += Array("\\ ".utf8) }
        if chance(1, in: 30) { line += Array("\r".utf8) }
        if chance(1, in: 60) { line += [0, UInt8(ascii: "a")] }
        if chance(1, in: 60) { line.append(UInt8(ascii: "\\")) }
        return line
    }

    private mutating func component() -> [UInt8] {
        if chance(1, in: 5) { return Array(pick(["**", "*", "***", "?", "**a", "a**", "*.*", "*\\", "**\\"]).utf8) }
        if chance(1, in: 3) { return name() }
        return (0..<(1 + below(4))).flatMap { _ in piece() }
    }

    private mutating func piece() -> [UInt8] {
        switch below(12) {
        case 0...2: return Array("*".utf8)
        case 3: return Array("?".utf8)
        case 4: return set()
        case 5: return [UInt8(ascii: "\\")] + Array(pick(["a", "b", "*", "?", "[", "\\", " ", "/", "#"]).utf8)
        default: return Array(pick(["a", "b", "c", "ab", ".", "A", "1", "-", " ", "é", "]", "!", "#", "^"]).utf8)
        }
    }

    private static let classes = [
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit",
        "nosuch", "",
    ]

    private mutating func set() -> [UInt8] {
        var set = Array("[".utf8)
        if chance(1, in: 3) { set += Array(pick(["!", "^"]).utf8) }
        if chance(1, in: 8) { set += Array("]".utf8) }
        for _ in 0..<(1 + below(3)) {
            switch below(9) {
            case 0, 1: set += Array(pick(["a-c", "A-Z", "b-a", "!-~", "a-\\c", "0-9", "\\a-b", "a-b-c", "+-0"]).utf8)
            case 2, 3: set += Array("[:\(pick(Self.classes)):]".utf8)
            case 4: set += Array(pick(["[", "[:", "[:a", "-", "\\", "\\]", "\\-", ":", "[a]", "/", "[:alpha]"]).utf8)
            default: set += Array(pick(["a", "b", "c", "A", "1", ".", "-", " ", "^", "!"]).utf8)
            }
        }
        if !chance(1, in: 15) { set += Array("]".utf8) }
        return set
    }

    mutating func file() -> [UInt8] {
        var contents: [UInt8] = chance(1, in: 12) ? [0xef, 0xbb, 0xbf] : []
        for _ in 0..<(1 + below(12)) {
            if chance(1, in: 15) {
                contents += Array(pick(["\n", "  \n", "\r\n", "#\n", "!\n", "/\n", "\\\n", "!/\n"]).utf8)
            }
            contents += line()
            contents += Array(chance(1, in: 12) ? "\r\n".utf8 : "\n".utf8)
        }
        // The last line need not end.
        if chance(1, in: 4) { contents.removeLast() }
        return contents
    }
}
