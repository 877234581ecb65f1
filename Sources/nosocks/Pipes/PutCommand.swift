import ArgumentParser
import Mirror
import Tree

/// `nosocks put URL PATH`
struct PutCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "put",
        abstract: "Make standard input the content of one of a hub's files; print its new revision.",
        examples: [
            .init("date | nosocks put ws://127.0.0.1:7625 last-backup"),
            .init("nosocks put hub.example photos/1.jpg < 1.jpg"),
            .init("nosocks put --if-revision 0 hub.example lock < me", "only if nothing is there"),
            .init("nosocks put --if-revision 41 hub.example n < next", "only if nobody was faster"),
        ],
        text: [
            """
            Everybody has the file as it was or as it is now, and nothing in between. Directories that are missing are made.
            """,
            """
            With --if-revision the file is put only if it is at that revision, which ls and put tell: so of two who change \
            it at a time, one has to read it again.
            """,
        ],
        endings: [(.failed, "Something else is there; or it failed, and said why.")] + ExitStatus.ofPipes,
        environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("The file, in the hub's folder.", valueName: "path"))
    var path: String

    @OptionGroup var condition: RevisionCondition

    func validate() throws { _ = try RelativePath(argument: path) }

    func run() async throws {
        let path = try RelativePath(argument: path)
        let talk = hub.talk
        let revision = try await hub.visit { hub in
            try await hub.put(path, if: condition.revision, size: StandardInput.size) {
                try StandardInput.read(talk)
            }
        }
        StandardStream.output.write("\(revision)\n".utf8)
    }
}

/// What must be there for a change to be made.
struct RevisionCondition: ParsableArguments {
    @Option(
        name: .customLong("if-revision"),
        help: ArgumentHelp("Only if it is at this revision; 0: if there is nothing.", valueName: "revision"))
    var revision: UInt64?
}
