import NIOCore
import Replica
import Sync
import Tree

/// What a session did.
enum SessionEvent: Sendable {
    case opened(HubPeer, Session)
    /// There is something in ``Session/arrived``.
    case received(SessionID, Session)
    case writable(SessionID, Bool)
    /// Content has left for the socket; the next message should have so many bytes of it.
    case supplied(SessionID, UInt64)
    case closed(SessionID)
    /// None did: there is more to send to them.
    case resumed
}

/// Passes on what one peer's connection tells.
final class HubPeer: SessionOwner {
    let hub: HubService
    let id: SessionID
    let address: String
    let admission: Gatekeeper.Admission

    init(hub: HubService, id: SessionID, address: String, admission: Gatekeeper.Admission) {
        self.hub = hub
        self.id = id
        self.address = address
        self.admission = admission
    }

    func opened(_ session: Session) {
        hub.opened(self, session)
    }

    func foresee(_ message: Message<ByteBuffer>) -> StagingAhead.Batch? {
        admission.isReadOnly ? nil : hub.stagingAhead.begin(message.arrivals)
    }

    func received(_ session: Session) {
        hub.tell(.received(id, session))
    }

    func writable(_ isWritable: Bool) {
        hub.tell(.writable(id, isWritable))
    }

    func supplied(next piece: UInt64) {
        hub.tell(.supplied(id, piece))
    }

    func closed(_ reason: String) {
        hub.closed(id)
    }
}
