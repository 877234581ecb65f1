/// What was done, and when: with the seed it is what there is to go by when something went wrong.
final class Diary {
    private let start = ContinuousClock.now
    private(set) var lines: [String] = []

    func note(_ text: String) {
        let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        lines.append("\(Int(milliseconds)) ms: \(text)")
    }

    var seconds: Int { Int((ContinuousClock.now - start) / .seconds(1)) }
}
