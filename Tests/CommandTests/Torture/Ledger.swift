import Disk
import Tree

/// Content that a person could miss.
enum Version: Hashable {
    case file(Digest)
    case symlink(Name)

    /// Nobody misses a file without a byte, and there is no telling one from another.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return nil }
        self = .file(Digest(of: bytes))
    }
}

/// What was written, and what its editors knowingly replaced or deleted. The rest must be in every tree in the end: this
/// is the oracle of Hughes, Pierce, Arts and Norell, "Mysteries of Dropbox" (ICST 2016), for whom each version that
/// nobody has seen and overwritten is somewhere, at its path or in a conflict copy.
///
/// Knowingly: an editor that destroys something finds out in the same instant what it was. It may destroy what it has
/// never looked at, as programs do, but nosocks put it there before, so the person could have seen it.
final class Ledger {
    /// Every version, and how it came to be.
    private(set) var written: [Version: String] = [:]
    private(set) var destroyed: Set<Version> = []
    /// What was whole for a moment, between two calls of one editor. It may have been mirrored, but need not be.
    private var passing: Set<Version> = []
    /// How often an editor destroyed something and could not find out what.
    var blindly = 0

    func wrote(_ version: Version?, _ how: @autoclosure () -> String) {
        guard let version, written[version] == nil else { return }
        written[version] = how()
    }

    func destroyed(_ version: Version?) {
        if let version { destroyed.insert(version) }
    }

    func passed(_ version: Version?) {
        if let version { passing.insert(version) }
    }

    /// What must still be there.
    var alive: Set<Version> { Set(written.keys).subtracting(destroyed) }

    /// Whether somebody wrote this.
    func knows(_ version: Version) -> Bool {
        written[version] != nil || passing.contains(version)
    }
}
