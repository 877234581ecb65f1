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
}
