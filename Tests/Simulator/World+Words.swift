import Sync
import Tree

/// What happens, in words.
extension World {
    func describe(_ entry: Entry?) -> String {
        switch entry {
        case .file(let file)?:
            "file \(file.digest.hex(8)) of mode \(String(file.mode.rawValue, radix: 8)) and time \(file.mtime.seconds)"
        case .directory(let directory)?: "directory of mode \(String(directory.mode.rawValue, radix: 8))"
        case .symlink(let symlink)?: "symlink to \(RelativePath.printable(symlink.target))"
        case .tombstone?, nil: "nothing"
        }
    }

    func describe(_ notice: Notice) -> String {
        switch notice {
        case .applied(let change, _): "applied \(change.path)@\(change.revision), \(describe(change.entry))"
        case .sent(let change, _): "sent \(change.path)@\(change.revision), \(describe(change.entry))"
        case .conflict(let path, let copy): "conflict at \(path), kept as \(copy)"
        case .held(let held): "held \(held.count) deletions of \(held.author ?? "this replica")"
        case .problem(let path, let problem): "problem at \(path): \(problem.reason), \(problem.operation)"
        }
    }

    func describe(_ message: Message<[UInt8]>) -> String {
        switch message {
        case .hello(let hello): "hello \(hello.cursor)"
        case .welcome(let welcome): "welcome to \(welcome.epoch) from \(welcome.from)"
        case .changes(let deliveries, let through, let newest):
            "changes \(deliveries.map { "\($0.change.path)@\($0.change.revision)" }) through \(through) of \(newest)"
        case .caughtUp(let revision): "caughtUp \(revision)"
        case .submit(let offers): "submit \(offers.map(describe))"
        case .settled(let settlements): "settled \(settlements.map { "\($0.number):\($0.verdict)" })"
        case .want(let want): "want \(want.file) \(want.list) \(want.chunks.count)"
        case .chunks(let supply) where supply.isFound: "found \(supply.file)"
        case .chunks(let supply): "chunks \(supply.file) \(supply.chunks.count) -\(supply.unavailable.count)"
        case .everywhere(let revision): "everywhere \(revision)"
        case .applied(let revision, let known): "applied \(revision) of \(known)"
        case .upcoming(let base): "upcoming \(base.map { "\($0)" } ?? "-")"
        case .goodbye(let goodbye): "goodbye \(goodbye.text)"
        }
    }

    private func describe(_ offer: Offer<[UInt8]>) -> String {
        let submission = offer.submission
        let what = submission.entry.isTombstone ? "-" : ""
        return "\(offer.number):\(what)\(submission.path)^\(submission.base)\(offer.isInquiry ? "?" : "")"
    }
}
