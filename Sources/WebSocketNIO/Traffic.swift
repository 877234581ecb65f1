package import Synchronization

/// Counts what connections carry, in bytes since it was made. Read from any thread.
package final class Traffic: Sendable {
    /// Frames, as they are on the wire but for TLS.
    package let wireSent = Atomic<UInt64>(0)
    package let wireReceived = Atomic<UInt64>(0)
    /// The messages in them, as they are before compression and after inflating.
    package let messagesSent = Atomic<UInt64>(0)
    package let messagesReceived = Atomic<UInt64>(0)

    package init() {}
}
