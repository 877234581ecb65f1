import ArgumentParser
import Dispatch
import Simulator

/// Runs the simulator over many seeds, or shows one.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a simulated hub and its peers over many seeds; a failure prints its seed.",
        usage: "simulate --seeds 10000\n       simulate --seed 42 --verbose")

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 1000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Run this seed alone.") var seed: UInt64?
    @Option(help: "How many threads.") var jobs = 2
    @Flag(help: "Print every step.") var verbose = false

    func run() throws {
        if let seed { return try show(seed) }
        let jobs = UInt64(max(jobs, 1))
        let totals = Totals()
        DispatchQueue.concurrentPerform(iterations: Int(jobs)) { job in
            var current = from + UInt64(job)
            while current < from + seeds {
                totals.add(current, Result { try Simulation.run(SimulationOptions(seed: current)) })
                current += jobs
            }
        }
        let failed = totals.failures
        for failure in failed.prefix(20) { print(failure) }
        print("\(seeds) seeds, \(totals.revisions) revisions, \(totals.conflicts) conflicts")
        print("\(Int(seeds) - failed.count) passed, \(failed.count) failed")
        if !failed.isEmpty { throw ExitCode.failure }
    }

    private func show(_ seed: UInt64) throws {
        var options = SimulationOptions(seed: seed)
        options.isVerbose = verbose
        options.isTraced = true
        print(options)
        let report = try Simulation.run(options)
        print("trace \(String(report.trace, radix: 16)), \(report.revisions) revisions, \(report.conflicts) conflicts")
    }
}

/// What all threads found together.
final class Totals: @unchecked Sendable {
    private let queue = DispatchQueue(label: "totals")
    private var found: [(seed: UInt64, text: String)] = []
    private var counted: (revisions: UInt64, conflicts: Int) = (0, 0)

    func add(_ seed: UInt64, _ result: Result<Simulation.Report, any Error>) {
        queue.sync {
            switch result {
            case .success(let report):
                counted.revisions += report.revisions
                counted.conflicts += report.conflicts
            case .failure(let error):
                found.append((seed, "\(SimulationOptions(seed: seed)): \(error)"))
            }
        }
    }

    var failures: [String] { queue.sync { found.sorted { $0.seed < $1.seed }.map(\.text) } }
    var revisions: UInt64 { queue.sync { counted.revisions } }
    var conflicts: Int { queue.sync { counted.conflicts } }
}
