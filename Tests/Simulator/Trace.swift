/// The run's steps: a running hash of all of them, so that two runs can be compared.
struct Trace {
    private(set) var hash: UInt64 = 0
    private(set) var lines: [String] = []

    mutating func add(_ line: String, isPrinted: Bool) {
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        lines.append(line)
        if isPrinted { print(line) }
    }
}
