import ArgumentParser
import Mirror
import Tree

/// `nosocks rm URL PATH`
struct RemoveCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "rm",
        abstract: "Remove files, symlinks and empty directories from a hub's folder; print the revisions this makes.",
        examples: [
            .init("nosocks rm ws://127.0.0.1:7625 old.log"),
            .init("nosocks rm --if-revision 41 hub.example lock", "only if nobody has changed it"),
        ],
        text: ["What is removed is kept in the history of the replicas that had it, for a while."],
        endings: [(.failed, "Nothing or something else is there; or it failed, and said why.")] + ExitStatus.ofPipes,
        environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("What to remove, in the hub's folder.", valueName: "path"))
    var paths: [String]

    @OptionGroup var condition: RevisionCondition

    func validate() throws {
        for path in paths { _ = try RelativePath(argument: path) }
        if condition.revision != nil, paths.count > 1 { throw ValidationError("--if-revision is about one path") }
    }

    func run() async throws {
        let paths = try paths.map { try RelativePath(argument: $0) }
        let talk = hub.talk
        let isAll = try await hub.visit { hub in
            var isAll = true
            for path in paths {
                do {
                    let revision = try await hub.delete(path, if: condition.revision)
                    StandardStream.output.write("\(revision)\n".utf8)
                } catch let failure as RemoteFailure where failure.isOfPath {
                    // As rm(1): the others go all the same.
                    talk.fail("\(path): \(failure.text)", ["path": "\(path)"])
                    isAll = false
                }
            }
            return isAll
        }
        guard isAll else { throw ExitStatus.failed }
    }
}

/// `nosocks mv URL FROM TO`
struct MoveCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "mv",
        abstract: "Give something in a hub's folder another name; print the revision that this makes.",
        examples: [
            .init("nosocks mv ws://127.0.0.1:7625 draft.md final.md"),
            .init("nosocks mv hub.example photos archive/photos"),
        ],
        text: [
            """
            Everybody has all of it under the old name, or under the new one. A file or symlink that has the new name is \
            replaced, a directory is not.
            """
        ],
        endings: [(.failed, "Something is in the way; or it failed, and said why.")] + ExitStatus.ofPipes,
        environment: HubOptions.environment)

    @OptionGroup var hub: HubOptions

    @Argument(help: ArgumentHelp("What to rename, in the hub's folder.", valueName: "from"))
    var from: String

    @Argument(help: ArgumentHelp("Its new name.", valueName: "to"))
    var to: String

    @OptionGroup var condition: RevisionCondition

    func validate() throws {
        _ = try RelativePath(argument: from)
        _ = try RelativePath(argument: to)
    }

    func run() async throws {
        let from = try RelativePath(argument: from)
        let to = try RelativePath(argument: to)
        let revision = try await hub.visit { try await $0.move(from, to: to, if: condition.revision) }
        StandardStream.output.write("\(revision)\n".utf8)
    }
}
