import NIOHTTP1
import Replica
import Tree

/// What must be at a path for a change to be made to it.
struct Precondition: Hashable, Sendable {
    private var ifMatch: EntityTags?
    private var ifNoneMatch: EntityTags?
    private var ifRevision: Revision?

    /// Reads If-Match, If-None-Match and X-Nosocks-If-Revision, or `if-revision` of the query.
    init(_ headers: HTTPHeaders, _ query: Query) throws(HTTPFailure) {
        ifMatch = EntityTags(headers["if-match"])
        ifNoneMatch = EntityTags(headers["if-none-match"])
        guard let text = headers["x-nosocks-if-revision"].first ?? query.text("if-revision") else { return }
        guard let number = UInt64(text) else {
            throw HTTPFailure(.badRequest, "A revision is a number; 0 where nothing was there before.")
        }
        ifRevision = Revision(rawValue: number)
    }

    func holds(for version: Version) -> Bool {
        let digest = version.entry.file?.digest
        // A directory or symlink has no tag, and is there all the same.
        if let ifMatch, !(ifMatch == .any ? version.entry.isLive : ifMatch.match(digest)) { return false }
        if let ifNoneMatch, ifNoneMatch == .any ? version.entry.isLive : ifNoneMatch.match(digest) { return false }
        guard let ifRevision, ifRevision != version.revision else { return true }
        // What was deleted is nothing as well.
        return ifRevision == .zero && !version.entry.isLive
    }
}
