internal import CLinux

/// The process's memory.
package enum Memory {
    /// Has what is freed stay at hand, until the next ``trim()``: for a process that handles content by the megabyte.
    package static func keep() {
        clinux_keep_memory()
    }

    /// Gives back to the system what was freed and is only kept at hand: for when nothing is going on.
    package static func trim() {
        clinux_trim_memory()
    }
}
