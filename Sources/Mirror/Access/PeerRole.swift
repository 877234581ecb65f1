/// What whoever holds a token may do.
package enum PeerRole: String, Hashable, Sendable, CaseIterable {
    /// Follow the hub's folder; nothing that is sent changes anything.
    case read
    /// Change it as well.
    case write
}
