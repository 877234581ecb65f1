import ArgumentParser
import NIOCore
import NIOPosix
import WebSocket
import WebSocketNIO

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Echo messages on 127.0.0.1.")

    @Argument(help: "The port to listen on; 0 for a free one, which is printed.")
    var port: Int

    @Option(help: "zlib's level, 1 to 9.")
    var level = 1

    @Flag(help: "Keep both sides' windows of 32 KiB from message to message; without it the server forgets its own.")
    var contextTakeover = false

    private var settings: WebSocketConfiguration {
        var settings = Echo.settings(WebSocketConfiguration())
        settings.deflate?.level = level
        if contextTakeover {
            settings.deflate?.serverNoContextTakeover = false
            settings.deflate?.clientMaxWindowBits = 15
        }
        return settings
    }

    func run() async throws {
        let server = try await WebSocketServer.bind(
            to: .host("127.0.0.1", port: port), configuration: settings
        ) { request in
            .accept(subprotocol: nil, handler: EchoHandler(eventLoop: request.eventLoop))
        }
        // Whoever waits for this line reads a pipe, where print alone would wait for a full buffer.
        FileOutput.standard.write("listening on 127.0.0.1:\(server.port ?? port)\n")
        try await server.wait()
    }
}
