import Testing
import Tree

@Suite struct EntryTests {
    private func file(_ byte: UInt8, size: UInt64 = 1, mode: UInt16 = 0o644, seconds: Int64 = 0) throws -> Entry {
        let digest = try #require(Digest([UInt8](repeating: byte, count: 32)))
        return .file(
            Entry.File(
                size: size, digest: digest, mode: Mode(rawValue: mode),
                mtime: Timestamp(seconds: seconds, nanoseconds: 0)))
    }

    @Test func `Mode and mtime are not content`() throws {
        #expect(try file(1).hasSameContent(as: file(1, mode: 0o600, seconds: 9)))
        #expect(try !file(1).hasSameContent(as: file(2)))
        #expect(try !file(1).hasSameContent(as: file(1, size: 2)))
        let directory = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
        #expect(directory.hasSameContent(as: .directory(Entry.Directory(mode: Mode(rawValue: 0o700)))))
        let link = Entry.symlink(Entry.Symlink(target: [0x61]))
        #expect(!link.hasSameContent(as: .symlink(Entry.Symlink(target: [0x62]))))
        #expect(Entry.tombstone.hasSameContent(as: .tombstone))
        let kinds = [try file(1), directory, link, .tombstone]
        for (left, one) in kinds.enumerated() {
            for (right, other) in kinds.enumerated() { #expect(one.hasSameContent(as: other) == (left == right)) }
        }
    }

    @Test(arguments: [(0o644, 0o644), (0o4755, 0o755), (0o100644, 0o644), (0o177777, 0o777)] as [(UInt16, UInt16)])
    func `Only permission bits travel`(given: UInt16, kept: UInt16) {
        #expect(Mode(rawValue: given).rawValue == kept)
    }

    @Test func `A digest takes exactly 32 bytes`() throws {
        #expect(Digest([UInt8](repeating: 0, count: 31)) == nil)
        #expect(Digest([UInt8](repeating: 0, count: 33)) == nil)
        let digest = try #require(Digest(Array(0..<32) as [UInt8]))
        #expect(digest.bytes == Array(0..<32))
        #expect(digest.hex(8) == "00010203")
        #expect(digest.hex().count == 64)
        #expect(digest.description == "0001020304050607")
    }

    @Test func `A cursor reads as its epoch and revision`() {
        let cursor = Cursor(epoch: Epoch(rawValue: 0xab), revision: Revision(rawValue: 12))
        #expect(cursor.description == "00000000000000ab:12")
    }
}
