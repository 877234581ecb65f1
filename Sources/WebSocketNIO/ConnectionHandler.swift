import NIOCore
import NIOSSL
import Synchronization
import WebSocket

/// Runs the sans-I/O machine of one connection in its channel.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        /// In the pipeline, and not yet started: the upgrade is finishing.
        case starting
        case open
        /// Nothing more is read or sent; the connection goes as soon as the peer ends it or its time is up.
        case lingering
        case closed
    }

    let configuration: WebSocketConfiguration
    let owner: any WebSocketHandler
    /// What all of a server's connections share; `nil` for a client.
    let budget: ArrivalBudget?
    // What of the machine never changes: asked for here, it costs no look into the machine for each message.
    let role: Role
    private let agreement: DeflateAgreement?
    private let traffic: Traffic?
    private let sendsIndependentMessages: Bool
    var machine: Machine
    var phase = Phase.starting
    var ending: Ending?
    var context: ChannelHandlerContext?
    var connection: WebSocketConnection?
    private var keepalive: Keepalive
    private var pace: MessagePace
    var isPaused = false
    /// What was read before the pause and is for after it.
    var unread = ByteBuffer()
    var keepaliveTask: Scheduled<Void>?
    var closeTask: Scheduled<Void>?
    private var random = SystemRandomNumberGenerator()
    /// The event loop's: a channel never changes to another.
    private let share = LoopShare.current

    /// Frames that have not been written to the channel yet.
    var out = ByteBuffer()
    /// How much the last write had gathered: a guess at the next one.
    private var lastOut = 0
    /// What the frames in `out` add to the connection's buffered bytes.
    private var outCost = 0
    private var isReading = false
    private var isFlushScheduled = false
    private var isFlushing = false
    /// The latest ping that came while there was no room for its pong.
    private var unanswered: ByteBuffer?
    /// Bytes, before compression, that the operating system has taken since the last look at how fast the link is.
    var takenSinceLook = 0
    /// In nanoseconds, of the event loop's clock.
    var nextLook: UInt64 = 0
    var link = LinkMeter()
    /// How much the operating system takes of what is not sent yet, in bytes; 0 where nobody said.
    var unsentLimit: CInt = 0
    /// Writes that the operating system has not taken yet.
    private var waitingWrites = 0
    /// When it last took one, or the first of those that wait was made.
    private var lastTaken: UInt64 = 0
    /// Enough for one system call to be cheap per byte, and to start the kernel early on a long run of sends.
    private static let writeThreshold = 64 << 10

    init(
        machine: Machine, configuration: WebSocketConfiguration, budget: ArrivalBudget?, owner: any WebSocketHandler
    ) {
        self.machine = machine
        self.role = machine.role
        self.agreement = machine.agreement
        self.traffic = configuration.traffic
        self.sendsIndependentMessages = machine.sendsIndependentMessages
        self.configuration = configuration
        self.budget = budget
        self.owner = owner
        self.pace = MessagePace(
            grace: UInt64(clamping: configuration.deadInterval.nanoseconds), slowest: configuration.minMessageRate)
        self.keepalive = Keepalive(pingInterval: 1, deadInterval: 1, now: 0)
    }

    // MARK: Starting

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
        self.context = nil
    }

    /// The upgrade is complete: from here on frames may be written.
    ///
    /// - Returns: `false` if the channel went during the upgrade, of which the owner then hears nothing.
    func start(_ connection: WebSocketConnection) -> Bool {
        guard phase == .starting, let context, context.channel.isActive else {
            connection.detach()
            return false
        }
        self.connection = connection
        phase = .open
        keepalive = Keepalive(
            pingInterval: UInt64(clamping: configuration.pingInterval.nanoseconds),
            deadInterval: UInt64(clamping: configuration.deadInterval.nanoseconds), now: now(context))
        checkKeepalive()
        owner.opened(connection)
        return true
    }

    // MARK: Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase == .open else { return }
        keepalive.heard(at: now(context))
        isReading = true
        var bytes = Self.unwrapInboundIn(data)
        traffic?.wireReceived.add(UInt64(bytes.readableBytes), ordering: .relaxed)
        if isPaused { unread.writeBuffer(&bytes) } else { read(&bytes, context) }
    }

    private func read(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        let count = bytes.readableBytes
        let held = machine.heldBytes
        if let budget { machine.allow(budget.allowance(holding: held)) }
        var hasFinished = false
        do throws(ProtocolError) {
            while phase == .open, !isPaused, let event = try machine.next(from: &bytes, buffers: share.buffers) {
                if case .message = event { hasFinished = true }
                handle(event)
            }
        } catch {
            fail(error)
        }
        budget?.settle(from: held, to: machine.heldBytes)
        if isPaused {
            unread.writeBuffer(&bytes)
        } else {
            pace.read(count, hasFinished: hasFinished, isAmidMessage: machine.isAmidMessage, at: now(context))
        }
        ReceiveAllocator.giveBack(bytes, to: share.buffers)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // TLS without a goodbye is TCP's everyday end, and WebSocket has its own.
        drop(error as? NIOSSLError == .uncleanShutdown ? WebSocketConnectionError.lost : error)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        connection?.setWritable(isWritable)
        guard phase == .open else { return }
        if isWritable, let payload = unanswered {
            unanswered = nil
            pong(payload)
        }
        owner.writabilityChanged(isWritable)
    }

    private func handle(_ event: Event) {
        switch event {
        case .message(let message, let isText):
            traffic?.messagesReceived.add(UInt64(message.readableBytes), ordering: .relaxed)
            owner.received(message: message, isText: isText)
        case .ping(let payload):
            // Only the most recent ping need be answered (RFC 6455 §5.5.3): a flood of them costs no memory.
            if connection?.isWritable == true { pong(payload) } else { unanswered = payload }
        case .pong:
            break
        case .close(let code, let reason):
            closed(code: code, reason: reason)
        }
    }

    private func pong(_ payload: ByteBuffer) {
        machine.writePong(payload, maskingKey: maskingKey(), into: &out)
        account(payload.readableBytes)
        scheduleFlush()
    }

    /// Reads on, or leaves what comes to the operating system, which then slows the peer down.
    func setReading(_ isReading: Bool) {
        guard isPaused == isReading, let context, phase == .open else { return }
        isPaused = !isReading
        keepalive.heard(at: now(context))
        if isPaused {
            pace.pause()
        } else {
            var bytes = unread
            unread = ByteBuffer()
            read(&bytes, context)
        }
        if isPaused != isReading { try? context.channel.syncOptions?.setOption(.autoRead, value: isReading) }
    }

    // MARK: Sending

    func send(_ message: ByteBuffer, isText: Bool, compress: Bool, level: Int?, cost: Int) {
        guard phase == .open else {
            connection?.account(sent: cost)
            return
        }
        let shared = compress && sendsIndependentMessages ? sharedDeflater() : nil
        // In a variable of its own for as long: each use of `out` is checked at run time to be the only one.
        var frames = ByteBuffer()
        swap(&frames, &out)
        if frames.capacity == 0 { frames = share.buffers.take(lastOut) }
        let before = frames.readableBytes
        let rest = machine.write(
            message, isText: isText, compress: compress, level: level, maskingKey: maskingKey(), deflater: shared,
            buffers: share.buffers, into: &frames)
        let isSent = frames.readableBytes > before
        swap(&frames, &out)
        guard isSent else {
            // Our close frame has gone out: nothing may follow it.
            connection?.account(sent: cost)
            return
        }
        outCost += cost
        traffic?.messagesSent.add(UInt64(message.readableBytes), ordering: .relaxed)
        if let rest { write(rest) }
        sent()
        scheduleFlush()
    }

    /// Sends a frame of a message of so many bytes. Whoever calls this sees to the flush.
    func send(frame: ByteBuffer, of messageLength: Int, cost: Int) {
        guard phase == .open, machine.maySend, role == .server else {
            connection?.account(sent: cost)
            return
        }
        outCost += cost
        traffic?.messagesSent.add(UInt64(messageLength), ordering: .relaxed)
        if frame.readableBytes < 8 << 10 {
            out.writeImmutableBuffer(frame)
        } else {
            write(frame)
        }
        sent()
    }

    private func sent() {
        if let connection, connection.bufferedBytes > configuration.maxBufferedBytes {
            return drop(WebSocketConnectionError.readerTooSlow)
        }
        if out.readableBytes >= Self.writeThreshold { writeOut() }
    }

    private func account(_ bytes: Int) {
        let cost = bytes + 16
        connection?.account(sent: -cost)
        outCost += cost
        if let connection, connection.bufferedBytes > configuration.maxBufferedBytes {
            drop(WebSocketConnectionError.readerTooSlow)
        }
    }

    /// Writes what has gathered and then `buffer`, in that order.
    private func write(_ buffer: ByteBuffer) {
        if out.readableBytes > 0 { context?.write(Self.wrapOutboundOut(counted(takeOut())), promise: nil) }
        emit(buffer)
    }

    func writeOut() {
        if out.readableBytes > 0 { emit(takeOut()) }
    }

    private func takeOut() -> ByteBuffer {
        let gathered = out
        out = ByteBuffer()
        lastOut = gathered.readableBytes
        share.buffers.keep(gathered)
        return gathered
    }

    /// Writes to the channel, and settles the account when the operating system has taken the bytes.
    private func emit(_ buffer: ByteBuffer) {
        guard let context else { return }
        let cost = outCost
        outCost = 0
        if waitingWrites == 0 { lastTaken = now(context) }
        waitingWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.connection?.account(sent: cost)
            self.waitingWrites -= 1
            if let context = self.context { self.lastTaken = self.now(context) }
            // Bytes that had to wait for room prove that the peer takes them, and its pong may be far behind. Bytes that
            // the operating system takes at once prove nothing.
            if case .success = result { self.noteTaken(cost, at: self.lastTaken) }
            if case .success = result, !self.isFlushing, let context = self.context {
                self.keepalive.heard(at: self.now(context))
            }
        }
        context.write(Self.wrapOutboundOut(counted(buffer)), promise: promise)
    }

    private func counted(_ buffer: ByteBuffer) -> ByteBuffer {
        traffic?.wireSent.add(UInt64(buffer.readableBytes), ordering: .relaxed)
        return buffer
    }

    /// Flushes at the end of this read, or of this turn of the event loop.
    private func scheduleFlush() {
        guard !isReading, !isFlushScheduled, let context else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    func flush() {
        writeOut()
        isFlushing = true
        context?.flush()
        isFlushing = false
    }

    // MARK: Keepalive

    private func checkKeepalive() {
        guard phase == .open, let context else { return }
        let now = now(context)
        if isPaused { keepalive.heard(at: now) }
        if pace.isTooSlow(at: now) { return fail(ProtocolError(.policyViolation, "a message comes too slowly")) }
        if waitingWrites > 0, now - lastTaken > UInt64(clamping: configuration.stallInterval.nanoseconds) {
            return drop(WebSocketConnectionError.readerTooSlow)
        }
        let next: UInt64
        switch keepalive.check(at: now) {
        case .dead:
            return drop(WebSocketConnectionError.silent)
        case .ping(let lookAgain):
            machine.writePing(ByteBuffer(), maskingKey: maskingKey(), into: &out)
            account(0)
            flush()
            next = lookAgain
        case .wait(let until):
            next = until
        }
        keepaliveTask = context.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(next)) {
            self.checkKeepalive()
        }
    }

    func probe(within time: TimeAmount) {
        guard phase == .open, !isPaused, let context else { return }
        keepalive.demand(within: UInt64(clamping: time.nanoseconds), at: now(context))
        keepaliveTask?.cancel()
        checkKeepalive()
    }

    /// The event loop's clock, so that tests can move it.
    private func now(_ context: ChannelHandlerContext) -> UInt64 {
        context.eventLoop.now.uptimeNanoseconds
    }

    func maskingKey() -> UInt32 {
        role == .client ? random.next() : 0
    }

    private func sharedDeflater() -> Deflater? {
        guard let agreement, let settings = configuration.deflate else { return nil }
        let bits = role == .server ? agreement.serverMaxWindowBits : agreement.clientMaxWindowBits
        return share.deflater(windowBits: bits, level: settings.level)
    }
}
