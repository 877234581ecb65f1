import ArgumentParser
import Mirror
import Replica
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What both commands of a replica take.
struct ReplicaOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How others see this replica.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "How many deletions go through at a time without asking: N, or N% of the entries where there are 1,000 or more.",
            valueName: "n|n%"))
    var maxDelete = DeletionLimit.standard

    @Option(
        help: ArgumentHelp(
            "Compare the whole folder that often, too; by itself where no watcher works, every 10 s.",
            valueName: "seconds"))
    var poll: Double?

    @Option(
        help: ArgumentHelp(
            "How much is sent in a second at the most, and received, by all connections: bytes, or as 500K or 2M.",
            valueName: "rate"))
    var limitRate: ByteRate?

    @Flag(help: "A folder that is hardly ever meant, as / or the home folder, is meant.")
    var yes = false

    @Option(
        help: ArgumentHelp(
            "Mirror nothing that this pattern means, as a line of .nosocksignore; may be given more than once.",
            valueName: "pattern"))
    var ignore: [String] = []

    @Option(
        help: ArgumentHelp(
            "Run this by /bin/sh when changes of others have been put in place; their event lines are on its stdin.",
            valueName: "command"))
    var exec: String?

    @Flag(help: "End with 4, instead of 0, if there are conflict copies in the folder at the end.")
    var failOnConflict = false

    @Flag(help: "Tell what happens on stdout, one JSON object a line.")
    var json = false

    @OptionGroup var talking: TalkOptions

    func validate() throws {
        if let name, name.isEmpty || name.utf8.count > 64 {
            throw ValidationError("a name has 1 to 64 bytes, not \(name.utf8.count)")
        }
        if let poll, !(0.1...86_400).contains(poll) {
            throw ValidationError("--poll \(poll): a number of seconds from 0.1 to 86400")
        }
        if exec?.isEmpty == true { throw ValidationError("--exec takes a command, and not an empty one") }
        if let limitRate, limitRate.bytesPerSecond < LinkRate.slowest {
            throw ValidationError("--limit-rate: the least is 64K, since connections that are slower count as dead")
        }
        for pattern in ignore where pattern.isEmpty || pattern.utf8.contains(UInt8(ascii: "\n")) {
            throw ValidationError("--ignore takes one pattern at a time, in one line, and not an empty one")
        }
    }

    /// An empty name is a variable of a script that was not set, and never means the folder one is in.
    func validate(_ directory: String) throws {
        if directory.isEmpty { throw ValidationError("the name of the folder is empty") }
        guard !yes, let path = realpath(directory, nil) else { return }
        defer { free(path) }
        if strcmp(path, "/") == 0 {
            throw ValidationError("\(directory) is all of this machine; if that is meant, say --yes")
        }
        guard let home = getenv("HOME").flatMap({ realpath($0, nil) }) else { return }
        defer { free(home) }
        if strcmp(path, home) == 0 {
            throw ValidationError("\(directory) is all of your home folder, with its keys; if that is meant, say --yes")
        }
    }

    var talk: Talk { talking.talk }

    /// Adds to a folder's settings.
    func added(to given: ReplicaSettings) -> ReplicaSettings {
        var settings = given
        settings.ignore = ignore.map { Array($0.utf8) }
        guard let poll else { return settings }
        settings.pollInterval = .seconds(poll)
        settings.isPolling = true
        return settings
    }

    /// Where events go besides; nil where nobody asked for them.
    var eventLines: EventLines? { json ? EventLines() : nil }

    /// What `--exec` asks for. Its output is talk where stdout is event lines.
    func hook(_ talk: Talk) -> Hook? { exec.map { Hook($0, output: json ? .error : .output, talk: talk) } }

    /// How a command ends that would end well: with `conflicts`, how many copies are in the folder.
    func ending(_ status: ExitStatus, conflicts: () async throws -> UInt64) async throws -> ExitStatus {
        guard failOnConflict, status == .done else { return status }
        let count = try await conflicts()
        guard count > 0 else { return .done }
        talk.fail(Wording.conflicts(count))
        return .conflicts
    }

    /// The name given, or the machine's.
    var replicaName: String {
        if let name { return name }
        let host = hostName()
        return host.isEmpty ? "peer" : String(decoding: host.utf8.prefix(64), as: UTF8.self)
    }
}

/// This machine's name; empty where it has none.
func hostName() -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    guard gethostname(&bytes, bytes.count - 1) == 0 else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

extension OpenedFolder {
    /// Opens a folder for a command, which may make it if it is missing, or says why not and ends the command.
    static func open(
        _ directory: String, role: String, making mayMake: Bool = false, settings: ReplicaSettings, talk: Talk
    ) throws -> OpenedFolder {
        // Whoever holds a folder may be told to read something again.
        Signals.keepHangUps()
        do {
            if mayMake { try make(at: directory) }
            return try OpenedFolder(at: directory, role: role, settings: settings)
        } catch {
            talk.fail("\(directory): \(error.text)", ["path": "\(directory)"])
            throw
                switch error.reason
            {
            case .held: ExitStatus.held
            case .noSpace: ExitStatus.noSpace
            case .failed: ExitStatus.failed
            }
        }
    }
}

extension OpenedFolder {
    func tellWhetherElsewhere(_ directory: String, _ talk: Talk) {
        guard wasElsewhere else { return }
        talk.warn(
            "the state in \(directory) is a copy of another folder's, or the folder was moved to another disk: it is looked at "
                + "anew, and nothing that is missing in it counts as deleted")
    }
}

extension MirrorEnd {
    /// Says what is to be said, and how the process ends.
    func conclude(_ talk: Talk, _ narrator: Narrator) -> ExitStatus {
        talk.endProgress()
        switch self {
        case .done: return .done
        case .interrupted:
            talk.fail("ended before this folder and the hub's were the same; what has come so far stays")
            return .interrupted
        case .problems(let outOfSpace):
            let problems = narrator.problems
            for (path, problem) in problems { talk.fail("\(path): \(Wording.problem(problem))") }
            if outOfSpace { return .noSpace }
            return !problems.isEmpty && problems.allSatisfy { $0.problem.reason == .readOnly } ? .refused : .problems
        case .held(let deletions):
            talk.fail("\(Wording.held(deletions)); run join without --once, and \(Wording.remedy(deletions))")
            return .guarded
        case .failed(let failure):
            talk.fail(Wording.failure(failure))
            switch failure {
            case .rootChanged: return .guarded
            case .noSpace: return .noSpace
            case .index, .stopped: return .failed
            }
        case .refused(let goodbye):
            talk.fail("the hub ended the connection: \(goodbye.text)")
            return goodbye.reason == .version ? .incompatible : goodbye.reason == .sameReplica ? .failed : .refused
        case .violation(let text):
            talk.fail("the hub broke the protocol: \(text); see whether both are of one version (nosocks --version)")
            return .incompatible
        case .unreachable(let reason):
            talk.fail("\(narrator.hub) cannot be reached: \(reason); see whether it runs and listens there")
            return .unreachable
        case .notAHub(let reason):
            talk.fail("\(narrator.whatAnswers) is no hub: \(reason); see whether address and port are the hub's")
            return .incompatible
        case .forbidden(let reason):
            talk.fail("the hub refused: \(reason); whom it lets in is said there, by nosocks token")
            return .refused
        case .untrusted(let reason):
            talk.fail("NOT CONNECTED, and nothing was sent to \(narrator.hub): \(reason)")
            talk.fail(
                "somebody may stand in between; if the hub has this certificate for a good reason, join with --pin and "
                    + "the pin that the hub prints when it starts")
            return .refused
        }
    }
}
