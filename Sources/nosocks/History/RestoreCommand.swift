import ArgumentParser
import Replica
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// `nosocks restore PATH`
struct RestoreCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "restore",
        abstract: "Bring a version back; the present one is kept.",
        examples: [
            .init("nosocks restore bread.md", "the newest kept one that differs from it"),
            .init("nosocks restore --revision 398 bread.md", "the one that nosocks log names so"),
            .init("nosocks restore recipes/", "everything that was deleted in there"),
            .init("nosocks restore --to - bread.md | diff - bread.md"),
            .init("nosocks restore --revision @1f3a9c02 --to old.md bread.md"),
        ],
        text: [
            """
            It acts as an edit of yours would, and so travels to the others. What it replaces is kept as a version, \
            too. A replica keeps what others replaced or deleted; what was replaced or deleted on this machine is kept \
            by the others. It works beside a running replica and without one.
            """
        ],
        endings: [(.noSpace, nil)])

    @Argument(help: ArgumentHelp("What to bring back.", valueName: "path"), completion: .file())
    var path: String

    @Option(
        help: ArgumentHelp("Which version, as nosocks log names it: 398, or @1f3a9c02.", valueName: "r"))
    var revision: VersionName?

    @Option(
        help: ArgumentHelp("Where to write it instead: a new file, or - for stdout.", valueName: "file"),
        completion: .file())
    var to: String?

    @OptionGroup var talking: TalkOptions

    func validate() throws {
        if path.isEmpty || to?.isEmpty == true { throw ValidationError("a name is empty") }
    }

    func run() async throws {
        let restorer = Restorer(talk: talking.talk, argument: path)
        let named = try NamedPath.find(path, restorer.talk)
        // What is to be read may go to make room for newer history, between a look at what is kept and its reading.
        for _ in 0..<4 {
            let view = try FolderView.open(named.folder, restorer.talk)
            do throws(RestoreFailure) {
                return try restorer.restore(named, in: view, revision, to)
            } catch {
                guard error == .lost else { throw restorer.end(error) }
            }
        }
        throw restorer.end(.lost)
    }
}

/// Chooses what is to be brought back, and says what became of it.
private struct Restorer {
    let talk: Talk
    /// The path as it was typed.
    let argument: String

    func restore(
        _ named: NamedPath, in view: FolderView, _ wanted: VersionName?, _ target: String?
    ) throws(RestoreFailure) {
        let all = try kept(named, in: view)
        let own = all.filter { $0.path == named.path && !$0.entry.isDirectory }
        let means = named.path.map { path in !named.isDirectory && (!own.isEmpty || !all.contains { $0.path != path }) }
        if means == true || wanted != nil || target != nil {
            try restoreOne(own, in: view, wanted, target)
        } else {
            try restoreDeleted(all, in: view)
        }
    }

    private func kept(_ named: NamedPath, in view: FolderView) throws(RestoreFailure) -> [KeptVersion] {
        do {
            return try view.kept(within: named.path)
        } catch {
            throw .unreadable("\(error)")
        }
    }

    // MARK: One file

    private func restoreOne(
        _ all: [KeptVersion], in view: FolderView, _ wanted: VersionName?, _ target: String?
    ) throws(RestoreFailure) {
        let matching = all.filter { wanted?.matches($0) ?? true }
        guard let newest = matching.last else { throw .nothingKept }
        if let target { return try write(newest, in: view, to: target) }
        let present = try view.present(at: newest.path)
        guard let version = matching.last(where: { !$0.entry.hasSameContent(as: present) }) else {
            return say("\(newest.path) is as it was kept already", newest.path)
        }
        tell(try view.restore(version), version)
    }

    private func tell(_ done: Restored, _ version: KeptVersion) {
        let name = VersionName.text(version.entry, version.origin)
        switch done {
        case .created: say("\(version.path) is back (\(name))", version.path)
        case .replaced:
            say("\(version.path) is back (\(name)); what was there is kept, see nosocks log", version.path)
        case .same: say("\(version.path) is as it was kept already", version.path)
        }
    }

    private func say(_ text: String, _ path: RelativePath) { talk.say(text, ["path": "\(path)"]) }

    // MARK: All that was deleted

    private func restoreDeleted(_ all: [KeptVersion], in view: FolderView) throws(RestoreFailure) {
        var newest: [RelativePath: KeptVersion] = [:]
        for version in all { newest[version.path] = version }
        var count = 0
        var failure: RestoreFailure?
        for version in newest.values.sorted(by: { $0.path < $1.path }) {
            do throws(RestoreFailure) {
                guard try view.present(at: version.path).isTombstone else { continue }
                if try view.restore(version) == .created { count += 1 }
            } catch {
                // The others may come back all the same.
                if error != .lost { talk.fail("\(version.path): \(error.text)", ["path": "\(version.path)"]) }
                failure = error
            }
        }
        if count == 0, failure == nil { throw .nothingKept }
        talk.say("back: \(Wording.entries(count)) deleted before", ["entries": "\(count)"])
        if let failure { throw failure }
    }

    // MARK: Elsewhere

    private func write(_ version: KeptVersion, in view: FolderView, to target: String) throws(RestoreFailure) {
        guard target == "-" else { return try view.write(version, toNewFileAt: NamedPath.bytes(of: target)) }
        // Whole or not at all: once it is known to be all there, it is written.
        try view.read(version) { _ in true }
        var hasFailed = false
        try view.read(version) { bytes in
            if !StandardStream.output.write(bytes) { hasFailed = true }
            return !hasFailed
        }
    }

    // MARK: Failing

    func end(_ failure: RestoreFailure) -> ExitStatus {
        talk.fail("\(argument): \(failure.text)", ["path": argument])
        return failure.isNoSpace ? .noSpace : .failed
    }
}

extension RestoreFailure {
    /// For a person.
    var text: String {
        switch self {
        case .nothingKept: "no such version is kept here; other replicas may have one (nosocks log shows those of each)"
        case .lost: "the version that was kept can't be read any more"
        case .occupied(let path): "\(path) is a directory, or nothing that is mirrored; --to writes it elsewhere"
        case .noParent(let path): "\(path) is no directory now; --to writes it elsewhere"
        case .changing: "it changes all the time"
        case .noFile: "that version is no file"
        case .refused: "stdout can't be written to"
        case .exists: "a file of that name exists already"
        case .unreadable(let reason): reason
        case .failed(let error): "\(error)"
        }
    }
}
