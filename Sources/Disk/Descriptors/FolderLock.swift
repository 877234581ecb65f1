#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An exclusive hold on a replica, for as long as this object lives. The kernel lets go of it when the process ends,
/// however that happens.
package final class FolderLock: Sendable {
    /// Why the lock was not had.
    package enum Failure: Error, Hashable, Sendable {
        /// Another process has it; what that one said of itself, as `4711 hub`.
        case held(by: String)
        case failed(DiskError)
    }

    private let descriptor: Descriptor

    /// Takes the lock file at `place`, and writes into it who holds it now: the process id and `role`.
    package init(at place: Place, role: String) throws(Failure) {
        let isFree: Bool
        do throws(DiskError) {
            descriptor = try place.open(O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            isFree = try descriptor.holdIfFree(.alone)
        } catch {
            throw .failed(error)
        }
        guard isFree else { throw .held(by: Self.text(of: descriptor)) }
        do throws(DiskError) {
            try descriptor.truncate(to: 0)
            try descriptor.write(Array("\(getpid()) \(role)\n".utf8), at: 0)
        } catch {
            throw .failed(error)
        }
    }

    /// What the process that holds the lock file at `place` said of itself; nil where none does.
    package static func holder(at place: Place) -> String? {
        guard let file = try? place.openForReading(), (try? file.holdIfFree(.shared)) == false else { return nil }
        return text(of: file)
    }

    private static func text(of descriptor: Descriptor) -> String {
        let bytes = (try? descriptor.read(256, at: 0)) ?? []
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
