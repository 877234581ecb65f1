/// Cuts a failing run down to the steps that it takes: delta debugging (Zeller and Hildebrandt, 2002), which leaves out
/// ever smaller parts while the same invariant breaks.
struct Shrinker {
    private let options: SimulationOptions
    private let violation: Violation
    /// So many runs are tried at the most.
    private static let limit = 3_000

    init(_ options: SimulationOptions, _ violation: Violation) {
        self.options = options
        self.violation = violation
    }

    func shrunk(_ all: [Step]) -> Simulation.Failure {
        var steps = all
        var parts = 2
        var tries = 0
        while steps.count > 1, tries < Self.limit {
            let size = (steps.count + parts - 1) / parts
            var start = 0
            var isShorter = false
            while start < steps.count, tries < Self.limit {
                let rest = Array(steps[..<start] + steps[min(start + size, steps.count)...])
                tries += 1
                if fails(rest) {
                    steps = rest
                    isShorter = true
                } else {
                    start += size
                }
            }
            if isShorter {
                parts = max(parts - 1, 2)
            } else {
                guard size > 1 else { break }
                parts = min(2 * parts, steps.count)
            }
        }
        return told(steps)
    }

    private func fails(_ steps: [Step]) -> Bool {
        do {
            _ = try Simulation.run(options, steps)
            return false
        } catch {
            return error.invariant == violation.invariant
        }
    }

    private func told(_ steps: [Step]) -> Simulation.Failure {
        var options = options
        options.isTraced = true
        let world = World(options)
        var found = violation
        do {
            try Simulation.run(steps, in: world)
        } catch {
            found = error
        }
        return Simulation.Failure(options: self.options, violation: found, steps: steps, lines: world.trace.lines)
    }
}

extension Simulation.Failure: CustomStringConvertible {
    package var description: String {
        let kept = steps.map { String($0.number) }.joined(separator: ",")
        return """
            \(options)
            \(violation)
            \(steps.count) of \(options.steps) steps: \(kept)
            \(told.map { "    \($0)" }.joined(separator: "\n"))
            """
    }

    /// A run that does not come to rest has more to tell than anybody reads.
    private var told: [String] {
        guard lines.count > 240 else { return lines }
        return lines.prefix(200) + ["… \(lines.count - 220) lines more …"] + lines.suffix(20)
    }
}
