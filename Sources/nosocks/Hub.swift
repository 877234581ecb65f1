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
            """)

    @Argument(help: ArgumentHelp("The folder.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Option(
        help: ArgumentHelp(
            "Where to listen: HOST:PORT (port 0 takes a free one) or unix:PATH; may be given more than once.",
            valueName: "host:port"))
    var listen: [String] = []

    @OptionGroup var replica: ReplicaOptions

    func validate() throws {
        for text in listen { _ = try ListenAddress.parse(text) }
        try replica.validate(directory)
    }

    func run() async throws {
        let talk = replica.talk
        let addresses = try (listen.isEmpty ? ["127.0.0.1:\(HubAddress.defaultPort)"] : listen)
            .map(ListenAddress.parse)
        let narrator = Narrator(talk, events: replica.eventLines)
        let folder = try OpenedFolder.open(directory, role: "hub", talk: talk)
        let hub: HubService
        do {
            hub = try HubService(
                folder: folder, options: HubService.Options(addresses: addresses, name: replica.replicaName)
            ) { narrator.tell($0) }
        } catch {
            throw MirrorEnd.failed(error).conclude(talk, narrator)
        }
        let signals = Signals { Task { await hub.stop() } }
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
