import Disk
import Testing
import Tree

@testable import Replica

@Suite("Content that is staged as it arrives")
struct StagingAheadTests {
    private let bench: Bench
    private let files: [(file: Entry.File, text: String)]

    init() throws {
        bench = try Bench()
        files = try (0..<200).map { number in
            let text = "content of file \(number)"
            return (try Bench.file(text), text)
        }
    }

    private var ahead: StagingAhead { bench.replica.stagingAhead }

    private func arrival(_ file: Entry.File, _ text: String) -> StagingAhead.Arrival {
        let bytes = Array(text.utf8)
        return StagingAhead.Arrival(file) { body in bytes.withUnsafeBytes(body) }
    }

    private var arrivals: [StagingAhead.Arrival] { files.map { arrival($0.file, $0.text) } }

    private func rest() throws {
        try eventually("its thread has nothing left to do") { ahead.isAtRest }
    }

    @Test("is there when it is wanted, with its mode and mtime, whoever got to it first", arguments: [true, false])
    func isTaken(isWaitedFor: Bool) throws {
        let batch = ahead.begin(arrivals)
        #expect(batch != nil)
        if isWaitedFor { try rest() }
        for (number, (file, text)) in files.enumerated().reversed() {
            let staged = try bench.staged(file, Array(text.utf8))
            let placement = try bench.replica.place(
                .file(file), staged: staged, at: path("f\(number)"), expecting: nil)
            #expect(placement.name == "placed")
            #expect(try bench.text("f\(number)") == text)
            #expect(try bench.present("f\(number)").entry == .file(file))
        }
        try withExtendedLifetime(batch) { try bench.replica.flush() }
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test("is staged as often as it arrived")
    func isTakenTwice() throws {
        let (file, text) = files[0]
        let batch = ahead.begin(Array(repeating: arrival(file, text), count: files.count))
        try rest()
        var names: Set<String> = []
        for _ in files { names.insert(try bench.staged(file, Array(text.utf8)).name) }
        #expect(names.count == files.count)
        #expect(try bench.stagingNames.count == files.count)
        withExtendedLifetime(batch) {}
    }

    @Test("goes with what it arrived with, where nobody took it", arguments: [true, false])
    func isDropped(isWaitedFor: Bool) throws {
        var batch = ahead.begin(arrivals)
        if isWaitedFor { try rest() }
        let staged = try bench.staged(files[7].file, Array(files[7].text.utf8))
        batch = nil
        #expect(batch == nil)
        try eventually("only what was taken is left") { try bench.stagingNames == [staged.name] }
    }

    @Test("is not staged where it is not what it should be")
    func isVerified() throws {
        var arrivals = arrivals
        arrivals[3] = arrival(files[3].file, "content of file X")
        let batch = ahead.begin(arrivals)
        try rest()
        #expect(try bench.stagingNames.count == files.count - 1)
        #expect(ahead.take(files[3].file) == nil)
        #expect(try bench.replica.stage(files[3].file, content: Array("content of file X".utf8)).name == "mismatch")
        withExtendedLifetime(batch) {}
    }

    @Test(
        "that is a chunk is compared with its digest, whoever does so, and what comes of it holds for those very bytes",
        arguments: [true, false])
    func isCompared(isAhead: Bool) throws {
        // Then no thread is begun.
        if !isAhead { ahead.stop() }
        let chunks = (0..<20).map { number in Array("chunk \(number)".utf8) }
        let digests = chunks.enumerated().map { number, bytes in
            bytes.withUnsafeBytes { Digest(of: number == 3 ? UnsafeRawBufferPointer(rebasing: $0.dropLast()) : $0) }
        }
        // In memory that stays where it is, as a message's does.
        let held = chunks.map { bytes in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
            copy.copyBytes(from: bytes)
            return UnsafeRawBufferPointer(copy)
        }
        defer { for bytes in held { bytes.deallocate() } }
        let addresses = held.map { UInt(bitPattern: $0.baseAddress) }
        let batch = ahead.begin(
            zip(digests, zip(addresses, chunks)).map { digest, place in
                let (address, bytes) = place
                return StagingAhead.Arrival(chunk: digest) { body in
                    body(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: bytes.count))
                }
            })
        if isAhead { try rest() }
        // The same bytes elsewhere may be somebody else's.
        chunks[5].withUnsafeBytes { #expect(ahead.compare($0, digests[5]) == nil) }
        #expect(ahead.compare(held[5], digests[6]) == nil)
        for (number, bytes) in held.enumerated() {
            #expect(ahead.compare(bytes, digests[number]) == (number != 3))
            #expect(ahead.compare(bytes, digests[number]) == nil)
        }
        withExtendedLifetime(batch) {}
    }

    @Test("is left to the replica's own thread where there is little of it")
    func isLeft() {
        #expect(ahead.begin(Array(arrivals.prefix(StagingLedger.fewFiles))) == nil)
        #expect(ahead.take(files[0].file) == nil)
    }

    @Test("is left where the file system should stay as free as it is")
    func leavesRoom() throws {
        var settings = ReplicaSettings()
        settings.minimumFree = 1 << 60
        let bench = try Bench(settings: settings)
        let batch = bench.replica.stagingAhead.begin(arrivals)
        try eventually("its thread has nothing left to do") { bench.replica.stagingAhead.isAtRest }
        #expect(try bench.stagingNames.isEmpty)
        withExtendedLifetime(batch) {}
    }
}
