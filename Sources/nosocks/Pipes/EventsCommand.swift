import ArgumentParser
import Mirror
import Tree

/// `nosocks events URL`
struct EventsCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "events",
        abstract: "Follow what changes at a hub, as event lines.",
        examples: [
            .init("nosocks events ws://127.0.0.1:7625 | jq -r .path"),
            .init("nosocks events --since 0 hub.example", "all that there is, and then what comes"),
            .init("nosocks events --since 1f0c8e66a5d4b372:4711 hub.example", "from where one was"),
        ],
        text: [
            """
            Each line is a JSON object, with the cursor behind it: --since with that goes on from there, with nothing \
            missed and nothing twice. So does the command by itself when the connection breaks.
            """
        ],
        endings: ExitStatus.ofPipes, environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Option(help: ArgumentHelp("Begin behind this cursor; 0: with everything.", valueName: "cursor"))
    var since: String?

    func run() async throws {
        let talk = hub.talk
        StandardStream.output.endWhenUnread()
        try await hub.reach { options in
            try await RemoteHub.follow(options, since: since) { reason in
                talk.say("\(reason); going on when the hub is back")
            } _: { line, cursor in
                try StandardStream.output.pass(Self.line(line, with: cursor), talk)
            }
        }
    }

    /// A line with its cursor, if it has none.
    private static func line(_ line: [UInt8], with cursor: String?) -> [UInt8] {
        let end = [UInt8(ascii: "\n")]
        guard let cursor, line.first == UInt8(ascii: "{"), !line.starts(with: Array("{\"cursor\"".utf8)) else {
            return line + end
        }
        return Array("{\"cursor\":\"\(cursor)\",".utf8) + line.dropFirst() + end
    }
}
