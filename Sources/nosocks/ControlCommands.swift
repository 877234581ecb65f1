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
        case .timedOut: "out of time"
        case .failed(let reason): reason
        }
    }
}

/// `nosocks status [DIR]`
struct Status: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Tell how a running replica stands, and end by it.",
        examples: [
            .init("nosocks status ~/notes"),
            .init("nosocks status -q && deploy", "only if it is in sync"),
            .init("nosocks status --json | jq .peers"),
        ],
        text: [
            """
            Ends with the first of these that is true: 7 without a connection to the hub, 5 with deletions held back, 3 \
            with problems, 4 with conflict copies, 1 while changes are on their way, 0 in sync. So what waits for a \
            person comes before what settles by itself.
            """
        ],
        endings: [
            (.failed, "Changes are on their way; or it failed, and said why."), (.problems, nil),
            (.conflicts, "There are conflict copies."), (.guarded, "Deletions are held back."),
            (.unreachable, "There is no connection to the hub."),
        ])

    @OptionGroup var replica: RunningReplicaOptions

    @Flag(help: "As one JSON object.")
    var json = false

    func run() async throws {
        guard case .status(let status) = try await replica.ask(.status, within: .seconds(30)) else {
            throw ExitStatus.failed
        }
        if json {
            StandardStream.output.write(JSONLine.bytes(status))
        } else if !replica.talking.quiet {
            StandardStream.output.write(Self.text(status).utf8)
        }
        throw Self.exit(status)
    }

    private static func exit(_ status: ReplicaStatus) -> ExitStatus {
        if !status.connected { return .unreachable }
        if !status.held.isEmpty { return .guarded }
        if !status.problems.isEmpty { return .problems }
        if status.conflicts > 0 { return .conflicts }
        return status.inSync ? .done : .failed
    }

    private static func text(_ status: ReplicaStatus) -> String {
        var lines: [String] = []
        func line(_ name: String, _ text: String) {
            lines.append(name + String(repeating: " ", count: max(1, 12 - name.count)) + text)
        }
        line("role", "\(status.role.rawValue) \(status.name), process \(status.process)")
        switch status.role {
        case .hub: for url in status.url { line("listens", url) }
        case .peer:
            let state = status.connected ? "connected to \(status.hub ?? "the hub")" : "not connected"
            line("hub", "\(status.url.first ?? ""), \(state)")
        }
        line("state", state(status))
        line("revision", "\(status.revision) of history \(status.epoch)")
        line("holds", "\(Wording.entries(Int(clamping: status.entries))), \(Wording.bytes(status.bytes))")
        for peer in status.peers {
            let lag = peer.lag == 0 ? "in step" : "\(peer.lag) revisions behind"
            line("peer", "\(peer.name) at \(peer.address), \(lag)\(peer.readOnly ? ", read-only" : "")")
        }
        if let watches = status.watches { line("watches", "\(watches.used) of \(watches.allowed)") }
        if status.conflicts > 0 { line("conflicts", Wording.conflicts(status.conflicts)) }
        for held in status.held { line("held", "\(Wording.held(held)); \(Wording.remedy(held))") }
        for problem in status.problems { line("problem", "\(problem.path): \(problem.reason)") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func state(_ status: ReplicaStatus) -> String {
        if !status.connected { return "not connected" }
        if status.inSync { return "in sync" }
        return status.pending > 0 ? "\(status.pending) paths on their way" : "getting in step"
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
            replica.talk.fail("there is no connection to the hub\(url.isEmpty ? "" : " at \(url)")")
            throw ExitStatus.unreachable
        case .status, .deletions, .failed: throw ExitStatus.failed
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
