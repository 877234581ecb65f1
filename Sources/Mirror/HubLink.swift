import NIOCore
import Replica
import Sync
import Tree

/// Passes on what the connection to the hub tells.
struct HubLink: SessionOwner {
    let peer: PeerService
    let number: UInt64

    func opened(_ session: Session) {
        peer.opened(number, session)
    }

    func foresee(_ message: Message<ByteBuffer>) -> StagingAhead.Batch? {
        peer.stagingAhead.begin(message.arrivals)
    }

    func received(_ session: Session) {
        peer.event(number) { (machine) throws(StoreFailure) in
            try session.takeArrived { (messages) throws(StoreFailure) in try machine.received(messages) }
        }
    }

    func writable(_ isWritable: Bool) {}

    func supplied(next piece: UInt64) {
        peer.event(number) { (machine) throws(StoreFailure) in try machine.supplied(next: piece) }
    }

    func closed(_ reason: String) {
        peer.closed(number, reason)
    }
}
