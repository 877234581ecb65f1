#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A replica whose process is killed, stopped and started as it comes, and whose disk is filled.
final class Victim {
    enum Standing: Equatable {
        case running
        case stopped
        case down
    }

    let replica: Replica
    let editor: Editor
    let disk: SmallDisk?
    private(set) var standing = Standing.running
    private(set) var isFull = false
    /// Whether the disk was full at some time since the process began: that may have ended it.
    private var metFullDisk = false
    private let diary: Diary

    init(_ replica: Replica, _ editor: Editor, on disk: SmallDisk?, _ diary: Diary) {
        self.replica = replica
        self.editor = editor
        self.disk = disk
        self.diary = diary
    }

    /// Without a word.
    func kill() throws {
        try checkAlive()
        guard standing != .down else { return }
        diary.note("\(replica.name) is killed\(standing == .stopped ? ", stopped as it is" : "")")
        try replica.kill()
        standing = .down
    }

    /// Asked to end, it ends well.
    func end() async throws {
        try resume()
        try checkAlive()
        guard standing != .down else { return }
        diary.note("\(replica.name) is asked to end")
        let status = try await replica.stop()
        standing = .down
        // Asked before it could listen to that, it ends as the system ends it.
        if status != 0, status != 128 + SIGTERM { try mayEnd(status) }
    }

    func start() throws {
        try resume()
        try checkAlive()
        guard standing == .down else { return }
        diary.note("\(replica.name) is started")
        metFullDisk = isFull
        try replica.start()
        standing = .running
    }

    func stop() throws {
        try checkAlive()
        guard standing == .running else { return }
        diary.note("\(replica.name) is stopped")
        try replica.program.signal(SIGSTOP)
        standing = .stopped
    }

    func resume() throws {
        guard standing == .stopped else { return }
        diary.note("\(replica.name) goes on")
        try replica.program.signal(SIGCONT)
        standing = .running
    }

    /// - Returns: Whether there is a disk to fill.
    func fill(leaving rest: Int) throws -> Bool {
        guard let disk, !isFull else { return false }
        diary.note("\(replica.name)'s disk is filled, but for \(rest) bytes")
        try disk.fill(leaving: rest)
        isFull = true
        metFullDisk = true
        return true
    }

    func free() throws {
        guard let disk, isFull else { return }
        diary.note("\(replica.name)'s disk has room")
        try disk.free()
        isFull = false
    }

    /// Nothing ends by itself, but where there is no room for what it must write down.
    func checkAlive() throws {
        guard standing != .down, let status = try replica.program.ended else { return }
        diary.note("\(replica.name) has ended with \(status)")
        standing = .down
        try mayEnd(status)
    }

    private func mayEnd(_ status: Program.Status) throws {
        let isNoSpace = status == 9 && metFullDisk
        guard isNoSpace else {
            throw TimedOut(what: "\(replica.name), which ended with \(status)", state: try replica.program.errors)
        }
    }
}
