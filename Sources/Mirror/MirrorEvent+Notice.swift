import Sync

extension MirrorEvent {
    init(_ notice: Notice) {
        self =
            switch notice {
            case .applied(let change, let was): .applied(change, was: was)
            case .sent(let change, let was): .sent(change, was: was)
            case .conflict(let path, let copy): .conflict(path: path, copy: copy)
            case .held(let deletions): .held(deletions)
            case .problem(let path, let problem): .problem(path, problem)
            }
    }

    /// What both say together. Nil where they are to be told one by one.
    init?(_ first: MirrorEvent, followedBy second: MirrorEvent) {
        switch (first, second) {
        case (.applied(let first, let before), .applied(let second, let was)):
            guard let move = Move((first, before), (second, was)) else { return nil }
            self = .appliedMove(move)
        case (.sent(let first, let before), .sent(let second, let was)):
            guard let move = Move((first, before), (second, was)) else { return nil }
            self = .sentMove(move)
        default: return nil
        }
    }
}
