package import Tree

/// What brings one path to agreement.
package enum Reconciliation: Hashable, Sendable {
    /// The three agree.
    case nothing
    /// The disk already holds what the hub has: its revision becomes the base.
    case adopt
    /// The hub's entry goes onto the disk.
    case apply
    /// The content is the same; the hub's mode and mtime go onto the disk.
    case applyMetadata
    /// The disk's entry is offered to the hub on top of the base.
    case submit
    /// The disk's entry stays, although the hub has a newer one, and is offered on top of that.
    case keep
    /// The disk's entry becomes a conflict copy, and the hub's takes the path.
    case setLocalAside
    /// The disk's directory stays, and the hub's file or symlink becomes a conflict copy.
    case setRemoteAside
}

extension Reconciliation {
    /// The three-way table: what to do about a path where the hub says `remote`, the disk says `local`, and both last
    /// agreed on `base`. A tombstone stands for nothing.
    ///
    /// | remote vs base | local vs base | outcome |
    /// |---|---|---|
    /// | same | same | nothing |
    /// | changed | same | apply |
    /// | same | changed | submit |
    /// | changed | the same change | adopt |
    /// | changed | deleted | apply: an edit beats a delete |
    /// | deleted | changed | keep: an edit beats a delete |
    /// | mode or mtime only | content | keep |
    /// | content | mode or mtime only | apply |
    /// | changed | a directory | the hub's file steps aside: a directory keeps its name |
    /// | changed | other content | the local file steps aside |
    ///
    /// Whether something changed is a question of entries, not of revisions: what was changed and changed back is the
    /// same. A base that says nothing any more, as where both sides lost the entry and one has it anew, is given as a
    /// tombstone.
    package init(remote: Entry, base: Entry, local: Entry) {
        switch (remote != base, local != base) {
        case (false, false): self = .nothing
        case (true, false): self = remote.hasSameContent(as: local) ? .applyMetadata : .apply
        case (false, true): self = .submit
        case (true, true): self = Self.bothChanged(remote: remote, base: base, local: local)
        }
    }

    private static func bothChanged(remote: Entry, base: Entry, local: Entry) -> Reconciliation {
        if local == remote { return .adopt }
        if remote.isTombstone { return .keep }
        if local.isTombstone { return .apply }
        if local.hasSameContent(as: remote) {
            // Mode and mtime differ. Where the hub's are still those of the base, ours are the later ones.
            return remote.hasSameMetadata(as: base) ? .keep : .applyMetadata
        }
        if remote.hasSameContent(as: base) { return .keep }
        if local.hasSameContent(as: base) { return .apply }
        return local.isDirectory ? .setRemoteAside : .setLocalAside
    }
}

extension Reconciliation {
    /// Whether it changes this disk.
    var isOfHub: Bool {
        switch self {
        case .apply, .applyMetadata, .setLocalAside, .setRemoteAside: true
        case .nothing, .adopt, .submit, .keep: false
        }
    }

    /// Whether both sides have work that the other lacks.
    var isConflict: Bool { self == .setLocalAside || self == .setRemoteAside }
}

extension Entry {
    fileprivate func hasSameMetadata(as other: Entry) -> Bool {
        switch (self, other) {
        case (.file(let left), .file(let right)): left.mode == right.mode && left.mtime == right.mtime
        case (.directory(let left), .directory(let right)): left.mode == right.mode
        default: false
        }
    }
}
