/// Which changes a peer exchanges with its hub.
package enum Direction: Hashable, Sendable {
    case both
    /// The hub's alone: what is edited here stays here, and steps aside as a conflict copy when the hub has a newer version.
    case receiveOnly
    /// This peer's alone: nothing on this disk changes. What both sides changed is a problem, and stays as it is on both.
    case sendOnly
}
