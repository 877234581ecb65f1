import ArgumentParser
import Replica

/// How much space a replica takes.
struct SpaceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the replica's state goes when it is made, instead of DIR/.nosocks: a directory on the same disk.",
            valueName: "dir"), completion: .directory)
    var state: String?

    @Option(
        help: ArgumentHelp(
            "For how many days replaced and deleted versions are kept (default: 7).", valueName: "n"))
    var historyDays: Int?

    @Option(
        help: ArgumentHelp(
            "How much space they may take, the oldest go first: bytes, or as 500M or 2G (default: 1G).",
            valueName: "bytes"))
    var historySize: ByteCount?

    @Option(
        help: ArgumentHelp(
            "How much of the disk what arrives leaves free: bytes, or as 500M or 2G (default: 1%, at most 1G).",
            valueName: "bytes"))
    var minFree: ByteCount?

    func validate() throws {
        if state?.isEmpty == true { throw ValidationError("--state takes a directory, and not an empty name") }
        if let historyDays, historyDays < 0 {
            throw ValidationError("--history-days \(historyDays): a number of days is not negative")
        }
    }

    var settings: ReplicaSettings {
        var settings = ReplicaSettings()
        if let historyDays { settings.historyDays = historyDays }
        if let historySize { settings.historySize = historySize.bytes }
        settings.minimumFree = minFree?.bytes
        settings.state = state.map { NamedPath.bytes(of: $0) }
        return settings
    }
}

/// A number of bytes as people write it: `4096`, `500M`, `2GiB`; a letter stands for a power of 1024.
struct ByteCount: Equatable, ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        let text = argument.uppercased()
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), let shift = Self.shift(text.dropFirst(digits.count)) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    private static func shift(_ unit: Substring) -> UInt64? {
        guard let letter = unit.first, unit != "B" else { return 0 }
        guard ["", "B", "IB"].contains(unit.dropFirst()), let power = "KMGT".firstIndex(of: letter) else { return nil }
        return 10 * UInt64("KMGT".distance(from: "KMGT".startIndex, to: power) + 1)
    }
}

/// A number of bytes a second as people write it: `500K`, `2M/s`.
struct ByteRate: Equatable, ExpressibleByArgument {
    let bytesPerSecond: Int

    init?(argument: String) {
        let amount = argument.lowercased().hasSuffix("/s") ? String(argument.dropLast(2)) : argument
        guard let count = ByteCount(argument: amount) else { return nil }
        bytesPerSecond = Int(clamping: count.bytes)
    }
}
