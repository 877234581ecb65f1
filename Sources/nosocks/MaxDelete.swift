import ArgumentParser
import Tree

extension DeletionLimit: ExpressibleByArgument, CustomStringConvertible {
    /// Reads `N` or `N%`.
    package init?(argument: String) {
        let isPercent = argument.hasSuffix("%")
        let digits = isPercent ? argument.dropLast() : argument[...]
        guard !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }), let number = Int(digits) else {
            return nil
        }
        if isPercent {
            guard number <= 100 else { return nil }
            self = .percent(number)
        } else {
            self = .count(number)
        }
    }

    package var description: String {
        switch self {
        case .count(let count): "\(count)"
        case .percent(let percent): "\(percent)%"
        }
    }
}
