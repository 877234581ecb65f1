package import NIOCore
import NIOPosix

/// The one thread on which a replica's disk and index are worked on.
///
/// It is an event loop for the sake of its queue and its timers, and serves no socket: connections have event loops of
/// their own, which no disk can hold up.
package struct ReplicaThread: Sendable {
    private let group: MultiThreadedEventLoopGroup
    package let loop: any EventLoop

    package init() {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
    }

    /// Ends the thread, once what is queued has run.
    package func end() {
        group.shutdownGracefully { _ in }
    }
}
