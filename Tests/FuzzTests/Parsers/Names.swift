import Ignore
import Sync
import Tree

@testable import Index

extension Parser {
    func eatPath(_ input: [UInt8]) throws {
        guard let path = try? RelativePath(input) else { return }
        let components = path.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        try demand(path.bytes == input, "another path came back")
        var joined: RelativePath?
        for component in components {
            try demand(!component.isEmpty && !component.contains(0), "a component \(Array(component))")
            try demand(!component.elementsEqual(".".utf8) && !component.elementsEqual("..".utf8), "a step up")
            joined = try RelativePath.child(component, of: joined)
        }
        try demand(joined == path, "its components make \(String(describing: joined))")
        try demand(try RelativePath.child(path.name, of: path.parent) == path, "its parent and name make another")
        try demand(path.ancestors.allSatisfy { path.isInside($0) }, "an ancestor that it is not inside of")
        try demand(path.depth == components.count - 1 && path.ancestors.count == path.depth, "depth \(path.depth)")
        let isPlain = path.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f ~= $0.value) }
        try demand(isPlain, "a control character is shown")
        try demand(try PathKey.path(of: PathKey.key(of: path)) == path, "another path came out of the index")
    }

    func pathSeeds() -> [[UInt8]] {
        let texts = [
            "a", "some/path.txt", ".hidden/żółw/🧦", "a/.nosocksignore", "..a/.b/...",
            String(repeating: "x", count: 255) + "/y",
        ]
        return texts.map { Array($0.utf8) } + [[0x61, 0x2f, 0xff, 0xfe, 0x0a]]
    }

    /// The author comes first, then a line feed and the path.
    func eatConflictName(_ input: [UInt8]) throws {
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let path = try? RelativePath(Array(parts[1])) else { return }
        let original = ConflictName.parts(of: path)?.original ?? path
        _ = ConflictName.plain(for: path)
        _ = ConflictName.plain(for: path, number: Int.max)
        let author = String(decoding: parts[0], as: UTF8.self)
        guard let minted = ConflictName.path(for: path, author: author, digest: try digest()) else { return }
        try demand(ConflictName.isConflictCopy(minted), "\(minted) is no conflict copy")
        try demand(minted.parent == path.parent, "\(minted) lies elsewhere")
        guard let parsed = ConflictName.parts(of: minted) else { throw Broken("\(minted) says nothing") }
        // A name that had no room is cut.
        guard minted.name.count < RelativePath.maximumComponentLength - 3 else { return }
        try demand(parsed.original == original, "\(minted) is of \(parsed.original), not of \(original)")
    }

    func conflictSeeds() throws -> [[UInt8]] {
        let digest = try digest()
        return try [
            "report.txt", "dir/archive.tar.gz", "noextension", ".dotfile", "..conflict-ann-00010203",
            String(repeating: "x", count: 250),
        ]
        .flatMap { name in
            let path = try RelativePath(name)
            let minted = ConflictName.path(for: path, author: "ann-2", digest: digest)
            return [path, minted ?? path].map { Array("bob\n".utf8) + $0.bytes }
        }
    }

    func eatRules(_ input: [UInt8]) throws {
        let end = input.lastIndex(of: UInt8(ascii: "\n")) ?? input.startIndex
        guard let path = try? RelativePath(Array(input[end...].drop { $0 == UInt8(ascii: "\n") })) else { return }
        let file = RuleFile(contents: input[..<end])
        var rules = RuleTree(command: RuleFile(patterns: file.rules.suffix(1).map(\.pattern.text)))
        rules[nil] = file
        if let parent = path.parent { rules[parent] = file }
        for isDirectory in [false, true] { _ = rules.match(path, isDirectory: isDirectory) }
        // With a backslash before each of its bytes, a path is a pattern that means it and nothing else.
        let escaped = path.bytes.flatMap { $0 == UInt8(ascii: "/") ? [$0] : [UInt8(ascii: "\\"), $0] }
        let literal = RuleTree(command: RuleFile(patterns: [[UInt8(ascii: "/")] + escaped]))
        try demand(path.isRuleFile || literal.match(path, isDirectory: false) != nil, "its own pattern does not match")
    }

    func ruleSeeds() -> [[UInt8]] {
        [
            "*.o\n!keep.o\n/build/\n# a comment\n\\#file\nbuild/a.o", "a/**/b\n**/c\nd/**\n***\na/x/y/b",
            "[a-z]*[!0-9][[:alpha:]]?\\*\nab*\n", "*a*a*a*a*a*a*b\n**/a/**/a/**/b\naaaaaaaa/aaaaaaaaaaaa/a/a/a/a",
            "trailing \\ \r\n[]-a]\n[\\]]\n[a-\n]",
        ].map { Array($0.utf8) }
    }
}
