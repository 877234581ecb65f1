import ArgumentParser
import Mirror

/// `nosocks status [DIR]`
struct Status: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Tell how a running replica stands, and end by it.",
        examples: [
            .init("nosocks status ~/notes"),
            .init("nosocks status -q && deploy", "only if it is in sync"),
            .init("nosocks status --watch", "until Ctrl-C, whatever changes"),
            .init("nosocks status --json | jq .peers"),
        ],
        text: [
            """
            Ends with the first of these that is true: 7 without a connection to the hub, 5 with deletions held back, 3 \
            with problems, 4 with conflict copies, 1 while changes are on their way, 0 in sync. So what waits for a \
            person comes before what settles by itself.
            """,
            "On a terminal it tells what matters, in ten lines at the most; with -v, or elsewhere, all.",
        ],
        endings: [
            (.failed, "Changes are on their way; or it failed, and said why."), (.problems, nil),
            (.conflicts, "There are conflict copies."), (.guarded, "Deletions are held back."),
            (.unreachable, "There is no connection to the hub."),
        ])

    @OptionGroup var replica: RunningReplicaOptions

    @Flag(help: "As one JSON object.")
    var json = false

    @Flag(help: "Go on, and tell it again whenever something changes: on a terminal in place.")
    var watch = false

    func run() async throws {
        if watch { return try await follow() }
        let status = try await ask()
        if json {
            StandardStream.output.write(JSONLine.bytes(StatusLine(status: status)))
        } else if !replica.talking.quiet {
            StandardStream.output.write(text(status).map { "\($0)\n" }.joined().utf8)
        }
        throw Self.exit(status)
    }

    private func ask() async throws -> ReplicaStatus {
        guard case .status(let status) = try await replica.ask(.status, within: .seconds(30)) else {
            throw ExitStatus.failed
        }
        return status
    }

    private func text(_ status: ReplicaStatus) -> [String] {
        let isShort = StandardStream.output.isTerminal && replica.talking.verbose == 0
        return StatusText(status, isColored: replica.talking.isColored(on: .output)).lines(atMost: isShort ? 10 : .max)
    }

    private static func exit(_ status: ReplicaStatus) -> ExitStatus {
        if !status.connected { return .unreachable }
        if !status.held.isEmpty { return .guarded }
        if !status.problems.isEmpty { return .problems }
        if status.conflicts > 0 { return .conflicts }
        return status.inSync ? .done : .failed
    }

    // MARK: Watching

    private func follow() async throws {
        let first = try await ask()
        let watching = Task { await watch(from: first) }
        let signals = Signals { watching.cancel() }
        await watching.value
        withExtendedLifetime(signals) {}
        throw ExitStatus.done
    }

    private func watch(from first: ReplicaStatus) async {
        var frames = Frames()
        var now: ReplicaStatus? = first
        while !Task.isCancelled {
            guard show(now, in: &frames) else { return StandardStream.endOnRequest() }
            let start = ContinuousClock.now
            let reply = try? await ControlClient.ask(.status, of: replica.directory, within: .seconds(30))
            now = if case .status(let status)? = reply { status } else { nil }
            // To count a large folder costs its process something: never more than a tenth of its time.
            try? await Task.sleep(for: max(.milliseconds(500), (ContinuousClock.now - start) * 10))
        }
    }

    /// False if nobody can see it any more. Without a process there is nothing to tell until there is one again.
    private func show(_ status: ReplicaStatus?, in frames: inout Frames) -> Bool {
        if json { return status.map { frames.tell(JSONLine.bytes(StatusLine(status: $0))) } ?? true }
        return frames.show(status.map(text) ?? ["no process keeps this replica in step now"])
    }
}

/// Blocks of lines, each of which takes the place of the one before: on a terminal in the very place, in one write.
private struct Frames {
    private var last: [String] = []
    private var lastBytes: [UInt8] = []
    private let isTerminal = StandardStream.output.isTerminal && Terminal.isCapable

    mutating func show(_ lines: [String]) -> Bool {
        guard isTerminal else {
            guard lines != last else { return true }
            defer { last = lines }
            return StandardStream.output.write(((last.isEmpty ? [] : [""]) + lines).map { "\($0)\n" }.joined().utf8)
        }
        // Drawn again even if nothing changed: somebody may have resized or cleared it. Without wrapping, a line is a
        // row; and what does not fit is not there, since rows that scrolled away can't be drawn over.
        let shown = lines.prefix(max(1, Terminal.rows(of: .output) - 1))
        let up = last.isEmpty ? "" : "\u{1b}[\(last.count)A"
        last = Array(shown)
        let text = shown.map { "\($0)\u{1b}[K\r\n" }.joined()
        return StandardStream.output.write("\u{1b}[?7l\(up)\r\(text)\u{1b}[J\u{1b}[?7h".utf8)
    }

    mutating func tell(_ bytes: some Collection<UInt8>) -> Bool {
        guard !bytes.elementsEqual(lastBytes) else { return true }
        lastBytes = Array(bytes)
        return StandardStream.output.write(bytes)
    }
}

/// A status as one JSON object: all of it, and the cursor as event lines have it.
private struct StatusLine: Encodable {
    let status: ReplicaStatus

    enum CodingKeys: CodingKey {
        case cursor
    }

    func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("\(status.epoch):\(status.revision)", forKey: .cursor)
    }
}
