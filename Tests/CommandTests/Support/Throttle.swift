import Testing

/// Lets a few tests run at a time: each starts processes, and a machine with two cores has no use for a hundred.
struct Throttle: SuiteTrait, TestTrait, TestScoping {
    private static let gate = Gate(places: 4)

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Self.gate.enter()
        do {
            try await function()
        } catch {
            await Self.gate.leave()
            throw error
        }
        await Self.gate.leave()
    }
}

extension Trait where Self == Throttle {
    static var fewAtATime: Self { Throttle() }
}

private actor Gate {
    private var places: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) {
        self.places = places
    }

    func enter() async {
        if places > 0 {
            places -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func leave() {
        if waiting.isEmpty {
            places += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}

/// The tests of this target: the program as people run it.
@Suite("nosocks", .fewAtATime)
enum Commands {}
