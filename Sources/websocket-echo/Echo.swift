import ArgumentParser
import NIOCore
import WebSocket
import WebSocketNIO

/// The two ends that a conformance suite needs of an implementation, and what measuring its speed needs.
@main
struct Echo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "websocket-echo", abstract: "A WebSocket echo for conformance runs and measurements.",
        subcommands: [Serve.self, Drive.self, Load.self, Measure.self])

    /// The suites send messages of up to 16 MiB.
    static func settings(_ base: WebSocketConfiguration) -> WebSocketConfiguration {
        var settings = base
        settings.limits = Limits(maxFrameSize: 16 << 20, maxMessageSize: 16 << 20)
        return settings
    }
}

/// Sends back each message as it came.
final class EchoHandler: WebSocketHandler {
    private let connection: NIOLoopBoundBox<WebSocketConnection?>

    init(eventLoop: any EventLoop) {
        connection = .makeEmptyBox(valueType: WebSocketConnection.self, eventLoop: eventLoop)
    }

    func opened(_ connection: WebSocketConnection) {
        self.connection.value = connection
    }

    func received(message: ByteBuffer, isText: Bool) {
        connection.value?.send(message, text: isText, compress: true)
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        connection.value = nil
    }
}
