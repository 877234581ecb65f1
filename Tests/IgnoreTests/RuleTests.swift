import Testing
import Tree

@testable import Ignore

/// A path as a test writes it: with a slash at its end where it means a directory.
private func isIgnored(_ path: String, by tree: RuleTree) throws -> Bool {
    let isDirectory = path.hasSuffix("/")
    let relative = try RelativePath(isDirectory ? String(path.dropLast()) : path)
    return tree.match(relative, isDirectory: isDirectory)?.isIgnoring ?? false
}

private func tree(_ files: [String: String], command: [String] = []) throws -> RuleTree {
    var tree = RuleTree(command: RuleFile(patterns: command.map { Array($0.utf8) }))
    for (directory, contents) in files {
        tree[directory.isEmpty ? nil : try RelativePath(directory)] = RuleFile(contents: Array(contents.utf8))
    }
    return tree
}

@Suite("Ignore rules") struct RuleTests {
    @Test(
        "a pattern means what gitignore(5) says",
        arguments: [
            ("*.log", ["a.log", "d/a.log", ".log"], ["a.logs", "log"]),
            ("/a", ["a"], ["d/a"]),
            ("d/a", ["d/a"], ["e/d/a", "a"]),
            ("build/", ["build/", "x/build/", "build/a"], ["build", "x/build"]),
            ("**/a", ["a", "b/a", "b/c/a"], ["ab"]),
            ("a/**", ["a/b", "a/b/c"], ["a", "b/a"]),
            ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "b"]),
            ("a/*/b", ["a/x/b"], ["a/b", "a/x/y/b"]),
            ("?", ["a"], ["ab"]),
            ("[!a-c]", ["d", "-"], ["a", "b", "dd"]),
            ("[^[:digit:]_]x", ["ax"], ["1x", "_x"]),
            ("[]-]", ["]", "-"], ["a", "[]-]"]),
            ("\\#a\n\\!b\nc\\ \nd \n# e", ["#a", "!b", "c ", "d"], ["c", "d ", "# e", " e"]),
            ("a\\", [], ["a", "a\\"]),
            ("[a", [], ["a", "[a"]),
            ("\u{feff}a", ["a"], []),
            ("a\r\nb\r", ["a", "b"], ["a\r", "b\r"]),
        ])
    func meaning(pattern: String, ignored: [String], others: [String]) throws {
        let tree = try tree(["": pattern])
        for path in ignored { #expect(try isIgnored(path, by: tree), "\(path) by \(pattern)") }
        for path in others { #expect(try !isIgnored(path, by: tree), "\(path) by \(pattern)") }
    }

    @Test("the nearest rule file counts first, the last line of it, and the command's patterns before any file")
    func precedence() throws {
        let rules = try tree(
            ["": "*.log\n!keep.log\n/d/special", "d": "!*.log\n/x", "d/e": "x.log"], command: ["*.tmp", "!d/a.tmp"])
        for path in ["a.log", "d/x", "d/e/x.log", "a.tmp", "d/special"] { #expect(try isIgnored(path, by: rules)) }
        for path in ["keep.log", "d/a.log", "x", "d/e/x", "d/x.log", "d/a.tmp"] {
            #expect(try !isIgnored(path, by: rules), "\(path)")
        }
    }

    @Test("what is in an ignored directory is ignored, whatever a rule says of it")
    func inside() throws {
        let rules = try tree(["": "build/\n!build/keep\n!keep", "build": "!keep"])
        #expect(try isIgnored("build/keep", by: rules))
        #expect(try isIgnored("build/.nosocksignore", by: rules))
        #expect(try !isIgnored("x/keep", by: rules))
    }

    @Test("a rule file is never ignored where its directory is not")
    func ruleFiles() throws {
        let rules = try tree(["": "*"], command: [".*"])
        #expect(try !isIgnored(".nosocksignore", by: rules))
        #expect(try isIgnored(".nosocksignore/", by: rules))
        #expect(try isIgnored("d/.nosocksignore", by: rules))
    }

    @Test("the deciding rule is named by its file, its line and its pattern")
    func naming() throws {
        let rules = try tree(["": "# a\n\n*.log  \n", "d": "x\n!y/\n"], command: ["z"])
        let log = try #require(rules.match(try RelativePath("d/a.log"), isDirectory: false))
        #expect(log.source == .file(in: nil) && log.line == 3 && log.pattern.text == Array("*.log".utf8))
        let negated = try #require(rules.match(try RelativePath("d/y"), isDirectory: true))
        #expect(negated.source == .file(in: try RelativePath("d")) && negated.line == 2 && !negated.isIgnoring)
        let command = try #require(rules.match(try RelativePath("d/z"), isDirectory: false))
        #expect(command.source == .command && command.line == 1)
        #expect(rules.match(try RelativePath("d/other"), isDirectory: false) == nil)
    }

    @Test("the command's patterns are no lines: a # is a # there, and a space a space")
    func commandPatterns() throws {
        let rules = try tree([:], command: ["#a", "b "])
        #expect(try isIgnored("#a", by: rules))
        #expect(try isIgnored("b ", by: rules))
        #expect(try !isIgnored("b", by: rules))
    }

    @Test("any bytes are a rule file")
    func anyBytes() throws {
        var random = RandomRules(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(80)).map { _ in
                random.chance(1, in: 2) ? UInt8(random.below(256)) : Array("*?[]!\\/^-: \n#".utf8)[random.below(13)]
            }
            var tree = RuleTree()
            tree[nil] = RuleFile(contents: bytes)
            _ = tree.match(try RelativePath("a/b[c].d"), isDirectory: false)
        }
    }

    @Test("no pattern takes more time than its length and the path's allow")
    func hostilePatterns() throws {
        let name = String(repeating: "a", count: 255)
        let path = Array(repeating: String(repeating: "ab", count: 7), count: 270).joined(separator: "/")
        let patterns = [
            String(repeating: "*a", count: 120) + "b", String(repeating: "**/", count: 90) + "b",
            "**/" + String(repeating: "*a*b/**/", count: 130) + "c", String(repeating: "a*", count: 3000) + "/x",
            String(repeating: "*?", count: 120) + "b",
        ]
        let clock = ContinuousClock()
        for pattern in patterns {
            var rules = RuleTree()
            rules[nil] = RuleFile(contents: Array(pattern.utf8))
            let scope = rules.scope(of: nil)
            let paths = [try RelativePath(name), try RelativePath(path)]
            let took = clock.measure {
                for path in paths { #expect(!scope.ignores(path, isDirectory: false)) }
            }
            #expect(took < .seconds(5), "\(pattern.prefix(20))…")
        }
    }
}
