import ArgumentParser
import NIOCore
import NIOPosix
import WebSocket
import WebSocketNIO

/// The client's side of an Autobahn run: asks the fuzzing server how many cases it has, echoes through each, and has it
/// write its reports.
struct Drive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run all cases of an Autobahn fuzzing server.")

    @Argument(help: "The fuzzing server, as in ws://127.0.0.1:9001.")
    var url: String

    @Option(help: "The name in the reports.")
    var agent = "nosocks"

    func run() async throws {
        let address = try Self.parse(url)
        let reply = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: String.self)
        try await converse(with: address, path: "/getCaseCount", reply: reply)
        let count = Int(try await reply.futureResult.get()) ?? 0
        guard count > 0 else { throw ValidationError("The server has no cases.") }
        for number in 1...count {
            try await converse(with: address, path: "/runCase?case=\(number)&agent=\(agent)")
        }
        try await converse(with: address, path: "/updateReports?agent=\(agent)")
        print("\(count) cases driven")
    }

    /// Runs one connection to its end.
    ///
    /// - Parameter reply: Gets the first message, which is then the whole conversation; `nil` for an echo.
    private func converse(
        with address: WebSocketClient.Address, path: String, reply: EventLoopPromise<String>? = nil
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let closed = loop.makePromise(of: Void.self)
        let handler = DriveHandler(reply: reply, echo: EchoHandler(eventLoop: loop), closed: closed)
        do {
            _ = try await WebSocketClient.connect(
                to: address, path: path, configuration: Echo.settings(.client), group: loop, handler: handler)
        } catch {
            reply?.fail(error)
            closed.succeed()
            throw error
        }
        try await closed.futureResult.get()
    }

    static func parse(_ url: String) throws -> WebSocketClient.Address {
        let scheme = "ws://"
        guard url.hasPrefix(scheme) else { throw ValidationError("Only ws:// URLs: \(url)") }
        let authority = url.dropFirst(scheme.count).prefix { $0 != "/" }
        let parts = authority.split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]), 1...65535 ~= port else {
            throw ValidationError("A URL like ws://127.0.0.1:9001 is needed: \(url)")
        }
        return .host(String(parts[0]), port: port)
    }
}

private struct DriveHandler: WebSocketHandler {
    let reply: EventLoopPromise<String>?
    let echo: EchoHandler
    let closed: EventLoopPromise<Void>

    func opened(_ connection: WebSocketConnection) {
        echo.opened(connection)
    }

    func received(message: ByteBuffer, isText: Bool) {
        if let reply {
            reply.succeed(String(buffer: message))
        } else {
            echo.received(message: message, isText: isText)
        }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        echo.closed(code: code, reason: reason, error: error)
        reply?.fail(WebSocketConnectionError.lost)
        closed.succeed()
    }
}
