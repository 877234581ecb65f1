/// How much memory one connection's incoming messages may take. A frame or message over a limit fails the connection
/// with close code 1009. There is no limit on counts: a message may have any number of fragments.
package struct Limits: Hashable, Sendable {
    /// Bytes of one frame's payload, as it travels.
    package var maxFrameSize: Int
    /// Bytes of one whole message, after inflating.
    package var maxMessageSize: Int

    package init(maxFrameSize: Int = 32 << 20, maxMessageSize: Int = 32 << 20) {
        self.maxFrameSize = maxFrameSize
        self.maxMessageSize = maxMessageSize
    }
}
