import Mirror
import Synchronization
import Tree

/// Puts what a service reports into words.
final class Narrator: Sendable {
    private struct State {
        var problems: [RelativePath: Problem] = [:]
        var began = ContinuousClock.now
        var saidInSync = false
        var progress: MirrorEvent.Progress?
        var steps = FirstSteps()
        var isOnTheWay = true
        var peers = 0
        var isConnected = false
        var isReady = false
    }

    private let talk: Talk
    private let events: EventLines?
    /// The hub that is joined; nil at the hub itself.
    private let address: HubAddress?
    /// What else a line that joins this hub must say.
    private let joining: String
    private let manager: ServiceManager?
    private let state = Mutex(State())

    init(
        _ talk: Talk, events: EventLines?, hub: HubAddress? = nil, joining: String = "", manager: ServiceManager? = nil
    ) {
        self.joining = joining
        self.manager = manager
        self.talk = talk
        self.events = events
        address = hub
    }

    /// The hub as it is spoken of.
    var hub: String { address.map { "the hub at \($0)" } ?? "the hub" }
    /// What answers where a hub should be.
    var whatAnswers: String { address.map { "what answers at \($0)" } ?? "this" }

    func tell(_ event: MirrorEvent) {
        tellLines(event)
        defer { if let manager { tell(manager, event) } }
        switch event {
        case .listening(let url):
            talk.say("listening on \(url)", ["url": "\(url)"])
            talk.say("to join: nosocks join\(joining) \(reachable(url)) DIR", ["url": "\(url)"])
            if let page = reachable(url).page { talk.say("in a browser: \(page)", ["url": page]) }
        case .scanning(let entries): state.withLock { $0.steps.looking(at: entries, isAll: false) }
        case .reading(let bytes): state.withLock { $0.steps.read(bytes) }
        case .scanned(let entries):
            state.withLock { $0.steps.looking(at: entries, isAll: true) }
            talk.detail("looked at \(Wording.entries(entries))", ["entries": "\(entries)"])
        case .unwatched(let reason):
            talk.warn("changes can't be watched for here (\(reason)); the folder is compared now and then")
        case .uncontrolled(let reason):
            talk.warn("nosocks status, wait, confirm and revert can't reach this process: \(reason)")
        case .connected(let hub, let isReadOnly, let since):
            state.withLock { state in
                state.began = since
                state.saidInSync = false
                state.isOnTheWay = true
                state.steps.connected(at: since)
            }
            followProgress()
            talk.say("connected to \(hub)\(isReadOnly ? ", read-only" : "")", ["hub": "\(hub)"])
        case .trusted(let pin): talk.detail("the hub's certificate is \(pin)", ["pin": "\(pin)"])
        case .disconnected(let reason):
            endProgress()
            talk.warn("disconnected: \(reason); connecting again")
        case .unreachable(let reason):
            endProgress()
            talk.warn("\(hub) cannot be reached: \(reason); trying until it can")
        case .progress(let progress):
            state.withLock { state in
                state.progress = progress
                state.steps.went(to: progress)
            }
        case .peerJoined(let name, let address):
            talk.say("\(name) joined", ["peer": "\(name)", "address": "\(address)"])
        case .peerLeft(let name): talk.say("\(name) left", ["peer": "\(name)"])
        case .inSync(let cursor): inSync(cursor)
        case .applied(let change, let was):
            passed(change)
            talk.detail(
                "\(Wording.change(change, was: was)), by \(change.author)",
                ["path": "\(change.path)", "revision": "\(change.revision)"])
        case .sent(let change, let was):
            passed(change)
            talk.detail(
                "sent: \(Wording.change(change, was: was))",
                ["path": "\(change.path)", "revision": "\(change.revision)"])
        case .appliedMove(let move):
            passed(move.departure)
            passed(move.arrival)
            talk.detail(
                "\(Wording.move(move)), by \(move.arrival.author)",
                ["path": "\(move.arrival.path)", "revision": "\(move.revision)"])
        case .sentMove(let move):
            passed(move.departure)
            passed(move.arrival)
            talk.detail(
                "sent: \(Wording.move(move))", ["path": "\(move.arrival.path)", "revision": "\(move.revision)"])
        case .conflict(let path, let copy):
            talk.warn(
                "conflict: \(path): the other version is kept as \(copy)", ["path": "\(path)", "copy": "\(copy)"])
        case .held(let deletions):
            talk.warn("\(Wording.held(deletions)); \(Wording.remedy(deletions))", ["entries": "\(deletions.count)"])
        case .problem(let path, let problem):
            let isNew = state.withLock { $0.problems.updateValue(problem, forKey: path) != problem }
            if isNew { talk.warn("\(path): \(Wording.problem(problem))", ["path": "\(path)"]) }
        }
    }

    /// Where others find what listens at any address of this machine.
    private func reachable(_ url: HubAddress) -> HubAddress {
        guard url.host == "0.0.0.0" || url.host == "::" else { return url }
        let name = hostName()
        return name.isEmpty ? url : HubAddress(host: name, port: url.port, isSecure: url.isSecure)
    }

    /// Before the state changes: the first time in sync is the snapshot's end.
    private func tellLines(_ event: MirrorEvent) {
        guard let events else { return }
        let (isInSync, progress) = state.withLock { ($0.saidInSync, $0.progress) }
        if case .inSync = event, !isInSync, address != nil {
            var line = EventLine("snapshot")
            line.setProgress(
                "done", progress ?? MirrorEvent.Progress())
            events.tell(line)
        }
        for line in EventLine.lines(of: event, isInSync: isInSync) { events.tell(line) }
    }

    // MARK: Progress

    /// Shows how far it is until the folder is in step for the first time.
    func followProgress() {
        talk.follow { [weak self] in
            self?.state.withLock { $0.isOnTheWay ? $0.steps.text(at: .now) : nil }
        }
    }

    private func endProgress() {
        state.withLock { $0.isOnTheWay = false }
        talk.endProgress()
    }

    private func passed(_ change: Change) {
        state.withLock { state in
            let size: UInt64 = if case .file(let file) = change.entry { file.size } else { 0 }
            state.steps.passed(bytes: size)
            // A directory that is in step itself may still not be looked into.
            if change.entry.isDirectory, state.problems[change.path]?.reason == .unreadable { return }
            state.problems[change.path] = nil
        }
    }

    private func inSync(_ cursor: Cursor) {
        let text = state.withLock { state -> String? in
            guard !state.saidInSync else { return nil }
            state.saidInSync = true
            let took = Wording.duration(ContinuousClock.now - state.began)
            guard address != nil else { return "every change is followed from here on (ready in \(took))" }
            guard let progress = state.progress, progress.entries > 0 else { return "in sync (\(took))" }
            return "in sync: \(Wording.entries(progress.entries)), \(Wording.bytes(progress.bytes)) in \(took)"
        }
        endProgress()
        if let text {
            talk.say(text, ["cursor": "\(cursor)"])
        } else {
            talk.detail("in sync", ["cursor": "\(cursor)"])
        }
    }

    /// The paths that have problems now, for the end.
    var problems: [(path: RelativePath, problem: Problem)] {
        state.withLock { $0.problems.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    }

    // MARK: The service manager

    /// A peer is ready as well while its hub can't be reached: others need not wait for that.
    private func tell(_ manager: ServiceManager, _ event: MirrorEvent) {
        let isReady: Bool
        switch event {
        case .listening, .unreachable: isReady = true
        case .inSync: isReady = true
        default: isReady = false
        }
        let (text, isFirst) = state.withLock { state -> (String?, Bool) in
            switch event {
            case .peerJoined: state.peers += 1
            case .peerLeft: state.peers -= 1
            case .connected: state.isConnected = true
            case .disconnected, .unreachable: state.isConnected = false
            case .inSync, .listening, .problem, .held: break
            default: return (nil, false)
            }
            defer { state.isReady = state.isReady || isReady }
            return (standing(state), isReady && !state.isReady)
        }
        if isFirst {
            manager.ready(text)
        } else if let text {
            manager.status(text)
        }
    }

    private func standing(_ state: State) -> String {
        var parts: [String] = []
        if address == nil {
            parts.append(state.saidInSync ? "serving" : "looking at the folder")
            parts.append(state.peers == 1 ? "1 peer" : "\(state.peers) peers")
        } else {
            parts.append(state.isConnected ? (state.saidInSync ? "in sync" : "catching up") : "not connected")
        }
        if !state.problems.isEmpty {
            parts.append(
                state.problems.count == 1 ? "1 path has a problem" : "\(state.problems.count) paths have problems")
        }
        return parts.joined(separator: ", ")
    }
}
