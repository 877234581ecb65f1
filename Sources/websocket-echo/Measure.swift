import ArgumentParser
import NIOCore
import WebSocket

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the parts cost: masking beside the fastest copy there is, as both move each byte once, and each of this build's
/// engines for deflating.
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure masking beside memcpy, and deflating, in bytes a second of one core, as lines of JSON.")

    func run() throws {
        measureMasking()
        measureDeflating()
    }

    private func measureMasking() {
        // In the first-level cache, in the second-level one, in memory.
        for size in [4 << 10, 256 << 10, 64 << 20] {
            let source = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
            let target = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
            defer {
                source.deallocate()
                target.deallocate()
            }
            guard let from = source.baseAddress, let to = target.baseAddress else { return }
            memset(from, 0x5A, size)
            memset(to, 0, size)
            var masking: [Double] = []
            var copying: [Double] = []
            let repetitions = max(1, (128 << 20) / size)
            for key in 0..<UInt32(9) {
                masking.append(
                    Self.rate(size, repetitions) {
                        Masking.copy(UnsafeRawBufferPointer(source), to: to, key: 0xC0FF_EE00 | key, offset: 0)
                    })
                copying.append(Self.rate(size, repetitions) { memcpy(to, from, size) })
            }
            FileOutput.standard.write(
                """
                {"bytes": \(size), "masking": \(Self.median(masking)), "memcpy": \(Self.median(copying))}\n
                """)
        }
    }

    /// A server's usual way: each message has a window of its own.
    private func measureDeflating() {
        let size = 64 << 10
        var text = SampleText(seed: 1)
        func messages(_ make: () -> [UInt8]) -> [[UInt8]] { (0..<64).map { _ in make() } }
        measureDeflating(messages { text.message(size: size) }, "source")
        // Messages below 1 KiB are of records.
        measureDeflating(messages { (0..<64).flatMap { _ in text.message(size: 1023) + [10] } }, "log")
        measureDeflating(messages { (0..<size).map { _ in UInt8.random(in: 0...255) } }, "random")
    }

    private func measureDeflating(_ messages: [[UInt8]], _ content: String) {
        let size = messages.reduce(0) { $0 + $1.count }
        for engine in DeflateEngine.allCases {
            for level in [1, 2, 3, 6] where engine.serves(level) {
                let made = Deflater(windowBits: 15, noContextTakeover: true, level: level, engine: engine)
                guard let deflater = made else { continue }
                var out = ByteBuffer()
                let rates = (0..<5).map { _ in
                    out.clear()
                    return Self.rate(size, 1) {
                        for message in messages { message.withUnsafeBytes { deflater.deflate($0, into: &out) } }
                    }
                }
                FileOutput.standard.write(
                    """
                    {"engine": "\(engine)", "level": \(level), "content": "\(content)", \
                    "deflating": \(Self.median(rates)), "ratio": \(Double(size) / Double(out.readableBytes))}\n
                    """)
            }
        }
    }

    /// Bytes in a second of this thread's processor time, which what else the machine does leaves alone.
    private static func rate(_ size: Int, _ repetitions: Int, _ body: () -> Void) -> Double {
        let start = threadTime()
        for _ in 0..<repetitions { body() }
        return Double(size * repetitions) / (threadTime() - start)
    }

    private static func threadTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func median(_ values: [Double]) -> Double {
        values.sorted()[values.count / 2]
    }
}
