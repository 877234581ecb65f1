#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What random tests begin with: the same in every run, unless NOSOCKS_TEST_SEED says where to begin.
enum Seeds {
    static func take(_ count: UInt64) -> Range<UInt64> {
        let first = ProcessInfo.processInfo.environment["NOSOCKS_TEST_SEED"].flatMap(UInt64.init) ?? 1
        return first..<(first + count)
    }
}
