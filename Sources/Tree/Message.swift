/// What hubs and peers say to each other. `Content` is however the holder keeps bytes.
package enum Message<Content> {
    /// Peer to hub, first: who it is and how far it got.
    case hello(Hello)
    /// Hub to peer, first: whose history this is and where the feed begins for this peer.
    case welcome(Welcome)
    /// Hub to peer: the feed from where it was up to `through`; in a snapshot and live alike. What is left out of it was
    /// superseded by `newest` at the latest: `through` itself, or a revision that comes later in the feed.
    case changes([Delivery<Content>], through: Revision, newest: Revision)
    /// Hub to peer: the feed was read to its head, which was here.
    case caughtUp(Revision)
    /// Peer to hub: local changes, in an order in which they can be accepted.
    case submit([Offer<Content>])
    /// Hub to peer: what became of submissions.
    case settled([Settlement])
    /// Either way: content of a file that the sender could not find.
    case want(Want)
    /// Either way: the answer; or, unasked, that what was wanted in vain is here now.
    case chunks(Supply<Content>)
    /// Peer to hub: everything through this revision is in the tree here, as far as it can be. What the peer durably knows
    /// may be further on: content may still be on its way.
    case applied(Revision, known: Revision)
    /// Peer to hub: it wants to know when all peers that are connected have applied everything through this revision. Hub
    /// to peer: they have.
    case everywhere(Revision)
    /// Either way: a file whose content was this is being read, and the version that comes of it will be much like it; or nil,
    /// that is over. Nothing follows from it: whoever hears it may begin to copy what is likely to stay.
    case upcoming(Digest?)
    /// Either way, last: why the session ends.
    case goodbye(Goodbye)
}

extension Message: Sendable where Content: Sendable {}

package struct Hello: Hashable, Sendable {
    /// The oldest and newest version of the protocol that the peer speaks.
    package var versions: ClosedRange<UInt16>
    /// The replica's random id, the same through its life.
    package var replica: UInt64
    /// How others see the peer. 1 to 64 bytes.
    package var name: String
    package var cursor: Cursor

    package init(versions: ClosedRange<UInt16>, replica: UInt64, name: String, cursor: Cursor) {
        self.versions = versions
        self.replica = replica
        self.name = name
        self.cursor = cursor
    }
}

package struct Welcome: Hashable, Sendable {
    /// The version that both speak from here on.
    package var version: UInt16
    package var epoch: Epoch
    /// The feed will come from here: the peer's own cursor, or 0 if that is of another order.
    package var from: Revision
    /// The hub's newest revision now.
    package var head: Revision
    /// The hub's replica id: a hub never joins itself.
    package var replica: UInt64
    package var name: String
    /// Whether the peer's submissions would all be refused.
    package var isReadOnly: Bool
    /// The term of `head`.
    package var term: Term
    /// The term of all that comes after `head` in this session.
    package var nextTerm: Term
    /// Whether all that the peer knows is of this order. If not, it forgets that, and merges.
    package var continues: Bool

    package init(
        version: UInt16, epoch: Epoch, from: Revision, head: Revision, replica: UInt64, name: String, isReadOnly: Bool,
        term: Term, nextTerm: Term, continues: Bool
    ) {
        self.version = version
        self.epoch = epoch
        self.from = from
        self.head = head
        self.replica = replica
        self.name = name
        self.isReadOnly = isReadOnly
        self.term = term
        self.nextTerm = nextTerm
        self.continues = continues
    }

    /// The newest of the order that a peer knows of which has heard of `revision`. Of what was there before it came it
    /// is not told the terms one by one: whoever continues the order has the head as well.
    package func mark(covering revision: Revision) -> Mark {
        revision > head ? Mark(revision: revision, term: nextTerm) : Mark(revision: head, term: term)
    }
}

/// A change, with what of its content travels along.
package struct Delivery<Content> {
    package var change: Change
    package var attachment: Attachment<Content>

    package init(change: Change, attachment: Attachment<Content>) {
        self.change = change
        self.attachment = attachment
    }
}

extension Delivery: Sendable where Content: Sendable {}

package enum Attachment<Content> {
    case none
    /// The whole content of a one-chunk file.
    case content(Content)
    /// The chunk list of a larger one (``ChunkList/encoded()``).
    case list(Content)
    /// What that list has which the list of another file has not (``ChunkListDifference``). Whoever lacks the other one
    /// asks for the list.
    case difference(Content, from: Digest)
}

extension Attachment: Sendable where Content: Sendable {}

/// A submission on its way.
package struct Offer<Content> {
    /// Counts up within a session; the verdict names it. What does not count up came before, and is passed over.
    package var number: UInt64
    package var submission: Submission
    package var attachment: Attachment<Content>
    /// Only asks whether this very submission was accepted earlier, and never has it accepted now.
    package var isInquiry: Bool

    package init(number: UInt64, submission: Submission, attachment: Attachment<Content>, isInquiry: Bool) {
        self.number = number
        self.submission = submission
        self.attachment = attachment
        self.isInquiry = isInquiry
    }
}

extension Offer: Sendable where Content: Sendable {}

package struct Settlement: Hashable, Sendable {
    package var number: UInt64
    package var verdict: Verdict

    package init(number: UInt64, verdict: Verdict) {
        self.number = number
        self.verdict = verdict
    }
}

package struct Want: Hashable, Sendable {
    /// The digest of the file that the content belongs to.
    package var file: Digest
    /// Whether the chunk list is wanted.
    package var list: Bool
    package var chunks: [Digest]
    /// Whether a chunk of the file came that was another one: then none is sent that was not compared with its digest.
    package var isDoubted: Bool

    package init(file: Digest, list: Bool, chunks: [Digest], isDoubted: Bool = false) {
        self.file = file
        self.list = list
        self.chunks = chunks
        self.isDoubted = isDoubted
    }
}

package struct Supply<Content> {
    package var file: Digest
    /// The chunk list, where it was wanted and is known.
    package var list: Content?
    package var chunks: [(digest: Digest, content: Content)]
    /// What was wanted and is not here (any more).
    package var unavailable: [Digest]
    /// Whether the list was wanted and is not here.
    package var listUnavailable: Bool
    /// Whether the chunks were compared with their digests, as who is in doubt wants it.
    package var isCompared: Bool

    /// What is said unasked: that a file is here by now which was wanted in vain before.
    package static func found(_ file: Digest) -> Supply {
        Supply(file: file, list: nil, chunks: [], unavailable: [], listUnavailable: false)
    }

    /// Whether it is nothing but ``found(_:)``.
    package var isFound: Bool { list == nil && chunks.isEmpty && !isInVain }

    /// Whether something was wanted that is not here.
    package var isInVain: Bool { !unavailable.isEmpty || listUnavailable }

    package init(
        file: Digest, list: Content?, chunks: [(digest: Digest, content: Content)], unavailable: [Digest],
        listUnavailable: Bool, isCompared: Bool = false
    ) {
        self.file = file
        self.list = list
        self.chunks = chunks
        self.unavailable = unavailable
        self.listUnavailable = listUnavailable
        self.isCompared = isCompared
    }
}

extension Supply: Sendable where Content: Sendable {}

package struct Goodbye: Hashable, Sendable {
    package enum Reason: UInt8, Hashable, Sendable {
        case ended = 0
        /// No version of the protocol that both speak.
        case version = 1
        /// The other side broke the protocol.
        case violation = 2
        /// Two replicas that must not follow each other: a hub and itself.
        case sameReplica = 3
        case failed = 4
        case tooManyPeers = 5
        /// The token by which the peer came in is not valid any more.
        case revoked = 6
        /// Another replica has the same id, and has connected later: a copy of this one, state folder and all.
        case copied = 7
    }

    package var reason: Reason
    /// In words for a person; at most 200 bytes.
    package var text: String

    package init(reason: Reason, text: String) {
        self.reason = reason
        self.text = text
    }
}
