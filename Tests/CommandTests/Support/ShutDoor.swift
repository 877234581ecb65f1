import NIOCore
import NIOPosix
import Synchronization

/// A port where whoever comes is noted and shut out.
final class ShutDoor: Sendable {
    private final class Visits: Sendable {
        let state = Mutex((count: 0, last: ContinuousClock.now))
    }

    private let listener: any Channel
    private let visits: Visits

    init() async throws {
        let visits = Visits()
        self.visits = visits
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                visits.state.withLock { $0 = ($0.count + 1, .now) }
                return channel.close()
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var url: String { "ws://127.0.0.1:\(listener.localAddress?.port ?? 0)" }
    /// How many have come.
    var knocks: Int { visits.state.withLock(\.count) }
    /// How long ago the last one came.
    var silence: Duration { ContinuousClock.now - visits.state.withLock(\.last) }

    func close() {
        listener.close(promise: nil)
    }
}
