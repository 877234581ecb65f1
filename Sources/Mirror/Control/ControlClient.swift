import Disk
import NIOCore
import Synchronization
import Tree
import WebSocket
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Asks the process that holds a replica.
package enum ControlClient {
    package enum Failure: Error, Hashable, Sendable {
        /// There is no replica in this folder, nor in one above it.
        case noReplica
        /// No process holds it.
        case notRunning
        /// It took too long.
        case timedOut
        case failed(String)
    }

    /// - Parameters:
    ///   - directory: A replica's folder, or one inside it.
    ///   - limit: How long to wait for the answer; nil for as long as it takes.
    package static func ask(
        _ request: ControlRequest, of directory: String, within limit: Duration? = nil
    ) async throws(Failure) -> ControlReply {
        guard let state = ReplicaPlace.state(around: directory) else { throw .noReplica }
        guard let bytes = try? JSONEncoder().encode(request) else { throw .failed("the question has no JSON") }
        let question = Question()
        var configuration = ControlSocket.configuration
        if let limit {
            configuration.handshakeTimeout = min(configuration.handshakeTimeout, .nanoseconds(limit.nanoseconds))
        }
        let connection: WebSocketConnection
        do throws(WebSocketClientError) {
            connection = try await WebSocketClient.connect(
                to: .unixSocket(path: state.path(of: ControlSocket.name)), subprotocols: [ControlSocket.subprotocol],
                configuration: configuration, handler: question)
        } catch {
            if case .unreachable = error { throw .notRunning }
            throw .failed("\(error)")
        }
        withExtendedLifetime(state) {}
        let timer = limit.map { limit in
            connection.eventLoop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) { question.end(.failure(.timedOut)) }
        }
        connection.send(ByteBuffer(bytes: bytes), text: true, compress: false)
        let result = await question.result()
        timer?.cancel()
        connection.close()
        return try result.get()
    }
}

extension ControlClient {
    /// Hands over the event lines of a replica's process, without line feeds, until that ends or `take` says false.
    ///
    /// - Parameters:
    ///   - start: A cursor, or 0 for everything; nil for what happens from now on.
    ///   - take: Called on an event loop, which may wait in it: then the other side waits.
    /// - Throws: ``Failure``, and what `take` does.
    package static func follow(
        _ directory: String, since start: String?, _ take: @escaping @Sendable ([UInt8]) throws -> Bool
    ) async throws {
        guard let state = ReplicaPlace.state(around: directory) else { throw Failure.noReplica }
        let reader = EventReader(take)
        let start = PercentCoding.encode(path: Array((start ?? "").utf8))
        do throws(WebSocketClientError) {
            _ = try await WebSocketClient.connect(
                to: .unixSocket(path: state.path(of: ControlSocket.name)), path: "/?since=\(start)",
                subprotocols: [EventSocket.subprotocol], configuration: ControlSocket.configuration, handler: reader)
        } catch {
            switch error {
            case .unreachable: throw Failure.notRunning
            case .refused(_, _, let line) where !line.isEmpty: throw Failure.failed(line)
            default: throw Failure.failed("\(error)")
            }
        }
        withExtendedLifetime(state) {}
        try await reader.ending()
    }
}

/// Takes event lines until they end.
private final class EventReader: WebSocketHandler {
    private let take: @Sendable ([UInt8]) throws -> Bool
    private let connection = Mutex<WebSocketConnection?>(nil)
    private let ended = AsyncThrowingStream<Never, any Error>.makeStream()

    init(_ take: @escaping @Sendable ([UInt8]) throws -> Bool) { self.take = take }

    func opened(_ connection: WebSocketConnection) {
        self.connection.withLock { $0 = connection }
    }

    func received(message: ByteBuffer, isText: Bool) {
        do {
            guard try !take(Array(message.readableBytesView)) else { return }
            ended.continuation.finish()
        } catch {
            ended.continuation.finish(throwing: error)
        }
        connection.withLock(\.self)?.close()
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        let isToldWhy = code == EventSocket.otherHistory || code == .policyViolation
        let reason = isToldWhy ? reason : "the process that holds this replica ended"
        ended.continuation.finish(throwing: ControlClient.Failure.failed(reason))
    }

    func ending() async throws {
        for try await _ in ended.stream {}
    }
}

/// Waits for one answer.
private final class Question: WebSocketHandler {
    private struct State {
        var result: Result<ControlReply, ControlClient.Failure>?
        var waiter: CheckedContinuation<Result<ControlReply, ControlClient.Failure>, Never>?
    }

    private let state = Mutex(State())

    func opened(_ connection: WebSocketConnection) {}

    func received(message: ByteBuffer, isText: Bool) {
        guard let reply = try? JSONDecoder().decode(ControlReply.self, from: Data(message.readableBytesView)) else {
            return end(.failure(.failed("the process that holds this replica is of another version")))
        }
        end(.success(reply))
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        end(.failure(.failed("the process that holds this replica ended")))
    }

    /// The first result counts.
    func end(_ result: Result<ControlReply, ControlClient.Failure>) {
        let waiter = state.withLock { state in
            if state.result == nil { state.result = result }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: result)
    }

    func result() async -> Result<ControlReply, ControlClient.Failure> {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> Result<ControlReply, ControlClient.Failure>? in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}

/// Where a replica is, seen from a folder inside it.
package struct ReplicaPlace {
    private let descriptor: Descriptor

    /// The state folder of the replica that `directory` is, or lies in; nil where there is none.
    static func state(around directory: String) -> ReplicaPlace? {
        guard let root = try? Root(at: Array(directory.utf8)) else { return nil }
        var path = root.path[...]
        while true {
            let folder = path.isEmpty ? [UInt8(ascii: "/")] : Array(path)
            if let root = try? Root(at: folder),
                let state = try? StatePlace(of: root).open(),
                (try? Place(directory: state, name: Array("index.sqlite".utf8)).status()) != nil
            {
                return ReplicaPlace(descriptor: state)
            }
            guard let cut = path.lastIndex(of: UInt8(ascii: "/")), !path.isEmpty else { return nil }
            path = path[..<cut]
        }
    }

    /// A short path, since that of a socket may have no more than some hundred bytes. Good while this lives.
    func path(of name: String) -> String { "/proc/self/fd/\(descriptor.raw)/\(name)" }
}
