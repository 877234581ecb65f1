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

    /// Lets go of the program's own code and constants, most of which only a start needs: for when nothing has gone on for
    /// a while, since what is used again costs some hundred page faults.
    package static func forgetCode() {
        clinux_forget_code()
    }
}
