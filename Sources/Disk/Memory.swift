internal import CLinux

/// The process's memory.
package enum Memory {
    /// Gives back to the system what was freed and is only kept at hand: for when nothing is going on.
    package static func trim() {
        clinux_trim_memory()
    }
}
