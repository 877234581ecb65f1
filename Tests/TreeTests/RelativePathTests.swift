import Testing
import Tree

private func bytes(_ count: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(ascii: "x"), count: count)
}

/// A path of exactly `count` bytes, in components of at most 255.
private func long(_ count: Int) -> [UInt8] {
    (1...count).map { $0 % 256 == 0 ? UInt8(ascii: "/") : UInt8(ascii: "x") }
}

@Suite struct RelativePathTests {
    @Test(arguments: [
        "a", "a/b", "a/b/c", ".a", "..a", "a.", "a..", "...", " ", "a b", "\\", "\u{1}", "é", ".nosock", ".nosocks2",
        ".nosocksignore", "a.nosocks", ".Nosocks", "~", "C:", "-",
    ])
    func `These are paths`(string: String) throws {
        #expect(try RelativePath(string).bytes == Array(string.utf8))
    }

    @Test(arguments: [
        ("", PathError.empty), ("/", .absolute), ("/a", .absolute), ("//", .absolute), ("a/", .emptyComponent),
        ("a//b", .emptyComponent), (".", .dotComponent), ("..", .dotComponent), ("./a", .dotComponent),
        ("a/.", .dotComponent), ("a/./b", .dotComponent), ("../a", .dotComponent), ("a/..", .dotComponent),
        ("a/../b", .dotComponent), ("\0", .containsNUL), ("a\0b", .containsNUL), ("a/b\0", .containsNUL),
        (".nosocks", .reserved), (".nosocks/a", .reserved), ("a/.nosocks", .reserved), ("a/.nosocks/b", .reserved),
    ])
    func `These are none`(string: String, error: PathError) {
        #expect(throws: error) { try RelativePath(string) }
    }

    @Test func `A component has up to 255 bytes`() throws {
        #expect(try RelativePath(bytes(255)).bytes.count == 255)
        #expect(try RelativePath(bytes(255) + [0x2f] + bytes(255)).depth == 1)
        #expect(throws: PathError.componentTooLong(256)) { try RelativePath(bytes(256)) }
        #expect(throws: PathError.componentTooLong(256)) { try RelativePath([0x61, 0x2f] + bytes(256)) }
    }

    @Test func `A path has up to 4095 bytes`() throws {
        #expect(try RelativePath(long(4095)).bytes.count == 4095)
        #expect(throws: PathError.tooLong(4096)) { try RelativePath(long(4094) + [0x2f, 0x61]) }
        #expect(throws: PathError.tooLong(1_000_000)) { try RelativePath(long(1_000_000)) }
    }

    @Test func `Appending checks the name and the length`() throws {
        let a = try RelativePath("a")
        #expect(try a.appending("b".utf8) == RelativePath("a/b"))
        #expect(throws: PathError.emptyComponent) { try a.appending("b/c".utf8) }
        #expect(throws: PathError.emptyComponent) { try a.appending("".utf8) }
        #expect(throws: PathError.dotComponent) { try a.appending("..".utf8) }
        #expect(throws: PathError.reserved) { try a.appending(".nosocks".utf8) }
        #expect(throws: PathError.containsNUL) { try a.appending([0]) }
        #expect(throws: PathError.componentTooLong(256)) { try a.appending(bytes(256)) }
        #expect(throws: PathError.tooLong(4096)) { try RelativePath(long(4090)).appending(bytes(5)) }
        #expect(try RelativePath.child("b".utf8, of: nil) == RelativePath("b"))
        #expect(try RelativePath.child("b".utf8, of: a) == RelativePath("a/b"))
        #expect(throws: PathError.emptyComponent) { try RelativePath.child("b/c".utf8, of: nil) }
        #expect(throws: PathError.empty) { try RelativePath.child([], of: nil) }
    }

    @Test(
        arguments: [
            ("a", nil, "a", [], 0), ("a/b", "a", "b", ["a"], 1), ("a/b/c", "a/b", "c", ["a", "a/b"], 2),
        ] as [(String, String?, String, [String], Int)])
    func `A path knows what is above it`(
        string: String, parent: String?, name: String, ancestors: [String], depth: Int
    ) throws {
        let path = try RelativePath(string)
        #expect(try path.parent == parent.map { try RelativePath($0) })
        #expect(Array(path.name) == Array(name.utf8))
        #expect(path.ancestors.map(\.description) == ancestors)
        #expect(path.depth == depth)
    }

    @Test(arguments: [
        ("a/b", "a", true), ("a/b/c", "a", true), ("a/b/c", "a/b", true), ("a", "a", false), ("ab", "a", false),
        ("ab/c", "a", false), ("a", "a/b", false), ("a-b", "a", false), ("b/a", "a", false),
    ])
    func `Inside is strictly below`(path: String, directory: String, isInside: Bool) throws {
        #expect(try RelativePath(path).isInside(RelativePath(directory)) == isInside)
    }

    @Test func `Paths are ordered by their bytes, a directory before what is inside it`() throws {
        let texts = ["\u{1}", "A", "a", "a-b", "a/b", "a/b/c", "a/c", "a0", "b", "\u{7f}", "é"]
        let paths = try texts.map { try RelativePath($0) } + [RelativePath([0xff])]
        #expect(paths.reversed().sorted() == paths)
    }

    @Test func `Equal bytes are equal paths, and no others`() throws {
        #expect(try RelativePath("é") == RelativePath("\u{e9}"))
        #expect(try RelativePath("caf\u{e9}") != RelativePath("cafe\u{301}"))
        #expect(try Set([RelativePath("caf\u{e9}"), RelativePath("cafe\u{301}")]).count == 2)
    }

    @Test(
        arguments: [
            (Array("plain/é/日本/🧦".utf8), "plain/é/日本/🧦"),
            ([0x61, 0x0a, 0x1b, 0x7f], "a\\x0a\\x1b\\x7f"),
            ([0xc2, 0x9b], "\\xc2\\x9b"),
            ([0xff], "\\xff"),
            ([0x61, 0xff, 0xfe, 0x62], "a\\xff\\xfeb"),
            ([0xc3], "\\xc3"),
            ([0xc3, 0x28], "\\xc3("),
            ([0xe2, 0x82], "\\xe2\\x82"),
            ([0xe2, 0x82, 0x61], "\\xe2\\x82a"),
            ([0xf0, 0x9f, 0xa7, 0xc3, 0xa9], "\\xf0\\x9f\\xa7é"),
            ([0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"),
            ([0xc0, 0xaf], "\\xc0\\xaf"),
            ([0xef, 0xbf, 0xbd], "\u{fffd}"),
        ] as [([UInt8], String)])
    func `What can't be printed is shown by its bytes`(bytes: [UInt8], shown: String) {
        #expect(RelativePath.printable(bytes) == shown)
    }

    @Test func `A path is text where its bytes are`() throws {
        #expect(try RelativePath("é").utf8 == "é")
        #expect(try RelativePath([0xff]).utf8 == nil)
    }
}
