import Testing
import Tree

@testable import Simulator
@testable import Sync

@Suite("What all peers have applied")
struct ArrivalsTests {
    @Test("is what the slowest of them has, whoever comes, goes on and leaves")
    func isTheLeast() {
        var random = SeededRandom(seed: 1)
        var arrivals = Arrivals()
        var peers: [Revision] = []
        #expect(arrivals.everywhere == nil)
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                arrivals.came()
                peers.append(.zero)
            case 1:
                guard let place = peers.indices.randomElement(using: &random) else { break }
                arrivals.left(peers.remove(at: place))
            default:
                guard let place = peers.indices.randomElement(using: &random) else { break }
                let next = Revision(rawValue: peers[place].rawValue + .random(in: 0..<3, using: &random))
                arrivals.moved(from: peers[place], to: next)
                peers[place] = next
            }
            #expect(arrivals.everywhere == peers.min())
        }
    }
}
