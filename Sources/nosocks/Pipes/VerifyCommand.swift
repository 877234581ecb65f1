import ArgumentParser
import Mirror
import Replica
import Tree

/// `nosocks verify URL [DIR]`
struct VerifyCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "verify",
        abstract: "Compare a folder with a hub's, by content, and list what differs.",
        examples: [
            .init("nosocks verify ws://127.0.0.1:7625 ~/notes"),
            .init("nosocks verify -q hub.example copy && rm -r original", "only if the copy is whole"),
        ],
        text: [
            """
            Every file is read. The list is what rsync -i would do to make the folder the same: >f+++++++++ is missing here, \
            *deleting is here alone, >fcs has another content and size, .f...p another mode. What rules of the folder leave \
            out is not looked at. Times are not compared.
            """,
            "Ends with 0 only if nothing differs. It changes nothing, and needs no replica.",
        ],
        endings: [(.failed, "Something differs; or it failed, and said why.")] + ExitStatus.ofPipes,
        environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("The folder.", valueName: "dir"), completion: .directory)
    var directory = "."

    func run() async throws {
        let talk = hub.talk
        let folder: FolderListing
        do {
            folder = try FolderListing(at: NamedPath.bytes(of: directory))
        } catch {
            talk.fail("\(directory): \(error)", ["path": directory])
            throw ExitStatus.failed
        }
        var count = 0
        let isQuiet = hub.way.talking.quiet
        try await hub.visit { hub in
            var comparison = FolderComparison(of: folder) { difference in
                count += 1
                if !isQuiet { Self.show(difference, talk) }
            }
            try await hub.list(nil, isRecursive: true) { line in
                comparison.take(try RemoteEntry(line: line))
                return true
            }
            comparison.finish()
        }
        guard count == 0 else { throw ExitStatus.failed }
    }

    private static func show(_ difference: FolderComparison.Difference, _ talk: Talk) {
        let line: String
        switch difference {
        case .missing(let entry):
            line = (entry.kind == .file ? ">" : "c") + letter(entry) + "+++++++++ " + name(entry)
        case .extra(let path, let isDirectory):
            line = "*deleting   \(path)" + (isDirectory ? "/" : "")
        case .other(let entry, let content, let size, let mode):
            let act = !content ? "." : entry.kind == .file ? ">" : "c"
            line =
                act + letter(entry) + (content ? "c" : ".") + (size ? "s" : ".") + "." + (mode ? "p" : ".") + "..... "
                + name(entry)
        case .unknown(let path, let reason):
            talk.fail("\(path.map { "\($0): " } ?? "")\(reason)")
            return
        }
        StandardStream.output.write((line + "\n").utf8)
    }

    private static func letter(_ entry: RemoteEntry) -> String {
        switch entry.kind {
        case .file: "f"
        case .directory: "d"
        case .symlink: "L"
        }
    }

    private static func name(_ entry: RemoteEntry) -> String {
        switch entry.kind {
        case .file: "\(entry.path)"
        case .directory: "\(entry.path)/"
        case .symlink: "\(entry.path) -> \(entry.target ?? "")"
        }
    }
}
