import ArgumentParser
import Dispatch
import Simulator

extension SimulationOptions.Mode: ExpressibleByArgument {}

extension Fault: ExpressibleByArgument {
    package init?(argument: String) {
        guard let fault = Fault.allCases.first(where: { $0.name == argument }) else { return nil }
        self = fault
    }

    package static var allValueStrings: [String] { allCases.map(\.name) }
}

/// Runs the simulator over many seeds, or shows one.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Run a simulated hub and its peers over many seeds; a failure is cut down to the steps that it takes.",
        usage: "simulate --seeds 10000\n       simulate --seed 42 --verbose")

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 1000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Run this seed alone.") var seed: UInt64?
    @Option(help: "How many threads.") var jobs = 2
    @Option(help: "One mode alone: safety, liveness or perturbation; else each seed has its own.")
    var mode: SimulationOptions.Mode?
    @Option(help: "A fault that does not occur; may be given more than once.") var without: [Fault] = []
    @Option(help: "The only faults that occur; may be given more than once.") var only: [Fault] = []
    @Option(help: "Show so many failures in full.") var show = 3
    @Flag(help: "Stop at the first failure.") var stop = false
    @Flag(help: "Print every step.") var verbose = false

    func run() throws {
        if let seed { return try runAlone(seed) }
        let jobs = UInt64(max(jobs, 1))
        let totals = Totals()
        let start = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: Int(jobs)) { job in
            var current = from + UInt64(job)
            while current < from + seeds, !(stop && totals.hasFailed) {
                let options = options(current)
                totals.add(options, Result { () throws(Violation) in try Simulation.run(options) })
                current += jobs
            }
        }
        let failed = totals.failures
        for (options, violation) in failed.prefix(show) { print("\(Simulation.shrink(options, violation))\n") }
        for (options, violation) in failed.dropFirst(show).prefix(20) { print("\(options): \(violation)") }
        print(totals.summary(took: ContinuousClock.now - start))
        if !failed.isEmpty { throw ExitCode.failure }
    }

    private func options(_ seed: UInt64) -> SimulationOptions {
        let faults = (only.isEmpty ? FaultSet.usual : FaultSet(only)).subtracting(FaultSet(without))
        return SimulationOptions(seed: seed, mode: mode, faults: faults)
    }

    private func runAlone(_ seed: UInt64) throws {
        var options = options(seed)
        options.isVerbose = verbose
        options.isTraced = true
        print(options)
        do throws(Violation) {
            let report = try Simulation.run(options)
            print(
                "trace \(String(report.trace, radix: 16)), \(report.revisions) revisions, \(report.conflicts) conflicts"
            )
        } catch {
            print(Simulation.shrink(options, error))
            throw ExitCode.failure
        }
    }
}

/// What all threads found together.
final class Totals: @unchecked Sendable {
    private let queue = DispatchQueue(label: "totals")
    private var found: [(options: SimulationOptions, violation: Violation)] = []
    private var counted: (passed: Int, revisions: UInt64, conflicts: Int, milliseconds: Int64) = (0, 0, 0, 0)

    func add(_ options: SimulationOptions, _ outcome: Result<Simulation.Report, Violation>) {
        queue.sync {
            switch outcome {
            case .success(let report):
                counted.passed += 1
                counted.revisions += report.revisions
                counted.conflicts += report.conflicts
                counted.milliseconds += report.milliseconds
            case .failure(let violation): found.append((options, violation))
            }
        }
    }

    var failures: [(options: SimulationOptions, violation: Violation)] {
        queue.sync { found.sorted { $0.options.seed < $1.options.seed } }
    }

    var hasFailed: Bool { queue.sync { !found.isEmpty } }

    func summary(took: Duration) -> String {
        let (passed, revisions, conflicts, milliseconds) = queue.sync { counted }
        let failed = failures.count
        let hours = Double(milliseconds) / 3_600_000
        let minutes = max(Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18, 0.001) / 60
        return """
            \(passed + failed) seeds, \(revisions) revisions, \(conflicts) conflicts, \(Int(hours)) simulated hours; \
            \(Int(Double(passed + failed) / minutes)) seeds and \(Int(hours / minutes)) simulated hours a minute
            \(passed) passed, \(failed) failed
            """
    }
}
