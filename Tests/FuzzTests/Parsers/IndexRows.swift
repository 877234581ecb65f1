import Tree

@testable import Index

extension Parser {
    /// The first byte says what the rest is: of a record the part that is no column, or something removed.
    func eatRow(_ input: [UInt8]) throws {
        guard let kind = input.first else { return }
        let bytes = Array(input.dropFirst())
        if kind & 1 == 0 {
            let path = try RelativePath("some/path")
            guard let record = try? decode(bytes, path) else { return }
            try demand(try decode(RecordCoding.encode(record), path) == record, "another record came back: \(record)")
        } else if let item = RemovedItem(encoded: bytes) {
            try demand(RemovedItem(encoded: item.encoded()) == item, "another item came back: \(item)")
        }
    }

    private func decode(_ bytes: [UInt8], _ path: RelativePath) throws -> Record {
        try bytes.withUnsafeBytes {
            try RecordCoding.decode($0, path: path, revision: Revision(rawValue: 12))
        }
    }

    func rowSeeds() throws -> [[UInt8]] {
        let file = entry(size: 300, try digest())
        let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)
        let fingerprint = Fingerprint(inode: 1 << 40, size: 300, mtime: time, ctime: time, mode: 0o100644)
        let symlink = Entry.symlink(Entry.Symlink(target: Array("target".utf8)))
        let path = try RelativePath("some/path")
        let remote = Version(revision: Revision(rawValue: 12), entry: file)
        let base = Version(revision: Revision(rawValue: 11), entry: symlink)
        let records = [
            Record(path: path),
            Record(path: path, base: remote, remote: remote, author: "ann", fingerprint: fingerprint),
            Record(
                path: path, base: base, remote: remote, author: "bob", fingerprint: fingerprint,
                offered: .directory(Entry.Directory(mode: Mode(rawValue: 0o700)))),
        ]
        let item = RemovedItem(
            token: "token", path: path, fingerprint: fingerprint, expected: file, seconds: -5,
            origin: Origin(revision: Revision(rawValue: 9), author: "ann", seconds: 1_700_000_000))
        return records.map { [0] + RecordCoding.encode($0) } + [[1] + item.encoded()]
    }
}
