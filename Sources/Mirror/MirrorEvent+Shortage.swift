import Disk

extension MirrorEvent {
    /// Not every directory could be watched; says what would help.
    static func unwatched(_ shortage: Watcher.Shortage) -> MirrorEvent {
        let directories = shortage.unwatched == 1 ? "1 directory has" : "\(shortage.unwatched) directories have"
        // Other programs of this user watch as well.
        let enough = max(2 * shortage.needed, 2 * shortage.allowed)
        return .unwatched(
            reason: "\(directories) no watch, since this folder needs \(shortage.needed) and a user may have "
                + "\(shortage.allowed) in all; "
                + "sudo sysctl fs.inotify.max_user_watches=\(enough) allows more")
    }
}
