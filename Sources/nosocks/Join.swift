import ArgumentParser
import Mirror
import Tree

/// `nosocks join URL [DIR]`
struct Join: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep a folder the same as a hub's, both ways, and stay in the foreground.",
        discussion: """
            Examples:
              nosocks join ws://127.0.0.1:7625 ~/notes
              nosocks join --once ws://127.0.0.1:7625 copy && make -C copy
              nosocks join --replace ws://127.0.0.1:7625 .     take the hub's, keep ours in history
            """)

    @Argument(help: ArgumentHelp("The hub's address: ws://HOST:PORT, or HOST[:PORT], or unix:PATH.", valueName: "url"))
    var url: String

    @Argument(help: ArgumentHelp("The folder; made if missing.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Flag(help: "Sync until equal, then end.")
    var once = false

    @Flag(help: "For a folder with content that was never joined: a union, differing files kept both (the default).")
    var merge = false

    @Flag(
        help: "For a folder with content that was never joined: the hub's snapshot wins, what was here goes to history."
    )
    var replace = false

    @OptionGroup var tokens: TokenSource

    @OptionGroup var replica: ReplicaOptions

    func validate() throws {
        if merge, replace { throw ValidationError("--merge and --replace contradict each other") }
        _ = try address()
        try replica.validate(directory)
    }

    private func address() throws -> HubAddress {
        do {
            let address = try HubAddress(url)
            guard !address.isSecure else {
                throw ValidationError(
                    "\(url): this version has no TLS yet; use ws:// to a loopback address, or a tunnel such as ssh -L")
            }
            return address
        } catch let fault as HubAddress.Fault {
            throw ValidationError("\"\(url)\" is no hub's address: \(fault); write ws://HOST:PORT or unix:PATH")
        }
    }

    func run() async throws {
        let talk = replica.talk
        let hub = try address()
        let narrator = Narrator(talk, events: replica.eventLines, hub: hub)
        let token = try tokens.token(talk)
        let folder = try OpenedFolder.open(directory, role: "peer", making: true, talk: talk)
        let isNew = folder.isNew
        if isNew, replace {
            talk.say("the hub's snapshot replaces what is in \(directory); that goes to .nosocks/history")
        }
        var options = PeerService.Options(
            hub: hub, name: replica.replicaName, isOnce: once, isReplacing: replace && isNew)
        options.token = token
        let peer = PeerService(folder: folder, options: options) { narrator.tell($0) }
        let signals = Signals { Task { await peer.stop() } }
        let end = await peer.run()
        withExtendedLifetime(signals) {}
        throw end.conclude(talk, narrator)
    }
}
