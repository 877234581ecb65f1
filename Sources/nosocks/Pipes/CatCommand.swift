import ArgumentParser
import Mirror
import Tree

/// `nosocks cat URL PATH`
struct CatCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "cat",
        abstract: "Write one of a hub's files to standard output.",
        examples: [
            .init("nosocks cat ws://127.0.0.1:7625 todo.md"),
            .init("nosocks cat hub.example config.json | jq ."),
        ],
        text: [
            """
            The hub compares what it sends with the file's digest. What breaks off, or is not whole, ends with a failure.
            """
        ],
        endings: ExitStatus.ofPipes, environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("The file, in the hub's folder.", valueName: "path"))
    var path: String

    func validate() throws { _ = try RelativePath(argument: path) }

    func run() async throws {
        let path = try RelativePath(argument: path)
        let talk = hub.talk
        try await hub.visit { hub in
            try await hub.read(path) { try StandardStream.output.pass($0, talk) }
        }
    }
}

extension ExitStatus {
    /// How the commands end that ask a hub without a replica.
    static let ofPipes: [(status: ExitStatus, meaning: String?)] = [
        (.refused, nil), (.unreachable, nil), (.incompatible, nil), (.noSpace, "The hub has no space."),
    ]
}
