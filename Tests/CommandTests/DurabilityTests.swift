import Testing

extension Commands {
    /// The order of durability, read off the system calls themselves: content is flushed, then the index knows of it,
    /// then names appear; and a batch is flushed as one.
    @Suite("Durability by group commit")
    struct Durability {
        private static let calls =
            "openat,pwrite64,fsync,fdatasync,syncfs,renameat2,linkat,sendfile,copy_file_range,ioctl"

        /// Runs a peer under strace until it is in sync, and gives the calls that it made.
        private func trace(_ bench: Bench, _ hub: Replica) async throws -> SystemCalls {
            try await bench.shell("mkdir -p one", in: bench.folder)
            let program = try await bench.run(
                "strace", "-f", "-y", "-s", "64", "-e", "trace=\(Self.calls)", "-o", "calls", Binary.nosocks, "join",
                "--once", hub.url, "one")
            #expect(program.ended == 0, "\(program.errors)")
            return SystemCalls(try bench.folder.text("calls"))
        }

        @Test("no name appears before its content is flushed and the index knows of it; thousands share few flushes")
        func order() async throws {
            try await Bench.run { bench in
                guard try await Bench.probe(["strace", "-f", "-o", "/dev/null", "/bin/true"]) else { return }
                let hub = try await bench.hub()
                for number in 0..<1000 { try hub.folder.writeRandom(500, to: Name(stringLiteral: "f\(number)")) }
                try hub.folder.writeRandom(3_000_000, to: "large")
                try await eventually("all of it at the hub") { (try? hub.program.events.count) ?? 0 > 1000 }
                let first = try await trace(bench, hub)
                #expect(first.names.count >= 1001)
                #expect(first.namedBeforeFlushed == [])
                #expect(first.namedBeforeKnown == [])
                #expect(first.flushes <= 60, "\(first.flushes) flushes for 1,001 files")
                // Replacing is naming, too.
                for number in 0..<200 { try hub.folder.writeRandom(600, to: Name(stringLiteral: "f\(number)")) }
                try hub.folder.overwrite("here", at: 1_000_000, of: "large")
                try await eventually("the changes at the hub") {
                    try hub.program.events.count { $0.event == "modified" } >= 201
                }
                let second = try await trace(bench, hub)
                #expect(second.names.count >= 201)
                #expect(second.namedBeforeFlushed == [])
                #expect(second.namedBeforeKnown == [])
                #expect(second.flushes <= 40, "\(second.flushes) flushes for 201 files")
            }
        }
    }
}

/// What strace wrote, by line.
private struct SystemCalls {
    private struct Call {
        let name: Substring
        let text: Substring
        let begin: Int
        var end: Int
    }

    /// Names given to staged content in the tree: the content's name in the staging folder, and the call's line.
    private(set) var names: [(staged: String, line: Int)] = []
    private var lastWrite: [String: Int] = [:]
    /// Flushes of all of the file system, of one staged file, and of the index.
    private var fileSystem: [(begin: Int, end: Int)] = []
    private var single: [String: [(begin: Int, end: Int)]] = [:]
    private var index: [(begin: Int, end: Int)] = []

    /// How often anything at all was flushed.
    var flushes: Int { fileSystem.count + index.count + single.values.reduce(0) { $0 + $1.count } }

    init(_ trace: String) {
        var open: [Substring: Call] = [:]
        for (line, text) in trace.split(separator: "\n").enumerated() {
            let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            guard parts.count == 2 else { continue }
            let (process, said) = (parts[0], parts[1].drop { $0 == " " })
            if said.hasPrefix("<... ") {
                guard var call = open.removeValue(forKey: process) else { continue }
                call.end = line
                take(call, isDone: said.contains("= 0") || said.contains("= "))
                continue
            }
            let call = Call(name: said.prefix { $0 != "(" }, text: said, begin: line, end: line)
            if said.hasSuffix("<unfinished ...>") {
                open[process] = call
            } else {
                take(call, isDone: !said.contains("= -1"))
            }
        }
    }

    private mutating func take(_ call: Call, isDone: Bool) {
        guard isDone else { return }
        switch call.name {
        case "pwrite64", "copy_file_range", "sendfile", "ioctl":
            if let staged = Self.staged(in: call.text) { lastWrite[staged] = call.end }
        case "syncfs": fileSystem.append((call.begin, call.end))
        case "fsync", "fdatasync":
            if call.text.contains("index.sqlite") {
                index.append((call.begin, call.end))
            } else if let staged = Self.staged(in: call.text) {
                single[staged, default: []].append((call.begin, call.end))
            }
        case "renameat2":
            // From the staging folder to one that is not in the state folder.
            let parts = call.text.split(separator: ", ")
            guard parts.count >= 4, parts[0].contains("/.nosocks/staging>"), !parts[2].contains("/.nosocks") else {
                return
            }
            names.append((parts[1].trimmingQuotes, call.begin))
        default: break
        }
    }

    /// The name of the staged file that a call's descriptor is of: `13</…/.nosocks/staging/s-0123>`.
    private static func staged(in text: Substring) -> String? {
        guard let range = text.firstRange(of: "/.nosocks/staging/") else { return nil }
        let name = text[range.upperBound...].prefix { $0 != ">" }
        return name.isEmpty ? nil : String(name)
    }

    private func flushed(_ staged: String, before line: Int) -> Int? {
        // Of a file of many chunks the name changed after its last write.
        guard let written = lastWrite[staged] else {
            return fileSystem.last { $0.end < line }?.end ?? single[staged]?.last { $0.end < line }?.end
        }
        let all = fileSystem + (single[staged] ?? [])
        return all.filter { $0.begin > written && $0.end < line }.map(\.end).min()
    }

    /// Staged files that got their names while what was written to them could still be lost.
    var namedBeforeFlushed: [String] {
        names.filter { flushed($0.staged, before: $0.line) == nil }.map(\.staged)
    }

    /// Staged files that got their names before the index had durably heard of what comes there.
    var namedBeforeKnown: [String] {
        names.filter { name in
            guard let flushed = flushed(name.staged, before: name.line) else { return false }
            return !index.contains { $0.begin > flushed && $0.end < name.line }
        }.map(\.staged)
    }
}

extension Substring {
    fileprivate var trimmingQuotes: String { String(self.drop { $0 == "\"" }.prefix { $0 != "\"" }) }
}
