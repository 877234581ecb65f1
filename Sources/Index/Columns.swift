import FoundationEssentials
import GRDB
import Tree

/// Columns of a row, checked: a damaged file may hold anything anywhere, and GRDB's own subscripts trap on what they
/// can't convert.
struct Columns {
    private let row: Row

    init(_ row: Row) {
        self.row = row
    }

    private func value(_ index: Int) -> DatabaseValue {
        row[index]
    }

    func isNull(_ index: Int) -> Bool {
        value(index).isNull
    }

    func integer(_ index: Int) throws -> Int64 {
        guard case .int64(let integer) = value(index).storage else { throw Damage("column \(index) is no integer") }
        return integer
    }

    /// An integer that is never negative.
    func natural(_ index: Int) throws -> UInt64 {
        guard let natural = UInt64(exactly: try integer(index)) else { throw Damage("column \(index) is negative") }
        return natural
    }

    /// A random number; see ``GRDB/DatabaseValue/bits(_:)``.
    func bits(_ index: Int) throws -> UInt64 {
        UInt64(bitPattern: try integer(index))
    }

    func revision(_ index: Int) throws -> Revision {
        Revision(rawValue: try natural(index))
    }

    func blob<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        guard case .blob(let data) = value(index).storage else { throw Damage("column \(index) is no blob") }
        return try data.withUnsafeBytes(body)
    }

    func bytes(_ index: Int) throws -> [UInt8] {
        try blob(index) { Array($0) }
    }

    func string(_ index: Int) throws -> String {
        guard case .string(let string) = value(index).storage else { throw Damage("column \(index) is no text") }
        return string
    }

    func digest(_ index: Int) throws -> Digest {
        guard let digest = try blob(index, { Digest($0) }) else { throw Damage("column \(index) is no digest") }
        return digest
    }

    func path(_ index: Int) throws -> RelativePath {
        try blob(index) { try PathKey.path(of: $0) }
    }

    func entry(_ index: Int) throws -> Entry {
        try blob(index) {
            var reader = ByteReader($0)
            let entry = try reader.entry()
            try reader.finish()
            return entry
        }
    }

    /// A revision, an author and a time, in this column and the two that follow.
    func origin(_ index: Int) throws -> Origin {
        Origin(revision: try revision(index), author: try string(index + 1), seconds: try integer(index + 2))
    }

    func fingerprint(_ index: Int) throws -> Fingerprint {
        try blob(index) {
            var reader = ByteReader($0)
            let fingerprint = try reader.fingerprint()
            try reader.finish()
            return fingerprint
        }
    }
}

extension StatementArguments {
    init(_ values: DatabaseValue...) {
        self.init(values: values)
    }

    /// GRDB's initialiser for a sequence of one type maps it through a key path that is made anew each time, at 10 µs;
    /// the one for a sequence of any values does not.
    init(values: [DatabaseValue]) {
        self.init(values as [(any DatabaseValueConvertible)?])
    }
}

extension DatabaseValue {
    static func blob(_ bytes: [UInt8]) -> DatabaseValue {
        Data(bytes).databaseValue
    }

    static func blob(_ entry: Entry) -> DatabaseValue {
        var writer = ByteWriter(reserving: 64)
        writer.append(entry)
        return blob(writer.bytes)
    }

    static func blob(_ fingerprint: Fingerprint) -> DatabaseValue {
        var writer = ByteWriter(reserving: 48)
        writer.append(fingerprint)
        return blob(writer.bytes)
    }

    static func key(_ path: RelativePath) -> DatabaseValue {
        blob(PathKey.key(of: path))
    }

    static func integer(_ value: Int64?) -> DatabaseValue {
        value?.databaseValue ?? .null
    }

    /// SQLite's integers are signed: what does not fit is refused, for it would sort before everything.
    static func natural(_ value: UInt64) throws -> DatabaseValue {
        guard let signed = Int64(exactly: value) else { throw Damage("\(value) is out of range") }
        return signed.databaseValue
    }

    /// A random number, of which all bits are kept and the order means nothing.
    static func bits(_ value: UInt64) -> DatabaseValue {
        Int64(bitPattern: value).databaseValue
    }
}
