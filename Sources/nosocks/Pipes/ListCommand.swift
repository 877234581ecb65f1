import ArgumentParser
import Mirror
import Tree

/// `nosocks ls URL [PATH]`
struct ListCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "ls",
        abstract: "List what a hub's folder has.",
        examples: [
            .init("nosocks ls ws://127.0.0.1:7625"),
            .init("nosocks ls -l hub.example photos", "with modes, sizes, times and revisions"),
            .init("nosocks ls -R -0 hub.example | grep -zc '\\.jpg$'"),
            .init("nosocks ls -R --json hub.example | jq -r 'select(.size > 1e9) | .path'"),
        ],
        text: [
            """
            Names are in byte order, those of directories end with a slash. What is no text is shown escaped on a terminal \
            and with -l, and as it is elsewhere.
            """
        ],
        endings: ExitStatus.ofPipes, environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("A directory or file in the hub's folder; all of it without one.", valueName: "path"))
    var path: String?

    @Flag(name: .short, help: "With mode, size, time of the last change, and revision.")
    var long = false

    @Flag(name: [.customShort("R"), .customLong("recursive")], help: "Also all that is inside of directories.")
    var recursive = false

    @Flag(name: [.customShort("0"), .customLong("null")], help: "A zero byte behind each name, and no line feed.")
    var null = false

    @Flag(help: "One JSON object a line.")
    var json = false

    func validate() throws {
        _ = try RelativePath.orFolder(argument: path)
        if [long, null, json].count(where: { $0 }) > 1 {
            throw ValidationError("-l, -0 and --json are different ways to list: one of them")
        }
    }

    func run() async throws {
        let path = try RelativePath.orFolder(argument: path)
        try await hub.visit { hub in
            do {
                try await hub.list(path, isRecursive: recursive) { try show($0, inside: path) }
            } catch let failure as RemoteFailure {
                guard case .notFound = failure, let path else { throw failure }
                // It may be no directory.
                var isThere = false
                try await hub.list(path.parent, isRecursive: false) { line in
                    guard try RemoteEntry(line: line).path == path else { return true }
                    isThere = try show(line, inside: path.parent)
                    return false
                }
                if !isThere { throw failure }
            }
        }
    }

    /// - Returns: False where nobody reads any more.
    private func show(_ line: [UInt8], inside directory: RelativePath?) throws -> Bool {
        if json { return try StandardStream.output.pass(line + [UInt8(ascii: "\n")], hub.talk) }
        let entry = try RemoteEntry(line: line)
        var name = entry.path.bytes[...]
        if let directory { name = name.dropFirst(directory.bytes.count + 1) }
        if entry.kind == .directory { name.append(UInt8(ascii: "/")) }
        if null { return try StandardStream.output.pass(name + [0], hub.talk) }
        guard long else {
            let shown = StandardStream.output.isTerminal ? Array(RelativePath.printable(name).utf8)[...] : name
            return try StandardStream.output.pass(shown + [UInt8(ascii: "\n")], hub.talk)
        }
        let target = entry.target.map { " -> \($0)" } ?? ""
        let size = entry.size.map { String($0) } ?? "-"
        let columns = [
            Self.mode(entry), String(repeating: " ", count: max(0, 12 - size.count)) + size,
            entry.mtime.map { String($0.prefix(19)) + "Z" } ?? "-                   ", "\(entry.revision)",
            RelativePath.printable(name) + target,
        ]
        return try StandardStream.output.pass((columns.joined(separator: "  ") + "\n").utf8, hub.talk)
    }

    /// As `ls -l` has it.
    private static func mode(_ entry: RemoteEntry) -> String {
        let letter = [RemoteEntry.Kind.file: "-", .directory: "d", .symlink: "l"][entry.kind] ?? "?"
        guard let bits = entry.mode.flatMap({ UInt16($0, radix: 8) }) else { return letter + "rwxrwxrwx" }
        let letters = zip("rwxrwxrwx", (0..<9).reversed()).map { bits & 1 << $1 != 0 ? $0 : "-" }
        return letter + String(letters)
    }
}
