import ArgumentParser
import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the reading of a file is made of, and the whole of it, in bytes a second.
@main
struct ContentSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "content-speed",
        abstract: "Measure cutting, hashing and reading, in MB a second.",
        discussion: """
            Cutting and hashing are of memory, in time of one processor; each size of file is read from where the system \
            keeps what it read before, in time on the clock and, for all threads together, of processors.
            """)

    @Option(help: "A folder for the files that are read, 1 GiB at most.")
    var folder = "."

    @Option(help: "Each figure is the median of so many.")
    var runs = 5

    func validate() throws {
        guard runs > 0 else { throw ValidationError("Less than one run is none.") }
    }

    func run() throws {
        var random = SplitMix(state: 1)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 20, alignment: 4096)
        defer { bytes.deallocate() }
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            bytes.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
        let memory = UnsafeRawBufferPointer(bytes)
        for fileSize: UInt64 in [1 << 20, 1 << 30] {
            let parameters = ChunkingParameters(fileSize: fileSize)
            let cutting = median { rate(bytes.count, CLOCK_THREAD_CPUTIME_ID) { cut(memory, parameters) } }
            print("cutting, \(parameters.average >> 10) KiB on average: \(cutting)")
        }
        let hashing = median { rate(bytes.count, CLOCK_THREAD_CPUTIME_ID) { hash(memory) } }
        print("hashing: \(hashing)")
        let sideBySide = median { rate(bytes.count, CLOCK_THREAD_CPUTIME_ID) { hashSideBySide(memory) } }
        print("hashing side by side: \(sideBySide)")
        for size in [64 << 10, 1 << 20, 16 << 20, 1 << 30] { try measureReading(size, memory) }
    }

    private func measureReading(_ size: Int, _ content: UnsafeRawBufferPointer) throws {
        let root = try Root(at: Array(folder.utf8))
        let path = try RelativePath("content-speed.tmp")
        let place = try root.place(of: path)
        let target = try place.createFile()
        defer { try? place.removeFile() }
        for start in stride(from: 0, to: size, by: content.count) {
            let piece = UnsafeRawBufferPointer(rebasing: content[..<min(content.count, size - start)])
            try target.write(piece, at: UInt64(start))
        }
        let file = try root.openFile(path)
        let status = try file.status()
        let reader = ContentReader()
        let repetitions = max(1, (64 << 20) / size)
        func read() {
            for _ in 0..<repetitions { _ = try? reader.read(file, status: status) }
        }
        read()
        let wall = median { rate(size * repetitions, CLOCK_MONOTONIC, read) }
        let processors = median { rate(size * repetitions, CLOCK_PROCESS_CPUTIME_ID, read) }
        print("reading \(size >> 10) KiB: \(wall), per second of processors \(processors)")
    }

    private func cut(_ bytes: UnsafeRawBufferPointer, _ parameters: ChunkingParameters) {
        let chunker = Chunker(parameters)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int(parameters.maximum))
            start += chunker.firstCut(in: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }

    private func hash(_ bytes: UnsafeRawBufferPointer) {
        for piece in pieces(of: bytes) { _ = Digest(of: piece) }
    }

    private func hashSideBySide(_ bytes: UnsafeRawBufferPointer) {
        _ = Digest.all(of: pieces(of: bytes))
    }

    private func pieces(of bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        stride(from: 0, to: bytes.count, by: 64 << 10).map {
            UnsafeRawBufferPointer(rebasing: bytes[$0..<($0 + 64 << 10)])
        }
    }

    private func rate(_ count: Int, _ clock: clockid_t, _ body: () -> Void) -> Int {
        let start = seconds(clock)
        body()
        return Int(Double(count) / (seconds(clock) - start) / 1e6)
    }

    private func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func median(_ measure: () -> Int) -> Int {
        (0..<runs).map { _ in measure() }.sorted()[runs / 2]
    }
}

/// Steele, Lea and Flood's SplitMix64.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
