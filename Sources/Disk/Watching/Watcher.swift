internal import CLinux
internal import Synchronization
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Watches a folder and says, settled, where it is worth to look.
///
/// Two threads: one does nothing but read events, so that the kernel's queue stays short; the other settles them,
/// watches new directories and lists them. Directories are watched when a ``Walk`` is about to list them
/// (``watch(_:_:)``): watch first, then list, and nothing can slip in between.
package final class Watcher: Sendable {
    package enum Signal: Sendable {
        case dirty([Dirty])
        /// Events were lost, or this part has no watch: it must be compared as a whole. Nil is everything.
        case rescan(RelativePath?, Reason)
        /// All that had happened when ``Watcher/barrier(_:through:)`` was called has been delivered.
        case barrier(UInt64)
        /// The root itself was moved, deleted or unmounted.
        case rootMoved
    }

    package enum Reason: Hashable, Sendable {
        case overflow
        case unwatched
        case unreadable
    }

    /// Too few watches are allowed; the rest of the folder is looked through now and then.
    package struct Shortage: Hashable, Sendable {
        /// Directories that have no watch.
        package let unwatched: Int
        /// Watches that this folder needs.
        package let needed: Int
        /// Watches that a user may have, over all programs: the sysctl `fs.inotify.max_user_watches`.
        package let allowed: Int
    }

    struct State {
        var tree = WatchTree()
        var unwatched: Set<RelativePath?> = []
        var isLimited = false
        /// Which barrier the end of a watch stands for.
        var barriers: [Int32: UInt64] = [:]
    }

    let root: Root
    let inotify: Descriptor
    let state = Mutex(State())
    let inbox: EventInbox
    let placements = OwnPlacements()
    let deliver: @Sendable (Signal) -> Void
    let delays: DirtyQueue.Delays
    let pollInterval: Duration
    let exclusion: (any Exclusion)?
    private let threads = Mutex<[Thread]>([])

    /// Prepares to watch; fails where the system has no inotify, or no instance of it is left.
    ///
    /// - Parameters:
    ///   - pollInterval: how often what could not be watched is to be compared.
    ///   - exclusion: what is neither watched nor told of.
    ///   - deliver: called on a thread of the watcher's; it should not take long.
    package init(
        _ root: Root, delays: DirtyQueue.Delays = DirtyQueue.Delays(), pollInterval: Duration = .seconds(10),
        excluding exclusion: (any Exclusion)? = nil, deliver: @escaping @Sendable (Signal) -> Void
    ) throws(DiskError) {
        let raw = clinux_inotify_init()
        guard raw >= 0 else { throw .last("inotify_init") }
        inotify = Descriptor(adopting: raw)
        inbox = try EventInbox()
        self.root = root
        self.delays = delays
        self.pollInterval = pollInterval
        self.exclusion = exclusion
        self.deliver = deliver
    }

    /// Begins to read and to deliver.
    package func start() throws(DiskError) {
        let inbox = inbox, inotify = inotify
        let reader = try Thread { inbox.fill(from: inotify) }
        let settler = try Thread { [self] in
            var settler = Settler(self)
            settler.run()
        }
        threads.withLock { $0 = [reader, settler] }
    }

    /// Ends both threads, and waits for their ends. Not from within `deliver`.
    package func stop() {
        inbox.close()
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        running.forEach { $0.join() }
    }

    /// Watches a directory that was opened beneath the root; nil is the root itself.
    package func watch(_ path: RelativePath?, _ descriptor: Descriptor) {
        state.withLock { state in
            // Through the descriptor, because a path could mean something else by now.
            let added = clinux_inotify_add(
                inotify.raw, "/proc/self/fd/\(descriptor.raw)", RawEvent.Kind.wanted.rawValue)
            if added >= 0 && state.tree.insert(added, at: path) {
                state.unwatched.remove(path)
                return
            }
            let code = added < 0 ? errno : 0
            if added >= 0 { _ = clinux_inotify_remove(inotify.raw, added) }
            if code == ENOTDIR { return }
            state.unwatched.insert(path)
            if code == ENOSPC { state.isLimited = true }
        }
    }

    /// Says that a walk through everything begins, at whose end ``endOfWalk()`` lets go of watches that it did not
    /// meet.
    package func beginningOfWalk() {
        state.withLock { state in
            state.unwatched = []
            state.isLimited = false
            state.tree.beginRound()
        }
    }

    package func endOfWalk() {
        state.withLock { state in
            for watch in state.tree.sweep() { _ = clinux_inotify_remove(inotify.raw, watch) }
        }
    }

    /// Asks for a ``Signal/barrier(_:)`` behind all that has happened so far.
    ///
    /// A watch that is added and removed leaves its end in the kernel's queue, after every event that was there before.
    ///
    /// - Parameter descriptor: Of a directory that is not watched.
    /// - Returns: False where not all of the folder is watched, or no watch is left: then no signal comes.
    package func barrier(_ id: UInt64, through descriptor: Descriptor) -> Bool {
        state.withLock { state in
            guard state.unwatched.isEmpty else { return false }
            let watch = clinux_inotify_add(
                inotify.raw, "/proc/self/fd/\(descriptor.raw)", RawEvent.Kind.selfMoved.rawValue)
            guard watch >= 0 else { return false }
            state.barriers[watch] = id
            _ = clinux_inotify_remove(inotify.raw, watch)
            return true
        }
    }

    /// Says that this process put what has this fingerprint at `path`. Nothing is told of it where nothing else happened.
    ///
    /// - Parameter isExchange: Whether it took the place of something else in one step.
    package func placed(_ path: RelativePath, _ fingerprint: Fingerprint, isExchange: Bool) {
        placements.note(path, fingerprint, events: isExchange ? 2 : 1)
    }

    /// Says that this process renamed what has this fingerprint by now. Nothing is told of either name where nothing else
    /// happened.
    package func moved(_ path: RelativePath, to target: RelativePath, _ fingerprint: Fingerprint) {
        placements.note(target, fingerprint, events: 1, origin: path)
    }

    /// Nothing has happened for a while: lets go of memory.
    package func rest() {
        placements.removeAll()
    }

    /// How many directories are watched, and how many a user's programs may watch together.
    package var usage: (watched: Int, allowed: Int) {
        (state.withLock(\.tree.count), Self.allowedWatches)
    }

    /// Lets go of the watches of what is left out by now, inside `directory` (nil: the root).
    package func dropExcluded(inside directory: RelativePath?) {
        guard let exclusion else { return }
        state.withLock { state in
            let gone = state.tree.removeSubtrees(inside: directory) { exclusion.excludes($0, isDirectory: true) }
            for watch in gone { _ = clinux_inotify_remove(inotify.raw, watch) }
            let unwatched = state.unwatched.filter { path in
                guard let path else { return true }
                return !exclusion.excludes(path, isDirectory: true)
            }
            state.unwatched = unwatched
        }
    }

    /// Whether watches are missing for want of a higher limit.
    package var shortage: Shortage? {
        state.withLock { state in
            guard state.isLimited, !state.unwatched.isEmpty else { return nil }
            return Shortage(
                unwatched: state.unwatched.count, needed: state.tree.count + state.unwatched.count,
                allowed: Self.allowedWatches)
        }
    }

    /// What a user may have, over all programs; 0 where the system does not say.
    package struct Limits: Hashable, Sendable {
        package let watches: Int
        package let instances: Int

        package static var current: Limits {
            Limits(watches: limit("max_user_watches"), instances: limit("max_user_instances"))
        }
    }

    private static var allowedWatches: Int { limit("max_user_watches") }

    private static func limit(_ name: String) -> Int {
        let raw = open("/proc/sys/fs/inotify/\(name)", O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return 0 }
        let digits = (try? Descriptor(adopting: raw).read(32, at: 0)) ?? []
        return Int(String(decoding: digits.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) ?? 0
    }
}
