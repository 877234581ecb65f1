import Simulator
import Testing

@Suite("A simulated hub and its peers")
struct SimulationTests {
    @Test("lose nothing and come to agree, whatever happens", arguments: 0..<8)
    func seeds(block: UInt64) {
        for seed in (1 + block * 50)...(50 + block * 50) {
            do {
                _ = try Simulation.run(SimulationOptions(seed: seed))
            } catch {
                Issue.record("\(SimulationOptions(seed: seed)): \(error)")
            }
        }
    }

    @Test("do the same again from the same seed", arguments: [7, 42, 1000] as [UInt64])
    func determinism(seed: UInt64) throws {
        var options = SimulationOptions(seed: seed)
        options.isTraced = true
        let first = try Simulation.run(options)
        let second = try Simulation.run(options)
        #expect(first.trace == second.trace)
        #expect(first.trace != 0)
        #expect(first.revisions == second.revisions)
    }
}
