import NIOCore
import WebSocket

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps messages in flight to an echo, and checks every byte that comes back.
final class LoadHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Tally: Sendable {
        /// Echoed whole, each of them right.
        var messages = 0
        /// Payload bytes that came back, as they travelled.
        var answered = 0
        /// Messages that came back compressed.
        var compressed = 0
        var seconds = 0.0
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let lap: Lap
    private let window: Int
    private let inflater: Inflater?
    private var context: ChannelHandlerContext?

    private var tally = Tally()
    private var start = NIODeadline.now()
    private var end = NIODeadline.now()
    private var finished: EventLoopPromise<Tally>?
    private var sent = 0
    private var received = 0

    /// What is left of the last read: less than a header.
    private var rest = ByteBuffer()
    private var header: FrameHeader?
    private var payloadLeft = 0
    private var isCompressed = false
    /// How much of the message under way has come, inflated.
    private var arrived = 0
    private var inflated = ByteBuffer()

    /// - Parameter window: Messages in flight at most.
    init(lap: Lap, window: Int, agreement: DeflateAgreement?) {
        self.lap = lap
        self.window = window
        inflater = agreement.flatMap {
            Inflater(windowBits: $0.serverMaxWindowBits, noContextTakeover: $0.serverNoContextTakeover)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Sends for a time, and is done when all has come back.
    func run(for duration: TimeAmount) -> EventLoopFuture<Tally>? {
        guard let context, finished == nil else { return nil }
        let promise = context.eventLoop.makePromise(of: Tally.self)
        finished = promise
        tally = Tally()
        start = .now()
        end = start + duration
        topUp(context)
        return promise.futureResult
    }

    /// Half the window at a time: fewer and larger writes, and still there is always work on its way.
    private func topUp(_ context: ChannelHandlerContext) {
        guard sent - received <= window / 2 else { return }
        while sent - received < window {
            let (bytes, count) = lap.frames(from: sent, limit: window - (sent - received))
            context.write(Self.wrapOutboundOut(bytes), promise: nil)
            sent += count
        }
        context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        if rest.readableBytes > 0 {
            rest.writeBuffer(&bytes)
            bytes = rest
            rest = ByteBuffer()
        }
        do {
            while bytes.readableBytes > 0 {
                guard try read(from: &bytes) else { break }
            }
            if bytes.readableBytes > 0 { rest = bytes }
        } catch {
            fail(error, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard let finished else { return }
        let now = NIODeadline.now()
        if now < end {
            topUp(context)
        } else if sent == received {
            tally.seconds = Double((now - start).nanoseconds) / 1e9
            self.finished = nil
            finished.succeed(tally)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(Failure(description: "the server closed the connection"), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error, context)
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        finished?.fail(error)
        finished = nil
        context.close(promise: nil)
    }

    // MARK: What comes back

    /// - Returns: `false` if more bytes are needed.
    private func read(from bytes: inout ByteBuffer) throws -> Bool {
        guard let header else {
            let found = try bytes.withUnsafeReadableBytes { try FrameHeader.parse($0) }
            guard let found else { return false }
            bytes.moveReaderIndex(forwardBy: found.length)
            try begin(found.header)
            return true
        }
        let count = min(payloadLeft, bytes.readableBytes)
        try bytes.withUnsafeReadableBytes { readable in
            try check(UnsafeRawBufferPointer(rebasing: readable[..<count]))
        }
        bytes.moveReaderIndex(forwardBy: count)
        payloadLeft -= count
        if payloadLeft == 0 {
            self.header = nil
            if header.isFinal { try endMessage() }
        }
        return true
    }

    private func begin(_ header: FrameHeader) throws {
        guard !header.opcode.isControl, header.payloadLength > 0 else {
            throw Failure(description: "the server sent a frame that is no echo: \(header)")
        }
        self.header = header
        payloadLeft = header.payloadLength
        tally.answered += header.payloadLength
        if header.opcode != .continuation { isCompressed = header.isCompressed }
    }

    private func check(_ piece: UnsafeRawBufferPointer) throws {
        guard isCompressed else { return try compare(piece) }
        inflated.clear()
        try inflater?.inflate(piece, into: &inflated, limit: lap.size + 1)
        try inflated.withUnsafeReadableBytes { try compare($0) }
    }

    private func compare(_ piece: UnsafeRawBufferPointer) throws {
        guard let start = piece.baseAddress, piece.count > 0 else { return }
        let offset = received % lap.count * lap.size + arrived
        arrived += piece.count
        let isSame =
            arrived <= lap.size
            && lap.plain.withUnsafeReadableBytes { plain in
                guard let expected = plain.baseAddress else { return false }
                return memcmp(start, expected + offset, piece.count) == 0
            }
        guard isSame else { throw Failure(description: "message \(received) came back changed") }
    }

    private func endMessage() throws {
        if isCompressed {
            inflated.clear()
            try inflater?.finish(into: &inflated, limit: 0)
        }
        guard arrived == lap.size else { throw Failure(description: "message \(received) came back short") }
        arrived = 0
        received += 1
        tally.messages += 1
        if isCompressed { tally.compressed += 1 }
    }
}
