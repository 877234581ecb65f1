#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file system in memory that is small enough to be filled, and lives as long as a process that does nothing else:
/// whoever works on it may be killed.
final class SmallDisk: Sendable {
    private let holder: Program
    /// Where it is to processes started with ``prefix``.
    let mountPoint: Folder
    /// Where it is to this process.
    let folder: Folder

    init(_ bench: Bench, mebibytes: Int) async throws {
        mountPoint = bench.folder.folder("disk")
        try mountPoint.makeDirectory()
        let script = "mount -t tmpfs -o size=\(mebibytes)m none \"$0\" && echo mounted && exec sleep 1000000"
        let holder = try bench.start(["unshare", "-rm", "sh", "-c", script, mountPoint.text])
        self.holder = holder
        folder = Folder(path: "/proc/\(holder.id)/root\(mountPoint.path)")
        try await eventually("a disk", state: { holder.errors }) { holder.output.contains("mounted") }
    }

    /// Words to put before a command that is to see the disk.
    var prefix: [String] { ["nsenter", "-t", "\(holder.id)", "-U", "-m", "--preserve-credentials"] }

    /// Fills it but for at most so many bytes.
    func fill(leaving rest: Int) throws {
        var status = statvfs()
        try SystemError.check(folder.with("") { statvfs($0, &status) }, "statvfs")
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        // Where somebody takes what was free a moment ago, it is as full as can be.
        try? folder.write([UInt8](repeating: 0, count: max(free - rest, 1)), to: Self.filler)
    }

    func free() throws {
        if folder.exists(Self.filler) { try folder.remove(Self.filler) }
    }

    private static let filler: Name = "filler"
}
