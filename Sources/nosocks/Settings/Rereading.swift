import ArgumentParser
import Mirror
import Replica
import Synchronization

/// A running command's settings, read once more: its own words and the environment are what they were, but files may have
/// changed.
enum Rereading {
    private static let began = Mutex<[String: [String]]>([:])

    /// What was in force when the command began.
    static func begin(with settings: Settings?) { began.withLock { $0 = values(settings) } }

    /// The command as it would begin now, or, with why, as it was.
    static func command<Command: FolderCommand>(after former: Command, _ talk: Talk) -> Command {
        var settings: Settings?
        do {
            guard let command = try Main.parse(&settings) as? Command else { return former }
            talk.use(command.replica.talking.level)
            tellOfOthers(than: Command.changeable, in: values(settings), talk)
            return command
        } catch {
            talk.fail("\(Main.words(for: error, settings)); the settings from before stay in force")
            return former
        }
    }

    /// What has changed and can't while the process runs.
    private static func tellOfOthers(than changeable: Set<String>, in now: [String: [String]], _ talk: Talk) {
        let before = began.withLock { $0 }
        let changed = Set(before.keys).union(now.keys).filter { before[$0] != now[$0] }.subtracting(changeable)
        guard !changed.isEmpty else { return }
        let names = changed.sorted().joined(separator: ", ")
        talk.warn("\(names): what the settings say of it now counts from the next start on")
    }

    private static func values(_ settings: Settings?) -> [String: [String]] {
        Dictionary((settings?.sources ?? []).map { ($0.option, $0.values) }) { first, _ in first }
    }
}

/// Does one thing whenever it is asked to, one at a time, with what came of the last time; being asked several times
/// meanwhile is being asked once.
final class Repeater: Sendable {
    private let requests: AsyncStream<Void>.Continuation

    init<State: Sendable>(from start: State, _ body: @escaping @Sendable (State) async -> State) {
        let (stream, requests) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.requests = requests
        Task {
            var state = start
            for await _ in stream { state = await body(state) }
        }
    }

    func ask() { requests.yield() }
}

extension Hub {
    static let changeable = ReplicaOptions.changeable.union([
        "--allow-origin", "--tls-cert", "--tls-key", "--token-file",
    ])

    /// Reads again what may change while the hub runs. What can't be read stays as it was, and the rest is taken over.
    ///
    /// - Returns: the command as it is in force then.
    func reload(_ hub: HubService, _ shown: HubTLS?, _ talk: Talk, _ manager: ServiceManager?) async -> Hub {
        manager?.reloading()
        let now = Rereading.command(after: self, talk)
        if let book = HubTokens(directory: directory, source: now.tokens, talk: talk).reload() { await hub.use(book) }
        if let shown { now.tls.reload(shown, talk) }
        await now.replica.taking(talk) {
            try await hub.reload(
                now.settings, deletionLimit: now.replica.maxDelete, origins: Set(now.allowOrigin),
                bytesPerSecond: now.replica.limitRate?.bytesPerSecond)
        }
        manager?.reloaded()
        return now
    }
}

extension Join {
    static let changeable = ReplicaOptions.changeable

    func reload(_ peer: PeerService, _ talk: Talk, _ manager: ServiceManager?) async -> Join {
        manager?.reloading()
        let now = Rereading.command(after: self, talk)
        await now.replica.taking(talk) {
            try await peer.reload(
                now.settings, deletionLimit: now.replica.maxDelete,
                bytesPerSecond: now.replica.limitRate?.bytesPerSecond)
        }
        manager?.reloaded()
        return now
    }
}

extension ReplicaOptions {
    /// What counts at once when the settings are read again.
    static let changeable: Set<String> = [
        "--history-days", "--history-size", "--ignore", "--limit-rate", "--max-delete", "--min-free", "--quiet",
    ]

    fileprivate func taking(_ talk: Talk, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            talk.warn("nosocks ignored does not know of the new patterns: \(error)")
        }
    }
}
