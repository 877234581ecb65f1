import ArgumentParser
import Mirror
import Replica
import Tree

/// `nosocks join URL [DIR]`
struct Join: FolderCommand {
    static let help = CommandHelp(
        abstract: "Keep a folder the same as a hub's, both ways, and stay in the foreground.",
        examples: [
            .init("nosocks join ws://127.0.0.1:7625 ~/notes"),
            .init("nosocks join --once ws://127.0.0.1:7625 copy && make -C copy"),
            .init(
                "nosocks join --once --fail-on-conflict ws://127.0.0.1:7625 copy", "and nothing in it wants settling"),
            .init("nosocks join --pin sha256:… --token-file hub.token wss://hub.example:7625 ~/notes"),
            .init("nosocks join --exec 'make -C ~/src' ws://127.0.0.1:7625 ~/src", "whenever something arrived"),
            .init("nosocks join --receive-only hub.example ~/mirror", "what is edited here stays here"),
            .init("nosocks join --replace ws://127.0.0.1:7625 .", "take the hub's, keep ours in history"),
        ],
        text: [
            """
            Goes through a proxy where the environment names one, as curl does: https_proxy or HTTPS_PROXY for wss://, \
            http_proxy for ws://, else all_proxy or ALL_PROXY, and none for what no_proxy or NO_PROXY lists. A proxy \
            is written http://[USER:PASSWORD@]HOST:PORT, or with https:// or socks5://.
            """
        ],
        endings: [
            (.problems, "With --once: in sync but for paths with problems, each of them listed."),
            (.conflicts, "There are conflict copies, and --fail-on-conflict was given."), (.guarded, nil),
            (.refused, nil), (.unreachable, "With --once: the hub cannot be reached."), (.incompatible, nil),
            (.noSpace, nil), (.held, nil),
            (.interrupted, "With --once: told to end before the folders were the same."),
        ],
        environment: [.token, .proxy, .manager])

    @Argument(help: ArgumentHelp("The hub's address: ws://HOST:PORT, or HOST[:PORT], or unix:PATH.", valueName: "url"))
    var url: String

    @Argument(help: ArgumentHelp("The folder; made if missing.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Flag(help: "Sync until equal, then end.")
    var once = false

    @Flag(
        help: ArgumentHelp(
            "Send nothing: what is edited here stays here, and becomes a conflict copy when the hub has a newer version."
        ))
    var receiveOnly = false

    @Flag(help: "Take nothing: no file here changes, and what the hub changed as well is left alone, and told.")
    var sendOnly = false

    @Flag(help: "For a folder with content that was never joined: a union, differing files kept both (the default).")
    var merge = false

    @Flag(
        help: "For a folder with content that was never joined: the hub's snapshot wins, what was here goes to history."
    )
    var replace = false

    @OptionGroup var tokens: TokenSource

    @Option(
        help: ArgumentHelp(
            "The hub's certificate, by the pin that the hub prints; it is remembered.", valueName: "sha256:…"))
    var pin: String?

    @Flag(help: "Take whatever certificate the hub has the first time, and remember that.")
    var trustOnFirstUse = false

    @Flag(help: "Send a token over plain ws:// beyond loopback, where everybody in between can read it.")
    var insecure = false

    @OptionGroup var space: SpaceOptions

    @OptionGroup var replica: ReplicaOptions

    func validate() throws {
        if merge, replace { throw ValidationError("--merge and --replace contradict each other") }
        if receiveOnly, sendOnly { throw ValidationError("--receive-only and --send-only contradict each other") }
        if sendOnly, replace { throw ValidationError("--send-only and --replace contradict each other") }
        _ = try HubAddress(argument: url)
        if let pin, HubPin(pin) == nil { throw ValidationError.pin(pin) }
        try replica.validate(directory)
    }

    func run() async throws {
        let talk = replica.talk
        let hub = try HubAddress(argument: url)
        let manager = ServiceManager()
        let narrator = Narrator(talk, events: replica.eventLines, hub: hub, manager: manager)
        let token = try tokens.token(talk)
        let proxy = try ProxySource.proxy(to: hub, talk)
        try token?.mayTravel(to: hub, through: proxy, insecure: insecure, talk)
        let folder = try OpenedFolder.open(directory, role: "peer", making: true, settings: settings, talk: talk)
        folder.tellWhetherElsewhere(directory, talk)
        let isNew = folder.isNew
        if isNew, !folder.isEmpty {
            talk.say(
                replace
                    ? "\(directory) has content and was never joined: the hub's replaces it, and it goes to .nosocks/history"
                    : "\(directory) has content and was never joined: it is united with the hub's, nothing is deleted, and of "
                        + "files that differ both versions are kept (--replace lets the hub's win)")
        }
        var options = PeerService.Options(
            hub: hub, name: replica.replicaName, isOnce: once, isReplacing: replace && isNew)
        options.token = token
        options.direction = receiveOnly ? .receiveOnly : sendOnly ? .sendOnly : .both
        options.deletionLimit = replica.maxDelete
        options.bytesPerSecond = replica.limitRate?.bytesPerSecond
        options.proxy = proxy
        let files = try privateFiles(talk)
        options.trust = try trust(files, talk)
        let hook = replica.hook(talk)
        let peer = PeerService(folder: folder, options: options) { event in
            if case .trusted(let pin) = event { remember(pin, files, talk) }
            narrator.tell(event)
            hook?.tell(event)
        }
        let reloading = Repeater(from: self) { await $0.reload(peer, talk, manager) }
        let signals = Signals(
            reload: { reloading.ask() }, wake: { Task { await peer.wake() } },
            childEnded: { hook?.childEnded() },
            stop: {
                manager?.stopping()
                hook?.stop()
                Task { await peer.stop() }
            })
        let watchdog = manager?.watch { await peer.ping() }
        defer { watchdog?.cancel() }
        narrator.followProgress()
        let end = await peer.run()
        await hook?.finish()
        withExtendedLifetime(signals) {}
        throw try await replica.ending(end.conclude(talk, narrator)) { try await peer.conflicts() }
    }

    var settings: ReplicaSettings { replica.added(to: space.settings) }

    private func privateFiles(_ talk: Talk) throws -> StateFiles {
        do {
            return try StateFiles(in: directory)
        } catch {
            talk.fail("\(directory): \(error)", ["path": directory])
            throw ExitStatus.failed
        }
    }

    /// A pin that is given counts, then one that is remembered.
    private func trust(_ files: StateFiles, _ talk: Talk) throws -> HubTrust {
        if let pin = pin.flatMap({ HubPin($0) }) { return .pin(pin) }
        do {
            if let pin = try files.rememberedPin() { return .pin(pin) }
        } catch {
            talk.fail("\(directory): \(error)", ["path": directory])
            throw ExitStatus.refused
        }
        return trustOnFirstUse ? .firstUse : .system
    }

    private func remember(_ pin: HubPin, _ files: StateFiles, _ talk: Talk) {
        do {
            try files.remember(pin)
        } catch {
            talk.warn("the hub's pin can't be remembered: \(error)")
        }
    }
}
