import ArgumentParser
import Replica
import Sync
import Tree

/// `nosocks conflicts [DIR]`
struct ConflictsCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "conflicts",
        abstract: "List conflict copies, and settle them.",
        examples: [
            .init("nosocks conflicts ~/notes"),
            .init("nosocks conflicts -0 | xargs -0 -n1 less"),
            .init("nosocks conflicts --keep theirs recipes/bread.md", "what is there stays, the copy goes"),
            .init("nosocks conflicts --keep ours recipes/bread.md", "the copy takes its place"),
            .init("nosocks conflicts --keep both --all ~/notes", "the copies stay, under plain names"),
        ],
        text: [
            """
            Where two changed the same file while they were apart, the hub took one, and the other was kept beside it \
            as NAME.conflict-WHO-DIGITS.EXT. On every machine theirs is what the hub took, the file of that name, and \
            ours is the version that WHO made, the copy. What goes is kept as a version: nosocks log shows it, and \
            nosocks restore brings it back.
            """,
            """
            A line tells the copy, who made it, its size and time; then the file that it lost to, with the same of \
            that, or - where it is gone. PATH may be either of the two.
            """,
        ])

    enum Side: String, ExpressibleByArgument, CaseIterable {
        case ours
        case theirs
        case both
    }

    @Argument(
        help: ArgumentHelp("A replica's folder, or one in it; with --keep, a path.", valueName: "dir|path"),
        completion: .file())
    var place = "."

    @Option(help: ArgumentHelp("Which is to stay: ours (the copy), theirs (the file), or both.", valueName: "side"))
    var keep: Side?

    @Flag(help: "All conflicts in there, instead of one path's.")
    var all = false

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(name: .customShort("0"), help: "Only the names of the copies, each followed by a NUL.")
    var nul = false

    @OptionGroup var talking: TalkOptions

    func validate() throws {
        if place.isEmpty { throw ValidationError("a name is empty") }
        if all, keep == nil { throw ValidationError("--all goes with --keep") }
        if nul, json { throw ValidationError("-0 and --json contradict each other") }
        if keep != nil, nul || json { throw ValidationError("--keep prints nothing: -0 and --json go without it") }
    }

    func run() async throws {
        let talk = talking.talk
        let named = try NamedPath.find(place, talk)
        let view = try FolderView.open(named.folder, talk)
        guard let keep else { return list(Conflict.all(in: view, inside: named.path)) }
        if all { return try settle(Conflict.all(in: view, inside: named.path), keep, view, talk) }
        guard let path = named.path else {
            talk.fail("\(place): that is a whole folder; --all settles everything in it", ["path": place])
            throw ExitStatus.usage
        }
        let meant = Conflict.all(in: view, inside: path.parent).filter { $0.copy.path == path || $0.original == path }
        guard !meant.isEmpty else {
            talk.fail("\(place): there is no conflict; nosocks conflicts lists those there are", ["path": place])
            throw ExitStatus.failed
        }
        try settle(meant, keep, view, talk)
    }

    private func list(_ conflicts: [Conflict]) {
        let events = EventLines()
        for conflict in conflicts {
            if json {
                events.tell(ConflictLine(conflict))
            } else if !StandardStream.output.write(
                nul ? conflict.copy.path.bytes + [0] : Array("\(conflict.text)\n".utf8))
            {
                return
            }
        }
    }

    private func settle(_ conflicts: [Conflict], _ side: Side, _ view: FolderView, _ talk: Talk) throws {
        let copies = Dictionary(grouping: conflicts, by: \.original).mapValues(\.count)
        var hasFailed = false
        for conflict in conflicts {
            if side == .ours, let count = copies[conflict.original], count > 1 {
                talk.fail("\(conflict.original): there are \(count) copies; name the one to keep")
                hasFailed = true
                continue
            }
            do throws(RestoreFailure) {
                talk.say(try conflict.settle(side, view), ["path": "\(conflict.original)"])
            } catch {
                talk.fail("\(conflict.copy.path): \(error.text)", ["path": "\(conflict.copy.path)"])
                hasFailed = true
            }
        }
        if hasFailed { throw ExitStatus.failed }
    }
}

/// A conflict copy in the tree, and the file that it lost to.
struct Conflict {
    let copy: FolderView.Item
    let original: RelativePath
    /// Whose version the copy is.
    let author: String
    /// What is at `original` now, if it is a file or symlink.
    let other: FolderView.Item?

    static func all(in view: FolderView, inside directory: RelativePath?) -> [Conflict] {
        view.items(inside: directory) { ConflictName.isConflictCopy($0) }.compactMap { item in
            guard let parts = ConflictName.parts(of: item.path) else { return nil }
            return Conflict(
                copy: item, original: parts.original, author: parts.author, other: view.item(at: parts.original))
        }
    }

    /// Settles it, and says how.
    func settle(_ side: ConflictsCommand.Side, _ view: FolderView) throws(RestoreFailure) -> String {
        switch side {
        case .theirs:
            try view.takeOut(copy.path, asVersionOf: copy.path)
            return "\(copy.path) is out of the way, and kept"
        case .ours:
            try view.replace(original, by: copy.path)
            return other == nil ? "\(original) is back" : "\(original) is what \(author) made; what was there is kept"
        case .both:
            for number in 1...99 {
                guard let plain = ConflictName.plain(for: copy.path, number: number) else { break }
                if try view.rename(copy.path, to: plain) { return "\(copy.path) is \(plain) now" }
            }
            throw .exists
        }
    }

    var text: String {
        func shown(_ item: FolderView.Item?) -> [String] {
            guard let item else { return ["-", "-"] }
            return ["\(item.size)", WallClock.text(seconds: Int(item.modified.seconds))]
        }
        return (["\(copy.path)", author] + shown(copy) + ["\(original)"] + shown(other)).joined(separator: "\t")
    }
}

/// A conflict as one JSON object.
private struct ConflictLine: Encodable {
    struct Side: Encodable {
        var size: UInt64
        var modified: String

        init(_ item: FolderView.Item) {
            size = item.size
            modified = WallClock.text(seconds: Int(item.modified.seconds))
        }
    }

    var event = "conflict"
    var path: String
    var pathBase64: String?
    var copy: String
    var copyBase64: String?
    var by: String
    var ours: Side
    var theirs: Side?

    enum CodingKeys: String, CodingKey {
        case event, path
        case pathBase64 = "path_b64"
        case copy
        case copyBase64 = "copy_b64"
        case by, ours, theirs
    }

    init(_ conflict: Conflict) {
        (path, pathBase64) = EventLine.shown(conflict.original)
        (copy, copyBase64) = EventLine.shown(conflict.copy.path)
        by = conflict.author
        ours = Side(conflict.copy)
        theirs = conflict.other.map { Side($0) }
    }
}
