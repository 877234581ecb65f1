#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A file of the repository.
enum Page {
    static let root = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()

    static func text(_ path: String) throws -> String {
        try text(at: "\(root)/\(path)")
    }

    static func text(at path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }
}
