import ArgumentParser
import Mirror
import Tree

/// What the commands that talk to a running replica have in common.
struct RunningReplicaOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The replica's folder, or one inside it.", valueName: "dir"), completion: .directory)
    var directory = "."

    @OptionGroup var talking: TalkOptions

    func validate() throws {
        if directory.isEmpty { throw ValidationError("the name of the folder is empty") }
    }

    var talk: Talk { talking.talk }

    /// Asks, or says why that can't be done and ends the command.
    func ask(_ request: ControlRequest, within limit: Duration? = nil) async throws -> ControlReply {
        do {
            let reply = try await ControlClient.ask(request, of: directory, within: limit)
            guard case .failed(let reason) = reply else { return reply }
            throw ControlClient.Failure.failed(reason)
        } catch let failure as ControlClient.Failure {
            talk.fail("\(directory): \(Wording.failure(failure))", ["path": directory])
            throw failure == .timedOut ? ExitStatus.timedOut : ExitStatus.failed
        }
    }
}

extension Wording {
    static func failure(_ failure: ControlClient.Failure) -> String {
        switch failure {
        case .noReplica: "there is no replica here; begin one with nosocks hub or nosocks join"
        case .notRunning: "no process keeps this replica in step now; begin it with nosocks hub or nosocks join"
        case .timedOut: "out of time; nosocks status says what is on its way"
        case .failed(let reason): reason
        }
    }
}

/// `nosocks wait [DIR]`
struct Wait: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Wait until everything that was on this disk before is on the hub.",
        examples: [
            .init("make && nosocks wait && ssh hub.example deploy"),
            .init("nosocks wait --all --timeout 2m ~/notes", "until all connected peers have it, too"),
        ],
        text: ["Ends with 124 when its time is up, and with 7 if there is no connection to the hub for 5 s."],
        endings: [
            (.problems, nil), (.guarded, "Deletions are held back."),
            (.unreachable, "There is no connection to the hub for 5 s."), (.timedOut, nil),
        ])

    @OptionGroup var replica: RunningReplicaOptions

    @Option(help: ArgumentHelp("How long, as 30s, 5m or 1h (default: as long as it takes).", valueName: "time"))
    var timeout: TimeSpan?

    @Flag(help: "Wait for every peer that is connected, too.")
    var all = false

    func run() async throws {
        switch try await replica.ask(.wait(everywhere: all), within: timeout?.duration) {
        case .arrived(let problems, let held):
            for problem in problems { replica.talk.fail("\(problem.path): \(problem.reason)") }
            for held in held { replica.talk.fail("\(Wording.held(held)); \(Wording.remedy(held))") }
            throw !held.isEmpty ? ExitStatus.guarded : problems.isEmpty ? .done : .problems
        case .unreachable(let url):
            let place = url.isEmpty ? "" : " at \(url)"
            replica.talk.fail("there is no connection to the hub\(place); see whether it runs, and what join says")
            throw ExitStatus.unreachable
        case .status, .tokensRead, .deletions, .failed: throw ExitStatus.failed
        }
    }
}

/// `nosocks confirm [DIR]`
struct Confirm: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Let the deletions through that are held back.",
        examples: [.init("nosocks status ~/notes; nosocks confirm ~/notes")])

    @OptionGroup var replica: RunningReplicaOptions

    func run() async throws {
        guard case .deletions(let count) = try await replica.ask(.confirmDeletions, within: .seconds(60)) else {
            throw ExitStatus.failed
        }
        replica.talk.say(count == 0 ? "no deletions are held" : "let through: \(Wording.deletions(count))")
    }
}

/// `nosocks revert [DIR]`
struct Revert: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Bring back what the deletions would delete that are held back.",
        examples: [.init("nosocks revert ~/notes")])

    @OptionGroup var replica: RunningReplicaOptions

    func run() async throws {
        guard case .deletions(let count) = try await replica.ask(.revertDeletions, within: .seconds(60)) else {
            throw ExitStatus.failed
        }
        replica.talk.say(count == 0 ? "no deletions are held" : "taken back: \(Wording.deletions(count))")
    }
}
