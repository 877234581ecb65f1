import ArgumentParser
import Mirror
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// `nosocks events [DIR|URL]`
struct EventsCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "events",
        abstract: "Follow what changes in a replica, or at a hub, as event lines.",
        examples: [
            .init("nosocks events ~/notes | jq -r '.path // empty'", "of the process that keeps this folder"),
            .init("nosocks events ws://127.0.0.1:7625 | jq -r '.path // empty'", "of a hub, without a replica"),
            .init("nosocks events --since 0 hub.example", "all that there is, and then what comes"),
            .init("nosocks events --since 1f0c8e66a5d4b372:4711 hub.example", "from where one was"),
        ],
        text: [
            """
            Each line is a JSON object. At a hub each has the cursor behind it: --since with that goes on from there, with \
            nothing missed and nothing twice. So does the command by itself when the connection breaks.
            """,
            """
            Of a folder it tells what its process puts in place and sends, in that order. A line "in-sync" has a cursor \
            behind all that was told; from there on nothing is missed. It ends when the process does.
            """,
            """
            A file that was given another name is "moved", "from" the former one. Where its two changes do not come right \
            after each other they are told as what they are, "created" and "deleted". A directory always is: what is in \
            it is moved one by one.
            """,
        ],
        endings: ExitStatus.ofPipes, environment: HubWay.environment)

    @Argument(
        help: ArgumentHelp(
            "A replica's folder, or a hub's address: ws://HOST:PORT, or HOST[:PORT], or unix:PATH.",
            valueName: "dir|url"), completion: .directory)
    var place = "."

    @Option(help: ArgumentHelp("Begin behind this cursor; 0: with everything.", valueName: "cursor"))
    var since: String?

    @OptionGroup var way: HubWay

    private var isFolder: Bool {
        !place.contains("://") && !place.hasPrefix("unix:") && access(place, F_OK) == 0
    }

    func validate() throws {
        if place.isEmpty { throw ValidationError("the name of the folder, or the hub's address, is empty") }
        if !isFolder { _ = try HubAddress(argument: place) }
    }

    func run() async throws {
        StandardStream.output.endWhenUnread()
        if isFolder { return try await followFolder() }
        let talk = way.talk
        try await way.reach(place) { options in
            try await RemoteHub.follow(options, since: since) { reason in
                talk.say("\(reason); going on when the hub is back")
            } _: { line, cursor in
                try StandardStream.output.pass(Self.line(line, with: cursor), talk)
            }
        }
    }

    private func followFolder() async throws {
        let talk = way.talk
        do {
            try await ControlClient.follow(place, since: since) { line in
                try StandardStream.output.pass(line + [UInt8(ascii: "\n")], talk)
            }
        } catch let error as ControlClient.Failure {
            talk.fail("\(place): \(Wording.failure(error))", ["path": place])
            throw ExitStatus.failed
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
