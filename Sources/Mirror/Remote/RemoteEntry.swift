package import Tree

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a hub has at a path, as a line of its listing tells.
package struct RemoteEntry: Decodable, Hashable, Sendable {
    package enum Kind: String, Decodable, Sendable {
        case file
        case directory
        case symlink
    }

    package let path: RelativePath
    package let kind: Kind
    /// In bytes; of files.
    package let size: UInt64?
    /// Four octal digits; not of symlinks.
    package let mode: String?
    /// RFC 3339, to the nanosecond; of files.
    package let mtime: String?
    package let digest: String?
    package let revision: UInt64
    /// Of symlinks.
    package let target: String?

    private enum CodingKeys: String, CodingKey {
        case path, kind, size, mode, mtime, digest, revision, target
        case pathBase64 = "path_b64"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let bytes = try values.decodeIfPresent(Data.self, forKey: .pathBase64).map { Array($0) }
        path = try RelativePath(bytes ?? Array(try values.decode(String.self, forKey: .path).utf8))
        kind = try values.decode(Kind.self, forKey: .kind)
        size = try values.decodeIfPresent(UInt64.self, forKey: .size)
        mode = try values.decodeIfPresent(String.self, forKey: .mode)
        mtime = try values.decodeIfPresent(String.self, forKey: .mtime)
        digest = try values.decodeIfPresent(String.self, forKey: .digest)
        revision = try values.decode(UInt64.self, forKey: .revision)
        target = try values.decodeIfPresent(String.self, forKey: .target)
    }

    /// Reads a line of a listing.
    package init(line: [UInt8]) throws(RemoteFailure) {
        do {
            self = try JSONDecoder().decode(RemoteEntry.self, from: Data(line))
        } catch {
            throw .notAHub("its listing can't be read: \(RelativePath.printable(line.prefix(200)))")
        }
    }
}
