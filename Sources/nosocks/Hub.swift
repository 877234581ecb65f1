import ArgumentParser
import Mirror
import Replica

/// `nosocks hub [DIR]`
struct Hub: FolderCommand {
    static let help = CommandHelp(
        abstract: "Serve a folder, and stay in the foreground.",
        examples: [
            .init("nosocks hub ~/notes"),
            .init("nosocks hub --listen 127.0.0.1:0 .", "take a free port, and say which"),
            .init("nosocks hub --read-only /srv/public", "others may look, not change"),
            .init("nosocks hub --listen 0.0.0.0:7625 .", "from other machines: TLS, and tokens"),
        ],
        endings: [
            (.conflicts, "There are conflict copies, and --fail-on-conflict was given."), (.guarded, nil),
            (.noSpace, nil), (.held, nil),
        ],
        environment: [.token, .sockets, .manager])

    @Argument(help: ArgumentHelp("The folder.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Option(
        help: ArgumentHelp(
            "Where to listen: HOST:PORT (port 0 takes a free one) or unix:PATH; may be given more than once.",
            valueName: "host:port"))
    var listen: [String] = []

    @OptionGroup var tokens: TokenSource

    @OptionGroup var tls: HubTLSOptions

    @Flag(help: "Whoever joins may look, and change nothing.")
    var readOnly = false

    @Option(
        help: ArgumentHelp(
            "A web page that may use this hub, as its origin: https://HOST; may be given more than once.",
            valueName: "origin"))
    var allowOrigin: [String] = []

    @Option(help: ArgumentHelp("How many peers may be in at a time (default: 10000).", valueName: "n"))
    var maxPeers: Int?

    @OptionGroup var space: SpaceOptions

    @OptionGroup var replica: ReplicaOptions

    func validate() throws {
        if let maxPeers, maxPeers < 1 {
            throw ValidationError("--max-peers \(maxPeers): a hub takes one peer at least")
        }
        for text in listen { _ = try ListenAddress.parse(text) }
        try replica.validate(directory)
    }

    func run() async throws {
        let talk = replica.talk
        let listeners = try listeners(talk)
        let addresses = listeners.map(\.address)
        let folder = try OpenedFolder.open(directory, role: "hub", settings: settings, talk: talk)
        folder.tellWhetherElsewhere(directory, talk)
        if folder.isNew, !folder.isEmpty {
            talk.say(
                "\(directory) is served for the first time: peers get what is in it, and nothing in it changes by that")
        }
        let keys = HubTokens(directory: directory, source: tokens, talk: talk)
        var options = HubService.Options(listeners: listeners, name: replica.replicaName)
        if addresses.contains(where: \.isInTheOpen) {
            let (book, file) = try keys.loadOrBegin()
            options.book = book
            if let file {
                talk.say("the first token was made: \(file); its holder may change this folder", ["file": file])
            }
        } else {
            options.book = try keys.load()
        }
        options.tls = try tls.load(directory, for: addresses, talk)
        options.listed = { keys.listed().map { ($0, HubTokens.givenName) } }
        options.isReadOnly = readOnly
        options.deletionLimit = replica.maxDelete
        options.limit(bytesPerSecond: replica.limitRate?.bytesPerSecond)
        options.origins = Set(allowOrigin)
        limitConnections(&options, talk)
        let manager = ServiceManager()
        let narrator = Narrator(
            talk, events: replica.eventLines,
            joining: (options.tls.flatMap(tls.pinWords) ?? "") + (options.book.isEmpty ? "" : " --token-file FILE"),
            manager: manager)
        let hook = replica.hook(talk)
        let hub: HubService
        do {
            hub = try HubService(folder: folder, options: options) { event in
                narrator.tell(event)
                hook?.tell(event)
            }
        } catch {
            throw MirrorEnd.failed(error).conclude(talk, narrator)
        }
        let shown = options.tls
        let reloading = Repeater(from: self) { await $0.reload(hub, shown, talk, manager) }
        let reload: @Sendable () -> Void = {
            // Who was just let in, or sent away, does not wait until all else has been looked at.
            if let book = keys.listed() { Task { await hub.use(book, keeping: HubTokens.givenName) } }
            reloading.ask()
        }
        let signals = Signals(reload: reload, childEnded: { hook?.childEnded() }) {
            manager?.stopping()
            hook?.stop()
            Task { await hub.stop() }
        }
        let watchdog = manager?.watch { await hub.ping() }
        defer { watchdog?.cancel() }
        narrator.followProgress()
        let end: MirrorEnd
        do {
            end = try await hub.run()
        } catch {
            talk.endProgress()
            talk.fail(
                "cannot listen on \(error.address): \(error.reason); --listen takes another address",
                ["address": "\(error.address)"])
            throw ExitStatus.failed
        }
        await hook?.finish()
        withExtendedLifetime(signals) {}
        throw try await replica.ending(end.conclude(talk, narrator)) { try await hub.conflicts() }
    }

    var settings: ReplicaSettings { replica.added(to: space.settings) }

    /// The sockets that the service manager passed, instead of any others.
    private func listeners(_ talk: Talk) throws -> [HubListener] {
        var listeners: [HubListener]
        do {
            listeners = try PassedSockets.take()
        } catch {
            talk.fail("a socket of the service manager's can't be served: \(error.text)")
            throw ExitStatus.failed
        }
        if listeners.isEmpty {
            let texts = listen.isEmpty ? ["127.0.0.1:\(HubAddress.defaultPort)"] : listen
            listeners = try texts.map { HubListener(address: try ListenAddress.parse($0)) }
        } else if !listen.isEmpty {
            talk.warn("--listen does not count: the service manager has passed sockets")
        }
        return listeners.map { HubListener(address: tls.secured($0.address), descriptor: $0.descriptor) }
    }

    private func limitConnections(_ options: inout HubService.Options, _ talk: Talk) {
        if let maxPeers { options.maxPeers = maxPeers }
        let wanted = options.maxPeers
        options.fit(connections: DescriptorLimit.raise())
        guard options.maxPeers < wanted else { return }
        let text =
            "this system's limit of open files allows \(options.maxPeers) peers at a time, not \(wanted); "
            + "ulimit -Hn shows it, ulimit -n sets it"
        if maxPeers == nil { talk.detail(text) } else { talk.warn(text) }
    }
}

/// Reads `--listen`.
enum ListenAddress {
    static func parse(_ text: String) throws -> HubAddress {
        do {
            return try HubAddress(listening: text)
        } catch {
            throw ValidationError("--listen \(text): \(error)")
        }
    }
}
