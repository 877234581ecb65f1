import Testing
import Tree

@testable import Ignore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The same patterns and paths to git and to us. NOSOCKS_GIT_ROUNDS asks for more rounds, NOSOCKS_TEST_SEED for others.
@Suite("As git has it") struct GitComparisonTests {
    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init)
    }

    /// The pattern without the rest of its line.
    private func words(_ match: RuleMatch?) -> RuleMatchInWords? {
        guard let match, case .file(let directory) = match.source else { return nil }
        return RuleMatchInWords(directory: directory, line: match.line, pattern: match.pattern.text)
    }

    @Test("generated patterns decide about generated paths as git check-ignore says, rule and line included")
    func generated() throws {
        let first = UInt64(Self.setting("NOSOCKS_TEST_SEED") ?? 1)
        let rounds = Self.setting("NOSOCKS_GIT_ROUNDS") ?? 480
        var differences: [String] = []
        var decided = 0
        for seed in first..<(first + UInt64(max(1, rounds / 16))) {
            var random = RandomRules(seed: seed)
            let git = try Git()
            let (paths, directories) = random.tree(size: 90)
            for path in paths { try git.make(path, isDirectory: directories.contains(path)) }
            for round in 0..<16 {
                var rules: [RelativePath?: [UInt8]] = [nil: random.file()]
                for directory in directories.sorted() where random.chance(1, in: 6) { rules[directory] = random.file() }
                let expected = try git.verdicts(on: paths, with: rules)
                var tree = RuleTree()
                for (directory, contents) in rules { tree[directory] = RuleFile(contents: contents) }
                for (path, expected) in zip(paths, expected) {
                    let match = tree.match(path, isDirectory: directories.contains(path))
                    if match != nil { decided += 1 }
                    guard git.verdict(words(match)) != expected else { continue }
                    differences.append(
                        "seed \(seed), round \(round), \(path): git says \(describe(expected)), we say "
                            + describe(git.verdict(words(match))))
                }
            }
        }
        #expect(differences.isEmpty, "\(differences.count), as \(differences.prefix(10).joined(separator: "\n"))")
        #expect(decided > rounds * 20)
    }

    private func describe(_ verdict: Git.Verdict) -> String {
        "\(RelativePath.printable(verdict.source)):\(verdict.line):\(RelativePath.printable(verdict.pattern))"
    }
}
