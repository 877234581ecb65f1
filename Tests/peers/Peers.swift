import ArgumentParser
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Many peers of one hub, all of them in this process, over real WebSocket sessions. They keep what they are sent in
/// memory, check it, and answer as peers do.
@main
struct Peers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a hub, join it with many peers at once, and measure what that costs the hub.",
        discussion: """
            Scenarios:
              fanout     changes saved one after the other: when the last peer has each, and what it costs the hub
              stalled    the same while some peers do not read at all, before and after more than their sockets take
              reconnect  the hub is killed and started again: when all peers are in sync
            Processor time is that of the hub, in all its threads; it says more than the clock where other programs run.
            It needs Linux.
            """)

    @Argument(help: "The nosocks program.")
    var program: String

    @Option(name: .customLong("peers"), help: "How many peers.")
    var count = 1000

    @Option(name: .customLong("scenario"), help: "Which scenarios, separated by commas.")
    var names = "fanout,stalled,reconnect"

    @Option(name: .customLong("stalled"), help: "How many peers do not read, in stalled (a tenth).")
    var stalledCount: Int?

    @Option(help: "How many changes are measured, in each scenario that saves some.")
    var changes = 50

    @Option(help: "How many bytes a change has.")
    var size = 1024

    @Option(help: "How many MiB are saved while some peers do not read.")
    var bulk = 8

    @Option(help: "How often the hub is killed.")
    var restarts = 3

    @Option(help: "How many threads the peers share.")
    var threads = 1

    @Option(help: "Where the hub's folder is made.")
    var directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"

    @Option(help: "A file for the figures, as JSON.")
    var json: String?

    @Flag(help: "Show what else the peers saw.")
    var verbose = false

    var stalled: Int { stalledCount ?? count / 10 }

    private var scenarios: [Scenario] {
        get throws {
            try names.split(separator: ",").map { name in
                guard let scenario = Scenario(rawValue: String(name)) else {
                    throw ValidationError("--scenario \(name): there are \(Scenario.all)")
                }
                return scenario
            }
        }
    }

    func validate() throws {
        guard try !scenarios.isEmpty else { throw ValidationError("--scenario: there are \(Scenario.all)") }
        guard count > 0, changes > 0, restarts > 0, threads > 0, bulk >= 0 else {
            throw ValidationError("these are no numbers to measure with")
        }
        guard (0..<count).contains(stalled) else {
            throw ValidationError("--stalled \(stalled): not all \(count) peers can be stalled")
        }
        guard (64...65_536).contains(size) else {
            throw ValidationError("--size \(size): 64 to 65536, which is what travels inside a change")
        }
    }

    func run() async throws {
        let allowed = Descriptors.raise()
        guard allowed >= count + Descriptors.reserve else {
            throw Failure("\(count) peers need \(count + Descriptors.reserve) open files, and \(allowed) are allowed")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let hub = try HubProcess(
            program: program, directory: directory, port: try await HubProcess.freePort(group))
        defer { hub.remove() }
        let crowd = Crowd(port: hub.port, group: group)
        var bench = Bench(hub: hub, crowd: crowd, settings: self)
        try await bench.run(scenarios)
        crowd.leave()
        if let json { try bench.report.write(to: json) }
        FileOutput.standard.write(bench.report.table)
        if verbose { FileOutput.standard.write("\(crowd.attempts) attempts to connect\n") }
    }
}

enum Scenario: String, CaseIterable, Codable {
    case fanout, stalled, reconnect

    static var all: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// Why nothing could be measured, in words for a person.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
