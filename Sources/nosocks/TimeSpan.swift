import ArgumentParser

/// A span of time as people write it: a number and one of `ms`, `s`, `m`, `h`; seconds without any.
struct TimeSpan: ExpressibleByArgument, Equatable {
    let duration: Duration

    init?(argument: String) {
        let units: [(suffix: String, milliseconds: Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
        let unit = units.first { argument.hasSuffix($0.suffix) }
        let digits = argument.dropLast(unit?.suffix.count ?? 0)
        guard !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }), let number = Int64(digits) else {
            return nil
        }
        let (milliseconds, isTooLong) = number.multipliedReportingOverflow(by: unit?.milliseconds ?? 1000)
        guard !isTooLong else { return nil }
        duration = .milliseconds(milliseconds)
    }
}
