#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a process takes of the machine's memory, where the system tells, and where it is not mostly a sanitizer's.
struct Memory {
    private let process: Program

    init(of process: Program) {
        self.process = process
    }

    /// Makes ``peak`` begin anew.
    func resetPeak() {
        try? "5".write(toFile: "/proc/\(process.id)/clear_refs", atomically: false, encoding: .utf8)
    }

    /// Mebibytes, resident, now; nil where the system does not tell.
    var now: Int? { field("VmRSS") }
    /// The same, without what is mapped of files: the program's own code comes and goes.
    var own: Int? { field("RssAnon") }
    /// The most since it began.
    var peak: Int? { field("VmHWM") }

    private func field(_ name: String) -> Int? {
        guard Program.sanitizing.isEmpty,
            let status = try? String(contentsOfFile: "/proc/\(process.id)/status", encoding: .utf8)
        else {
            return nil
        }
        let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 / 1024 }
    }
}
