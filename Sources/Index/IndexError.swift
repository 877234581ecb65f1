import GRDB

/// Why the index could not do what it was asked.
package struct IndexError: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The disk, or the quota, is full. Nothing was written; the index is as it was.
        case noSpace
        /// The file is not an index, or what it holds cannot be right.
        case damaged
        /// A newer version of the program wrote the file.
        case newerSchema
        /// An older version of the program wrote the file, which is only looked at and so not renewed.
        case olderSchema
        /// Any other failure.
        case failed
    }

    package let kind: Kind
    /// What was tried, as `save records`.
    package let operation: String
    /// What went wrong, in SQLite's words where it said so.
    package let message: String

    package init(_ kind: Kind, operation: String, message: String) {
        self.kind = kind
        self.operation = operation
        self.message = message
    }
}

extension IndexError: CustomStringConvertible {
    package var description: String { "index: cannot \(operation): \(message)" }
}

extension IndexError {
    /// Any error that comes out of SQLite or out of a row, said in the index's words.
    init(_ error: any Error, operation: String) {
        switch error {
        case let error as IndexError:
            self = error
        case let damage as Damage:
            self.init(.damaged, operation: operation, message: damage.message)
        case let error as DatabaseError:
            self.init(
                Kind(error), operation: operation,
                message: "\(error.message ?? "no message") (SQLite \(error.extendedResultCode.rawValue))")
        default:
            self.init(.failed, operation: operation, message: "\(error)")
        }
    }
}

extension IndexError.Kind {
    fileprivate init(_ error: DatabaseError) {
        switch error.extendedResultCode {
        // SQLite turns ENOSPC and EDQUOT of a write into SQLITE_FULL; only the shared memory file's growth, which
        // fails for want of space alone, is told as an I/O error.
        case .SQLITE_FULL, .SQLITE_IOERR_SHMSIZE: self = .noSpace
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged
        default: self = .failed
        }
    }
}

/// What a row holds cannot be right.
struct Damage: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}
