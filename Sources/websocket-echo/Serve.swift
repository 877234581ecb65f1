import ArgumentParser
import NIOCore
import NIOPosix
import WebSocketNIO

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Echo messages on 127.0.0.1.")

    @Argument(help: "The port to listen on; 0 for a free one, which is printed.")
    var port: Int

    func run() async throws {
        let server = try await WebSocketServer.bind(
            to: .host("127.0.0.1", port: port), configuration: Echo.settings(WebSocketConfiguration())
        ) { request in
            .accept(subprotocol: nil, handler: EchoHandler(eventLoop: request.eventLoop))
        }
        // Whoever waits for this line reads a pipe, where print alone would wait for a full buffer.
        FileOutput.standard.write("listening on 127.0.0.1:\(server.port ?? port)\n")
        try await server.wait()
    }
}
