import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// What all connections of a process may send together in a second, and what they may receive.
///
/// Each direction keeps the time by which all that went would have gone at this rate, and nothing more goes before that
/// (the generic cell rate algorithm, ITU-T I.371, with no tolerance): so the average is the rate from the first byte on,
/// and what comes after a pause goes at once.
package final class RateLimit: Sendable {
    /// What passes at once is at most a megabyte or two, and nothing may be silent for as long as a dead connection is.
    package static let slowest = 64 << 10

    /// 0 for as fast as it goes.
    private let rate: Atomic<Int>
    let sending: Direction
    let receiving: Direction

    /// - Parameter bytesPerSecond: In each direction; no less than ``slowest``, and nil for as fast as it goes.
    package init(bytesPerSecond: Int?) {
        let bytesPerSecond = bytesPerSecond.map { max($0, Self.slowest) }
        rate = Atomic(bytesPerSecond ?? 0)
        sending = Direction(bytesPerSecond: bytesPerSecond)
        receiving = Direction(bytesPerSecond: bytesPerSecond)
    }

    /// Nil for as fast as it goes.
    package var bytesPerSecond: Int? {
        let rate = rate.load(ordering: .relaxed)
        return rate > 0 ? rate : nil
    }

    /// From now on it is this. What waits already goes when it was to.
    package func use(bytesPerSecond: Int?) {
        let bytesPerSecond = bytesPerSecond.map { max($0, Self.slowest) }
        guard bytesPerSecond != self.bytesPerSecond else { return }
        rate.store(bytesPerSecond ?? 0, ordering: .relaxed)
        sending.use(bytesPerSecond: bytesPerSecond)
        receiving.use(bytesPerSecond: bytesPerSecond)
    }

    /// In bytes: what goes in a part of a second, of which a sender or the operating system may hold so much.
    func share(of second: Double, atMost most: Int) -> Int {
        guard let bytesPerSecond else { return most }
        return max(Self.slowest, Int(min(Double(most), Double(bytesPerSecond) * second)))
    }

    final class Direction: Sendable {
        private struct State {
            var nanosecondsPerByte: Double
            /// On the event loops' clock, in nanoseconds.
            var free: UInt64 = 0

            init(bytesPerSecond: Int?) { nanosecondsPerByte = bytesPerSecond.map { 1e9 / Double($0) } ?? 0 }
        }

        private let state: Mutex<State>

        init(bytesPerSecond: Int?) { state = Mutex(State(bytesPerSecond: bytesPerSecond)) }

        func use(bytesPerSecond: Int?) { state.withLock { $0 = State(bytesPerSecond: bytesPerSecond) } }

        /// When something may go next.
        var next: UInt64 { state.withLock(\.free) }

        /// Makes out when so many bytes may go, and takes that time for them.
        func claim(_ bytes: Int, at now: UInt64) -> UInt64 {
            state.withLock { state in
                let start = max(state.free, now)
                state.free = start + UInt64(Double(bytes) * state.nanosecondsPerByte)
                return start
            }
        }
    }
}

/// Keeps one connection to a ``RateLimit``, next to the socket: it puts off flushes, so that the channel counts what waits,
/// and reads, so that the operating system slows the other side down.
final class PacingHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData

    private let limit: RateLimit
    /// Bytes written and not flushed.
    private var waiting = 0
    private var flushing: Scheduled<Void>?
    private var reading: Scheduled<Void>?
    /// What the operating system was told.
    private var told: Int?

    init(_ limit: RateLimit) {
        self.limit = limit
        told = limit.bytesPerSecond
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        waiting += Self.unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        guard flushing == nil else { return }
        guard isLimited(context) else {
            // What went without a limit is not to be paid for once there is one.
            waiting = 0
            return context.flush()
        }
        let now = context.eventLoop.now.uptimeNanoseconds
        let start = limit.sending.claim(takeWaiting(), at: now)
        guard start > now else { return context.flush() }
        flushing = context.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(start)) {
            self.flushNow(context)
        }
    }

    /// What came while the rest waited goes with it, and what comes next pays.
    private func flushNow(_ context: ChannelHandlerContext) {
        flushing?.cancel()
        flushing = nil
        _ = limit.sending.claim(takeWaiting(), at: context.eventLoop.now.uptimeNanoseconds)
        context.flush()
    }

    /// Whether anything is put off now. The operating system hears of another rate first.
    private func isLimited(_ context: ChannelHandlerContext) -> Bool {
        let rate = limit.bytesPerSecond
        if rate != told {
            told = rate
            try? context.channel.tell(of: limit, isNew: false)
        }
        return rate != nil
    }

    private func takeWaiting() -> Int {
        defer { waiting = 0 }
        return waiting
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard told != nil else { return context.fireChannelRead(data) }
        let bytes = Self.unwrapInboundIn(data).readableBytes
        _ = limit.receiving.claim(bytes, at: context.eventLoop.now.uptimeNanoseconds)
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        guard reading == nil else { return }
        guard isLimited(context) else { return context.read() }
        let next = limit.receiving.next
        guard next > context.eventLoop.now.uptimeNanoseconds else { return context.read() }
        reading = context.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(next)) {
            self.reading = nil
            context.read()
        }
    }

    /// Last words are not lost.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if flushing != nil { flushNow(context) }
        context.close(mode: mode, promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        flushing?.cancel()
        reading?.cancel()
    }
}

extension Channel {
    /// On the channel's event loop, before anything else is in the pipeline.
    func keep(to limit: RateLimit?) throws {
        guard let limit else { return }
        try pipeline.syncOperations.addHandler(PacingHandler(limit), position: .first)
        if limit.bytesPerSecond != nil { try tell(of: limit, isNew: true) }
    }

    fileprivate func tell(of limit: RateLimit, isNew: Bool) throws {
        // What the operating system holds already can't be overtaken.
        let buffer = limit.share(of: 0.25, atMost: 4 << 20)
        if buffer < 4 << 20 || !isNew {
            try syncOptions?.setOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(buffer))
            try syncOptions?.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(buffer))
        }
        #if canImport(Glibc)
        // A message goes at once as far as the handler is concerned; so that it does not come as a burst, TCP paces it.
        let pacing = NIOBSDSocket.Option(rawValue: SO_MAX_PACING_RATE)
        try? syncOptions?.setOption(
            .socketOption(pacing), value: SocketOptionValue(clamping: limit.bytesPerSecond ?? -1))
        #endif
    }
}
