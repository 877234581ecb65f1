import ArgumentParser
import Mirror
import Tree

/// `nosocks snapshot URL [PATH]`
struct SnapshotCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "snapshot",
        abstract: "Write a consistent snapshot of a hub's folder to standard output, as a tar archive.",
        examples: [
            .init("nosocks snapshot ws://127.0.0.1:7625 | tar x -C copy"),
            .init("nosocks snapshot hub.example photos | zstd > photos.tar.zst"),
            .init("nosocks snapshot --revision 4711 hub.example | tar x -C then", "as it was"),
        ],
        text: [
            """
            All of it is as it was at one revision, whatever changes meanwhile. The archive is a POSIX one (pax), with \
            names as they are, modes, times to the nanosecond, symlinks and empty directories.
            """
        ],
        endings: ExitStatus.ofPipes, environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("A directory or file in the hub's folder; all of it without one.", valueName: "path"))
    var path: String?

    @Option(help: ArgumentHelp("As it was at this revision, if the hub still has all of that.", valueName: "revision"))
    var revision: UInt64?

    func validate() throws { _ = try RelativePath.orFolder(argument: path) }

    func run() async throws {
        let path = try RelativePath.orFolder(argument: path)
        let talk = hub.talk
        if StandardStream.output.isTerminal {
            talk.fail("a tar archive is nothing for a terminal; write | tar t, or > FILE")
            throw ExitStatus.usage
        }
        try await hub.visit { hub in
            try await hub.snapshot(of: path, at: revision) { try StandardStream.output.pass($0, talk) }
        }
    }
}
