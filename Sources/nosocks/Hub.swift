import ArgumentParser
import Mirror

/// `nosocks hub [DIR]`
struct Hub: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a folder, and stay in the foreground.",
        discussion: """
            Examples:
              nosocks hub ~/notes
              nosocks hub --listen 127.0.0.1:0 .     take a free port, and say which
              nosocks hub --read-only /srv/public    others may look, not change
            """)

    @Argument(help: ArgumentHelp("The folder.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Option(
        help: ArgumentHelp(
            "Where to listen: HOST:PORT (port 0 takes a free one) or unix:PATH; may be given more than once.",
            valueName: "host:port"))
    var listen: [String] = []

    @OptionGroup var tokens: TokenSource

    @Flag(help: "Whoever joins may look, and change nothing.")
    var readOnly = false

    @Option(
        help: ArgumentHelp(
            "A web page that may use this hub, as its origin: https://HOST; may be given more than once.",
            valueName: "origin"))
    var allowOrigin: [String] = []

    @Option(help: ArgumentHelp("How many peers may be in at a time.", valueName: "n"))
    var maxPeers = 10_000

    @OptionGroup var replica: ReplicaOptions

    func validate() throws {
        if maxPeers < 1 { throw ValidationError("--max-peers \(maxPeers): a hub takes one peer at least") }
        for text in listen { _ = try ListenAddress.parse(text) }
        try replica.validate(directory)
    }

    func run() async throws {
        let talk = replica.talk
        let addresses = try (listen.isEmpty ? ["127.0.0.1:\(HubAddress.defaultPort)"] : listen)
            .map(ListenAddress.parse)
        let folder = try OpenedFolder.open(directory, role: "hub", talk: talk)
        let keys = HubTokens(directory: directory, source: tokens, talk: talk)
        var options = HubService.Options(addresses: addresses, name: replica.replicaName)
        options.book = try keys.load()
        options.isReadOnly = readOnly
        options.origins = Set(allowOrigin)
        options.maxPeers = maxPeers
        let narrator = Narrator(
            talk, events: replica.eventLines, joining: options.book.isEmpty ? "" : " --token-file FILE")
        let hub: HubService
        do {
            hub = try HubService(folder: folder, options: options) { narrator.tell($0) }
        } catch {
            throw MirrorEnd.failed(error).conclude(talk, narrator)
        }
        let signals = Signals {
            if let book = keys.reload() { Task { await hub.use(book) } }
        } stop: {
            Task { await hub.stop() }
        }
        let end: MirrorEnd
        do {
            end = try await hub.run()
        } catch {
            talk.fail("cannot listen on \(error.address): \(error.reason)", ["address": "\(error.address)"])
            throw ExitStatus.failed
        }
        withExtendedLifetime(signals) {}
        throw end.conclude(talk, narrator)
    }
}

/// Reads `--listen`.
enum ListenAddress {
    static func parse(_ text: String) throws -> HubAddress {
        let address: HubAddress
        do {
            address = try HubAddress(listening: text)
        } catch {
            throw ValidationError("--listen \(text): \(error)")
        }
        guard address.socketPath != nil || HubAddress.isLoopback(address.host) else {
            throw ValidationError(
                "--listen \(text): this version listens on loopback addresses only, since it has no tokens yet; "
                    + "use 127.0.0.1, or a tunnel such as ssh -L")
        }
        return address
    }
}
