import Sync
import Testing
import Tree

@Suite("Names of conflict copies")
struct ConflictNameTests {
    let digest = Digest((0..<32).map { UInt8($0) })

    func copy(_ path: String, author: String = "ann") throws -> String? {
        let digest = try #require(digest)
        return try ConflictName.path(for: RelativePath(path), author: author, digest: digest)?.description
    }

    @Test(
        "keep the extension and say whose version it is",
        arguments: [
            ("report.txt", "report.conflict-ann-00010203.txt"),
            ("a/b/report.txt", "a/b/report.conflict-ann-00010203.txt"),
            ("Makefile", "Makefile.conflict-ann-00010203"),
            (".bashrc", ".bashrc.conflict-ann-00010203"),
            ("a.tar.gz", "a.tar.conflict-ann-00010203.gz"),
            ("ends.", "ends.conflict-ann-00010203."),
        ])
    func plain(path: String, expected: String) throws {
        #expect(try copy(path) == expected)
    }

    @Test("of conflict copies are names of the original")
    func copiesOfCopies() throws {
        #expect(try copy("report.conflict-bob-deadbeef.txt") == "report.conflict-ann-00010203.txt")
        #expect(try copy("Makefile.conflict-b-c-deadbeef") == "Makefile.conflict-ann-00010203")
        #expect(try copy("report.conflict-of-interest.txt") == "report.conflict-of-interest.conflict-ann-00010203.txt")
    }

    @Test("say what they are copies of, whose they are, and how they are called when they stay")
    func parts() throws {
        let copy = try RelativePath("a/report.conflict-bob-b-deadbeef.txt")
        let parts = try #require(ConflictName.parts(of: copy))
        #expect(parts.original.description == "a/report.txt")
        #expect(parts.author == "bob-b")
        #expect(ConflictName.plain(for: copy)?.description == "a/report-bob-b.txt")
        #expect(ConflictName.plain(for: copy, number: 2)?.description == "a/report-bob-b-2.txt")
        #expect(try ConflictName.parts(of: RelativePath("report.conflict-of-interest.txt")) == nil)
        #expect(try ConflictName.plain(for: RelativePath("report.txt")) == nil)
        let long = try RelativePath(String(repeating: "x", count: 230) + ".conflict-bob-deadbeef.c")
        let plain = try #require(ConflictName.plain(for: long, number: 99))
        #expect(!ConflictName.isConflictCopy(plain) && plain.name.count <= 255)
    }

    @Test("hold nothing of an author's name that a path could not")
    func authors() throws {
        #expect(try copy("x", author: "../../etc") == "x.conflict-______etc-00010203")
        #expect(try copy("x", author: "") == "x.conflict-peer-00010203")
        #expect(try copy("x", author: "a\u{1b}[31m") == "x.conflict-a__31m-00010203")
        let long = try #require(try copy("x", author: String(repeating: "n", count: 500)))
        #expect(long.utf8.count == 1 + 10 + 32 + 9)
    }

    @Test("fit into 255 bytes, and tear no character")
    func longNames() throws {
        let digest = try #require(digest)
        for character in ["x", "é", "日", "🦊"] {
            let count = (255 - 4) / character.utf8.count
            let path = try RelativePath(String(repeating: character, count: count) + ".txt")
            let copy = try #require(ConflictName.path(for: path, author: "ann", digest: digest))
            #expect(copy.name.count <= 255)
            #expect(copy.utf8 != nil)
            #expect(copy.name.suffix(4).elementsEqual(".txt".utf8))
            #expect(ConflictName.isConflictCopy(copy))
        }
    }

    @Test(
        "are none where nothing that can be a name is left of them",
        arguments: ["..conflict-ann-00010203", ".nosocks.conflict-ann-00010203"])
    func namesOfNothing(text: String) throws {
        #expect(!ConflictName.isConflictCopy(try RelativePath(text)))
        let minted = try RelativePath(try #require(try copy(text, author: "bob")))
        #expect(ConflictName.parts(of: minted)?.original == (try RelativePath(text)))
    }
}
