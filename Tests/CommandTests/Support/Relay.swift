import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// A network: passes bytes on between whoever connects and a port of this machine, and counts them. A bad one cuts each
/// connection after some of them or some time, in the middle of whatever is under way.
final class Relay: Sendable {
    private struct State {
        var random: SeededRandom
        var isCutting: Bool
        var cuts = 0
        var bytes = 0
    }

    private let state: Mutex<State>
    private let lifetime: Int?
    private let listener = Mutex<(any Channel)?>(nil)

    /// - Parameters:
    ///   - seed: decides when each connection is cut; nil for a network that does not.
    ///   - lifetime: the most seconds that a connection lives; nil where it is bytes that count.
    init(to port: Int, seed: UInt64? = nil, lifetime: Int? = nil) async throws {
        self.lifetime = lifetime
        state = Mutex(State(random: SeededRandom(seed: seed ?? 0), isCutting: seed != nil))
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [self] near in
                // Both ends on one event loop, so that they need no locks between them.
                ClientBootstrap(group: near.eventLoop).channelOption(.autoRead, value: false)
                    .connect(host: "127.0.0.1", port: port).flatMapThrowing { far in
                        let budget = Budget(bytes: self.nextBudget()) { self.passed($0, isCut: $1) }
                        try near.pipeline.syncOperations.addHandler(Passage(to: far, budget))
                        try far.pipeline.syncOperations.addHandler(Passage(to: near, budget))
                        _ = near.setOption(.autoRead, value: true)
                        _ = far.setOption(.autoRead, value: true)
                        self.limitLifetime(of: near)
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        listener.withLock { $0 = channel }
    }

    var url: String { "ws://127.0.0.1:\(listener.withLock { $0?.localAddress?.port } ?? 0)" }
    /// How many connections were cut.
    var cuts: Int { state.withLock(\.cuts) }

    /// How many bytes have passed, both ways together.
    var bytes: Int { state.withLock(\.bytes) }

    /// Connections made from now on last.
    func calmDown() {
        state.withLock { $0.isCutting = false }
    }

    func close() {
        listener.withLock(\.self)?.close(promise: nil)
    }

    private func nextBudget() -> Int {
        state.withLock { state in
            guard state.isCutting, lifetime == nil else { return .max }
            // From within the handshake to well into a snapshot.
            return 100 << state.random.below(13) + state.random.below(1000)
        }
    }

    private func limitLifetime(of near: any Channel) {
        let milliseconds = state.withLock { state -> Int? in
            guard state.isCutting, let lifetime else { return nil }
            return state.random.below(lifetime * 1000)
        }
        guard let milliseconds else { return }
        let cut = near.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) { [self] in
            state.withLock { $0.cuts += 1 }
            near.close(promise: nil)
        }
        near.closeFuture.whenComplete { _ in cut.cancel() }
    }

    private func passed(_ count: Int, isCut: Bool) {
        state.withLock { state in
            state.bytes += count
            if isCut { state.cuts += 1 }
        }
    }
}

/// How many bytes a connection lives, both directions together.
private final class Budget {
    private var bytes: Int
    private let report: (_ passed: Int, _ isSpent: Bool) -> Void

    init(bytes: Int, report: @escaping (_ passed: Int, _ isSpent: Bool) -> Void) {
        self.bytes = bytes
        self.report = report
    }

    /// How many of so many bytes may still pass.
    func take(_ count: Int) -> Int {
        let passed = min(count, bytes)
        bytes -= passed
        report(passed, passed < count)
        return passed
    }
}

private final class Passage: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let budget: Budget

    init(to other: any Channel, _ budget: Budget) {
        self.other = other
        self.budget = budget
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        let count = budget.take(bytes.readableBytes)
        let isCut = count < bytes.readableBytes
        if let passed = bytes.readSlice(length: count) { other.writeAndFlush(passed, promise: nil) }
        if isCut { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
    }
}
