import ArgumentParser
import WebSocket

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How fast masking is beside the fastest copy there is: both move each byte once.
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure masking beside memcpy, in bytes a second of one core, as lines of JSON.")

    func run() throws {
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
