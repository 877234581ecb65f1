import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A place for one test: a temporary folder and processes, all of which are gone when the test ends.
final class Bench: Sendable {
    let folder: Folder
    private let log: Folder
    private let programs = Mutex<[Program]>([])
    private let hasFailed = Atomic(false)

    /// Runs `body` at a new bench, and tells what the processes said if it throws.
    static func run(_ body: (Bench) async throws -> Void) async throws {
        let bench = try Bench()
        defer { bench.clear() }
        do {
            try await body(bench)
        } catch {
            bench.hasFailed.store(true, ordering: .relaxed)
            Issue.record(Comment(rawValue: "\(error)\n\(bench.talk)"))
        }
    }

    /// Whether a command ends well here: what a test needs that not every machine has.
    static func probe(_ words: [String]) async throws -> Bool {
        let bench = try Bench()
        defer { bench.clear() }
        return try await bench.start(words).ending() == 0
    }

    private init() throws {
        var template = Array("/tmp/nosocks-commands-XXXXXX".utf8CString)
        try SystemError.check(mkdtemp(&template) == nil ? -1 : 0, "mkdtemp")
        folder = Folder(path: Name(template.dropLast().map { UInt8(bitPattern: $0) }))
        log = folder.folder("log")
        try log.makeDirectory()
    }

    private func clear() {
        for program in programs.withLock({ $0 }) { program.end() }
        // NOSOCKS_TEST_KEEP leaves folders and logs for a person to look at; "failed" those of what failed.
        switch getenv("NOSOCKS_TEST_KEEP").map({ String(cString: $0) }) {
        case nil: try? folder.removeTree()
        case "failed"?: if !hasFailed.load(ordering: .relaxed) { try? folder.removeTree() }
        default: break
        }
    }

    /// The last lines of everybody.
    private var talk: String {
        programs.withLock { $0 }.map { program in
            let said = (program.output + program.errors).split(separator: "\n").suffix(12).joined(separator: "\n  ")
            return "\(program):\n  \(said)"
        }.joined(separator: "\n")
    }

    // MARK: Programs

    /// Starts a program.
    func start(
        _ words: [String], in directory: Folder? = nil, on terminal: Terminal? = nil, environment: [String] = []
    ) throws -> Program {
        try programs.withLock { programs in
            let program = try Program(
                words, in: directory ?? folder, log: log, logName: "\(programs.count)", terminal: terminal,
                environment: environment)
            programs.append(program)
            return program
        }
    }

    func nosocks(_ words: [String], in directory: Folder? = nil) throws -> Program {
        try start([Binary.nosocks] + words, in: directory)
    }

    /// Runs a program to its end.
    @discardableResult
    func run(_ words: String..., in directory: Folder? = nil) async throws -> Program {
        try await run(words, in: directory)
    }

    @discardableResult
    func run(_ words: [String], in directory: Folder? = nil) async throws -> Program {
        let program = try start(words, in: directory)
        try await program.ending()
        return program
    }

    /// Runs a shell script that must succeed, and gives what it wrote.
    @discardableResult
    func shell(_ script: String, in directory: Folder) async throws -> String {
        let program = try await run("/bin/sh", "-euc", script, in: directory)
        guard program.ended == 0 else { throw TimedOut(what: "the success of: \(script)", state: program.errors) }
        return program.output
    }

    /// What rsync would change to make one folder like the other, times apart: nothing, if all is well.
    func judge(_ left: Replica, _ right: Replica) async throws -> String {
        let paths = [left, right].map { "\($0.folder.text)/" }
        return try await run("rsync", "-rlpcni", "--delete", "--exclude=/.nosocks", paths[0], paths[1]).output
    }

    // MARK: Replicas

    /// A hub on a folder of its name, listening.
    func hub(_ options: [String] = []) async throws -> Replica {
        let replica = try Replica(at: self, name: "hub", options: options)
        try await replica.listen()
        return replica
    }

    /// A peer on a folder of its name, in sync.
    func peer(_ name: String, of hub: Replica, _ options: [String] = []) async throws -> Replica {
        let replica = try Replica(at: self, name: name, options: options, hub: hub)
        try await replica.join()
        return replica
    }

    /// A hub with what `fill` makes, and a peer `one` that has it.
    func mirror(_ fill: (Folder) throws -> Void) async throws -> (hub: Replica, one: Replica) {
        let hub = try await hub()
        try fill(hub.folder)
        let one = try await peer("one", of: hub)
        try await settle(hub, one)
        return (hub, one)
    }
}

/// A hub or a peer: a folder, and the process that keeps it, which may come and go.
final class Replica: Sendable {
    let name: String
    let folder: Folder
    /// How the process names the folder: where it is on a disk of its own, this one names it otherwise.
    let path: String
    private let bench: Bench
    private let options: [String]
    private let hub: Replica?
    /// Where a hub is joined, if not where `hub` listens.
    private let detour: String?
    /// What comes before the program's name.
    private let prefix: [String]
    private let state: Mutex<(program: Program?, url: String)>

    init(
        at bench: Bench, name: String, options: [String] = [], hub: Replica? = nil, url detour: String? = nil,
        prefix: [String] = [], disk: SmallDisk? = nil
    ) throws {
        self.detour = detour
        self.prefix = (disk?.prefix ?? []) + prefix
        self.name = name
        self.bench = bench
        self.options = options
        self.hub = hub
        folder = (disk?.folder ?? bench.folder).folder(Name(stringLiteral: name))
        path = (disk?.mountPoint ?? bench.folder).folder(Name(stringLiteral: name)).text
        state = Mutex((nil, ""))
        if !folder.exists() { try folder.makeDirectory() }
    }

    var url: String { state.withLock { $0.url } }
    var port: Int { url.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

    /// The process that runs, or ran last.
    var program: Program {
        get throws {
            guard let program = state.withLock({ $0.program }) else {
                throw TimedOut(what: "\(name), which was never started", state: "")
            }
            return program
        }
    }

    /// Starts the process, and waits for nothing.
    @discardableResult
    func start() throws -> Program {
        let address = url.split(separator: "/").last.map(String.init) ?? "127.0.0.1:0"
        let role = (detour ?? hub?.url).map { ["join", $0] } ?? ["hub", "--listen", address]
        let program = try bench.start(
            prefix + [Binary.nosocks] + role + [path, "--name", name, "--json", "-v"] + options)
        state.withLock { $0.program = program }
        return program
    }

    /// Starts a hub, where it was before if it ran before.
    func listen() async throws {
        let url = try await start().hears("listening").url
        state.withLock { $0.url = url ?? "" }
    }

    func join() async throws {
        try await start().hears("in-sync")
    }

    /// SIGKILL: no time for anything.
    func kill() throws {
        try program.end()
    }

    /// Waits until it has taken in what is on its disk now. With `all`, until everybody has that, and has written down
    /// that it has: a folder may look right before its process knows that it does.
    func wait(all: Bool = false) async throws {
        let words = [Binary.nosocks, "wait", "--quiet"] + (all ? ["--all"] : []) + [path]
        let program = try await bench.run(prefix + words)
        guard program.ended == 0 else { throw TimedOut(what: "\(name) to have waited", state: program.errors) }
    }

    /// Waits until just this is there.
    func holds(_ names: [Name]) async throws {
        var found: [Name] = []
        try await eventually("\(name) to hold \(names)", state: { "\(found)" }) {
            found = try folder.items().keys.sorted()
            return found == names.sorted()
        }
    }

    /// Asks it to end, and waits until it has.
    @discardableResult
    func stop() async throws -> Program.Status {
        try program.signal(SIGTERM)
        return try await program.ending()
    }
}

/// Waits until all these replicas' folders are the same.
func settle(_ replicas: Replica...) async throws {
    var differences: [String] = []
    try await eventually(
        "\(replicas.map(\.name).joined(separator: ", ")) to be the same",
        state: { differences.prefix(20).joined(separator: "\n") },
        {
            differences = []
            for replica in replicas {
                if let ended = try replica.program.ended {
                    throw TimedOut(what: "\(replica.name), which ended with \(ended)", state: "")
                }
            }
            for (left, right) in zip(replicas, replicas.dropFirst()) {
                differences += try left.folder.differences(from: right.folder).map {
                    "\(left.name) / \(right.name): \($0)"
                }
            }
            return differences.isEmpty
        })
}

/// Waits until what was done on `from` before has reached `to`, ignored or not.
func pass(_ mark: Name, from: Replica, to: Replica...) async throws {
    try from.folder.write("\(mark)", to: mark)
    for replica in to { try await replica.program.hears("created", path: "\(mark)") }
}
