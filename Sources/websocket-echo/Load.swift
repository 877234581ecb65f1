import ArgumentParser
import NIOCore
import NIOPosix
import WebSocket
import WebSocketNIO

/// One connection's worth of load for any echo server, the same for each.
struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep an echo server busy, and check all that it sends back.",
        discussion: """
            Each line of standard input is a number of seconds to send for. When all has come back, a line of JSON tells \
            what did. Nothing is sent between the lines, so that whoever writes them can measure the server.
            """)

    @Argument(help: "The server, as in ws://127.0.0.1:9001.")
    var url: String

    @Option(help: "Bytes of each message: JSON below 1024, else source code.")
    var size = 4096

    @Option(help: "Messages in flight (as many as make 1 MiB, from 4 to 512).")
    var inFlight: Int?

    @Flag(help: "Send text messages, not binary ones.")
    var text = false

    @Flag(help: "Send compressed messages.")
    var deflate = false

    func validate() throws {
        guard 1 << 28 >= size, size > 0, inFlight ?? 1 > 0 else { throw ValidationError("That is no load.") }
    }

    func run() async throws {
        guard case .host(let host, let port) = try Drive.parse(url) else { return }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let window = inFlight ?? max(4, min(512, (1 << 20) / size))
        // What every client of a browser's kind offers: the server is free in what it does.
        let settings = deflate ? DeflateSettings(serverNoContextTakeover: false) : nil
        let agreed = loop.makePromise(of: DeflateAgreement?.self)
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        LoadHandshake(authority: "\(host):\(port)", deflate: settings, outcome: agreed))
                }
            }
            .connect(host: host, port: port).get()
        let agreement = try await agreed.futureResult.get()
        if deflate && agreement == nil { throw LoadHandler.Failure(description: "the server does not compress") }

        let lap = Lap(size: size, isText: text, agreement: agreement)
        let load = try await loop.submit {
            let handler = LoadHandler(lap: lap, window: window, agreement: agreement)
            try channel.pipeline.syncOperations.addHandler(handler)
            return NIOLoopBound(handler, eventLoop: loop)
        }.get()
        while let line = readLine(), let seconds = Double(line) {
            let duration = TimeAmount.nanoseconds(Int64(seconds * 1e9))
            let tally = try await loop.flatSubmit {
                load.value.run(for: duration) ?? loop.makeFailedFuture(ChannelError.eof)
            }.get()
            FileOutput.standard.write(
                """
                {"messages": \(tally.messages), "compressed": \(tally.compressed), "size": \(size), \
                "answered": \(tally.answered), "seconds": \(tally.seconds)}\n
                """)
        }
        try await channel.close().get()
    }
}
