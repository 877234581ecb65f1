import ArgumentParser
import Replica
import Tree

/// `nosocks log [DIR] [PATH]`
struct LogCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "log",
        abstract: "Say what changed, when, by whom, and which versions are still here.",
        examples: [
            .init("nosocks log", "all of the replica one is in, newest first"),
            .init("nosocks log ~/notes/recipes/bread.md", "one file, or a directory and all inside"),
            .init("nosocks log -n 20 ~/notes recipes"),
            .init("nosocks log --json | jq -r 'select(.kept == \"history\") | .path'"),
        ],
        text: [
            """
            A line tells revision, time, who made it, what was done, where it is (here: in the folder; history: \
            nosocks restore brings it back), and the path, with tabs in between. A version that never was at the hub \
            is named by the first digits of its digest, as @1f3a9c02. Times are those of this machine.
            """,
            """
            A hub knows each of the last 100,000 changes; any other replica the newest version of each path, and those \
            before it that it still has. It works beside a running replica and without one.
            """,
        ])

    @Argument(
        help: ArgumentHelp("A replica's folder, and a path in it; either may be left out.", valueName: "dir|path"),
        completion: .file())
    var places: [String] = []

    @Option(name: [.customShort("n"), .customLong("limit")], help: ArgumentHelp("At most so many.", valueName: "n"))
    var limit: Int?

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var talking: TalkOptions

    func validate() throws {
        if places.count > 2 { throw ValidationError("log takes a folder and a path") }
        if places.contains("") { throw ValidationError("a name is empty") }
        if let limit, limit < 0 { throw ValidationError("--limit \(limit) is negative") }
    }

    func run() async throws {
        let talk = talking.talk
        let named =
            places.count == 2
            ? try NamedPath.find(places[1], in: places[0], talk) : try NamedPath.find(places.first ?? ".", talk)
        let view = try FolderView.open(named.folder, talk)
        let lines: [LogLine]
        do {
            lines = try view.log(within: named.path)
        } catch {
            talk.fail("\(error)")
            throw ExitStatus.failed
        }
        let events = EventLines()
        for line in lines.prefix(limit ?? .max) {
            if json {
                events.tell(EventLine(line))
            } else if !StandardStream.output.write("\(Self.text(line))\n".utf8) {
                return
            }
        }
    }

    private static func text(_ line: LogLine) -> String {
        let time = line.seconds == 0 ? "-" : WallClock.text(seconds: Int(line.seconds))
        let author = line.origin.author.isEmpty ? "-" : RelativePath.printable(line.origin.author.utf8)
        return [
            VersionName.text(line.entry, line.origin), time, author, line.deed.rawValue, line.place?.rawValue ?? "-",
            "\(line.path)",
        ].joined(separator: "\t")
    }
}

/// How a person names a version: its revision, or the first digits of its digest where it never had one.
enum VersionName: Equatable {
    case revision(UInt64)
    case digest(String)

    init?(_ text: String) {
        if text.hasPrefix("@") {
            let digits = text.dropFirst()
            guard digits.count >= 4, digits.count <= 64, digits.allSatisfy(\.isHexDigit) else { return nil }
            self = .digest(digits.lowercased())
        } else if let revision = UInt64(text), revision > 0 {
            self = .revision(revision)
        } else {
            return nil
        }
    }

    static func text(_ entry: Entry, _ origin: Origin) -> String {
        if origin.revision != .zero { return "\(origin.revision)" }
        return entry.file.map { "@\($0.digest.hex(8))" } ?? "-"
    }

    func matches(_ version: KeptVersion) -> Bool {
        switch self {
        case .revision(let revision): version.origin.revision.rawValue == revision
        case .digest(let digits): version.entry.file?.digest.hex().hasPrefix(digits) == true
        }
    }
}

extension VersionName: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}

extension EventLine {
    /// A line of the log.
    init(_ line: LogLine) {
        self.init(line.deed.rawValue)
        if line.seconds != 0 { time = WallClock.text(seconds: Int(line.seconds)) }
        revision = line.origin.revision == .zero ? nil : line.origin.revision.rawValue
        by = line.origin.author.isEmpty ? nil : line.origin.author
        kept = line.place?.rawValue
        set(line.path, line.entry)
    }
}
