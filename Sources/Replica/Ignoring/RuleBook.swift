import Disk
import Ignore
internal import Synchronization
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What is not mirrored of a folder: the rules that stand in its rule files, as far as they are known.
///
/// They are read where somebody is about to look: a walk reads those of a directory before it goes through its names,
/// and until a walk has been everywhere, those above a path are read before that is judged. Whose reading changes
/// something that was judged before leaves a note of where (``takeChanged()``).
final class RuleBook: Exclusion {
    private struct State {
        var rules: RuleTree
        /// Directories whose rules were read, or known to be none; nil once that is every one there is.
        var known: Set<RelativePath?>? = []
        /// Directories that went with their rules: what was in them was ignored by those, or was not.
        var gone: Set<RelativePath?> = []
        var changed = ChangedRules()
        /// The directory that was asked about last.
        var last: (directory: RelativePath?, scope: RuleScope)?
    }

    private let root: Root
    private let state: Mutex<State>
    /// Whether nothing is ignored and everything is known.
    private let isIdle = Atomic(false)

    init(_ root: Root, command: [[UInt8]]) {
        self.root = root
        state = Mutex(State(rules: RuleTree(command: RuleFile(patterns: command))))
    }

    // MARK: Judging

    func excludes(_ path: RelativePath, isDirectory: Bool) -> Bool {
        if isIdle.load(ordering: .relaxed) { return false }
        let directory = path.parent
        learn(downTo: directory)
        return state.withLock { state in
            guard !state.rules.isEmpty else { return false }
            if let last = state.last, last.directory == directory {
                return last.scope.ignores(path, isDirectory: isDirectory)
            }
            let scope = state.rules.scope(of: directory)
            state.last = (directory, scope)
            return scope.ignores(path, isDirectory: isDirectory)
        }
    }

    /// The rule that decides about `path`, if any does.
    func match(_ path: RelativePath, isDirectory: Bool) -> RuleMatch? {
        learn(downTo: path.parent)
        return state.withLock { $0.rules.match(path, isDirectory: isDirectory) }
    }

    func filter(in directory: RelativePath?, holding names: [[UInt8]]) -> ExclusionFilter? {
        if RelativePath.ruleFileName.withUTF8Buffer({ name in names.contains { $0.elementsEqual(name) } }) {
            read(directory)
        } else if state.withLock({ state in
            state.known?.insert(directory)
            return state.gone.contains(directory)
        }) {
            // Another directory has the name now.
            read(directory)
        }
        if isIdle.load(ordering: .relaxed) { return nil }
        learn(downTo: directory)
        let scope = state.withLock { $0.rules.isEmpty ? nil : $0.rules.scope(of: directory) }
        guard let scope, !scope.isEmpty else { return nil }
        return { scope.ignores($0, isDirectory: $1) }
    }

    // MARK: Learning

    func completed(_ path: RelativePath) {
        if path.isRuleFile { read(path.parent) }
    }

    /// The replica itself put something at `path`, whole.
    func placed(_ path: RelativePath) {
        if path.isRuleFile { read(path.parent, isWhole: true) }
    }

    /// A walk has been everywhere.
    func knowsAll() {
        state.withLock { state in
            state.known = nil
            isIdle.store(state.rules.isEmpty, ordering: .relaxed)
        }
    }

    /// Where rules stand, inside of `part` (nil: anywhere) and in it.
    func directories(inside part: RelativePath?) -> [RelativePath?] {
        if isIdle.load(ordering: .relaxed) { return [] }
        return state.withLock { state in
            state.rules.directories.filter { directory in
                guard let part else { return true }
                return directory.map { $0 == part || $0.isInside(part) } ?? false
            }
        }
    }

    /// What changed since the last call.
    func takeChanged() -> ChangedRules {
        state.withLock { state in
            defer { state.changed = ChangedRules() }
            return state.changed
        }
    }

    /// These patterns of the command's count from now on.
    func use(command: [[UInt8]]) {
        let now = RuleFile(patterns: command)
        state.withLock { state in
            guard now != state.rules.command else { return }
            state.rules.command = now
            state.last = nil
            state.changed.directories.insert(nil)
            isIdle.store(state.known == nil && state.rules.isEmpty, ordering: .relaxed)
        }
    }

    private func learn(downTo directory: RelativePath?) {
        let missing = state.withLock { state -> [RelativePath?] in
            guard let known = state.known, !known.contains(directory) else { return [] }
            let above = [nil] + (directory.map { $0.ancestors + [$0] } ?? [])
            return above.filter { !known.contains($0) }
        }
        for directory in missing { read(directory) }
    }

    /// Reads the rules of a directory. Where they can't be read, those that were known stay in force; and where none
    /// were, nothing beside the file is mirrored until somebody knows what may be.
    ///
    /// - Parameter isWhole: whether that is known, whoever may still hold the file open.
    func read(_ directory: RelativePath?, isWhole: Bool = false) {
        guard let path = try? RelativePath.child(Self.name, of: directory) else { return }
        let reading = RuleReading.read(path, in: root)
        state.withLock { state in
            let isNew = state.known?.insert(directory).inserted ?? false
            let before = state.rules[directory]
            let now: RuleFile
            state.gone.remove(directory)
            switch reading {
            case .rules(let file): now = file
            case .gone:
                if !before.rules.isEmpty { state.gone.insert(directory) }
                return
            case .beingWritten(let file): now = isWhole || before.rules.isEmpty ? file : before
            case .outOfReach:
                state.known?.remove(directory)
                return
            case .unreadable(let problem):
                now = before.rules.isEmpty ? Self.everything : before
                state.changed.problems.append((path, problem))
            }
            guard now != before else { return }
            state.rules[directory] = now
            state.last = nil
            isIdle.store(state.known == nil && state.rules.isEmpty, ordering: .relaxed)
            // Nothing was judged in there before.
            if !isNew { state.changed.directories.insert(directory) }
        }
    }

    private static let name = Array("\(RelativePath.ruleFileName)".utf8)
    private static let everything = RuleFile(patterns: [Array("*".utf8)])
}

/// What became of rules since somebody asked last.
package struct ChangedRules: Sendable {
    /// Where they are others than those that something was judged by.
    package var directories: Set<RelativePath?> = []
    /// Rule files that can't be read.
    package var problems: [(path: RelativePath, problem: Problem)] = []
}

/// What a look at a rule file gave.
enum RuleReading {
    case rules(RuleFile)
    /// Somebody writes to it and is not done: this is what there is so far.
    case beingWritten(RuleFile)
    case unreadable(Problem)
    /// Its directory is no more.
    case gone
    /// Nothing in its directory can be looked at.
    case outOfReach

    /// The largest that is read, in bytes.
    static let limit = 1 << 20

    static func read(_ path: RelativePath, in root: Root) -> RuleReading {
        do throws(DiskError) {
            let file = try root.openFile(path)
            let status = try file.status()
            // As for git, nothing else has rules in it; a symlink could not be opened.
            guard status.kind == .file else { return .rules(.empty) }
            guard status.size <= limit else { throw DiskError("read", path: path, code: EFBIG) }
            let isBeingWritten = file.hasNoWriter == false
            let contents = RuleFile(contents: try file.read(limit, at: 0))
            return isBeingWritten ? .beingWritten(contents) : .rules(contents)
        } catch {
            guard !error.isMissing else { return (try? root.place(of: path)) == nil ? .gone : .rules(.empty) }
            guard (try? root.status(of: path)) != nil else { return .outOfReach }
            return .unreadable(Problem(.rulesUnknown, operation: error.operation, code: error.code))
        }
    }
}
