import NIOCore
import NIOPosix
import Replica
import Synchronization

/// What a hub needs to serve files and events over HTTP, besides itself. Used from any thread.
final class HTTPSide: Sendable {
    private enum Phase {
        /// The folder was not looked at yet; these wait until it was.
        case starting([CheckedContinuation<Void, any Error>])
        case open
        case closed
    }

    /// Threads on which files are read, written and hashed.
    private static let threads = 2

    let pool = NIOThreadPool(numberOfThreads: threads)
    let uploads: UploadFolder
    let feed = FeedBoard()
    let counters = HTTPCounters()
    private let isReadOnly: Bool
    private let maxExchanges: Int
    private let phase = Mutex(Phase.starting([]))

    init(uploads: UploadFolder, isReadOnly: Bool, maxExchanges: Int) {
        self.uploads = uploads
        self.isReadOnly = isReadOnly
        self.maxExchanges = maxExchanges
    }

    var isOpen: Bool {
        phase.withLock { phase in
            if case .open = phase { true } else { false }
        }
    }

    /// The folder is known: whoever has waited for that goes on.
    func open() {
        pool.start()
        for waiter in leave(.open) { waiter.resume() }
    }

    func close() {
        for waiter in leave(.closed) { waiter.resume(throwing: HTTPFailure.ending) }
        feed.close()
    }

    /// Nobody is waited for any more.
    func end() { pool.shutdownGracefully { _ in } }

    /// Whether no request is being served.
    var isIdle: Bool { counters.active.load(ordering: .relaxed) == 0 }

    private func leave(_ next: Phase) -> [CheckedContinuation<Void, any Error>] {
        phase.withLock { phase in
            defer { phase = next }
            guard case .starting(let waiters) = phase else { return [] }
            return waiters
        }
    }

    /// Returns when there is something to serve.
    func ready() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let result = phase.withLock { phase -> Result<Void, any Error>? in
                switch phase {
                case .starting(let waiters):
                    phase = .starting(waiters + [continuation])
                    return nil
                case .open: return .success(())
                case .closed: return .failure(HTTPFailure.ending)
                }
            }
            if let result { continuation.resume(with: result) }
        }
    }

    /// Does what may take a while with a disk.
    func offLoop<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await pool.runIfActive(body)
    }
}

/// What is counted of requests.
final class HTTPCounters: Sendable {
    let active = Atomic(0)
    let requests = Atomic<UInt64>(0)
    let followers = Atomic(0)
    let bytesSent = Atomic<UInt64>(0)
    let bytesReceived = Atomic<UInt64>(0)
}
