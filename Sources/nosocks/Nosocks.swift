import ArgumentParser

/// The command line. What it says and how it ends is a contract: see the documentation of the commands.
struct Nosocks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nosocks",
        abstract: "Keep a folder the same on many machines, live.",
        discussion: """
            Examples:
              nosocks hub ~/notes                               serve a folder
              nosocks join ws://127.0.0.1:7625 ~/notes-too      keep another one the same
              nosocks join --once ws://127.0.0.1:7625 copy      sync until equal, then end
              nosocks wait && ssh hub.example deploy            when all that is here has arrived
              nosocks log ~/notes/todo.md                       what changed, when, by whom
              nosocks restore ~/notes/todo.md                   bring a version back
              nosocks token add laptop ~/notes                  let one more in: prints a token for it
            """,
        version: Version.text,
        subcommands: [
            Hub.self, Join.self, Status.self, Wait.self, Confirm.self, Revert.self, LogCommand.self,
            RestoreCommand.self, ConflictsCommand.self, Ignored.self, Doctor.self, TokenCommand.self,
        ])
}

enum Version {
    static let text = "nosocks 0.1.0"
}
