import ArgumentParser

/// The command line. What it says and how it ends is a contract: see the documentation of the commands.
struct Nosocks: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Keep a folder the same on many machines, live.",
        examples: [
            .init("nosocks hub ~/notes", "serve a folder"),
            .init("nosocks join ws://127.0.0.1:7625 ~/notes-too", "keep another one the same"),
            .init("nosocks join --once ws://127.0.0.1:7625 copy", "sync until equal, then end"),
            .init("nosocks wait && ssh hub.example deploy", "when all that is here has arrived"),
            .init("nosocks log ~/notes/todo.md", "what changed, when, by whom"),
            .init("nosocks restore ~/notes/todo.md", "bring a version back"),
            .init("nosocks token add laptop ~/notes", "let one more in: prints a token"),
        ],
        endings: ExitStatus.allCases.map { ($0, nil) })

    static let subcommands: [any DocumentedCommand.Type] = [
        Hub.self, Join.self, Status.self, Wait.self, Confirm.self, Revert.self, LogCommand.self,
        RestoreCommand.self, ConflictsCommand.self, Ignored.self, Doctor.self, TokenCommand.self, ListCommand.self,
        CatCommand.self, PutCommand.self, RemoveCommand.self, MoveCommand.self, SnapshotCommand.self,
        EventsCommand.self,
        VerifyCommand.self, Generate.self,
    ]
}

enum Version {
    static let text = "nosocks 0.1.0"
    /// When the manual was last looked over.
    static let date = "2026-11-26"
}
