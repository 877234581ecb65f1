import ArgumentParser

/// The nearest known word to one that was mistyped.
enum Suggestion {
    static let commands = Nosocks.subcommands.filter { !$0.help.isHidden }.map { $0.name } + ["help"]

    /// What to say after an unknown word: of a command, or of what else there is to choose from.
    static func text(for word: String, among known: [String] = commands, of command: String = "nosocks") -> String {
        let nearest = known.map { (word: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }
            .min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= 2 else { return "; see \(command) --help" }
        return "; did you mean \"\(nearest.word)\"?"
    }

    /// How many letters must be inserted, removed, replaced or swapped with their neighbour.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty else { return right.count }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
