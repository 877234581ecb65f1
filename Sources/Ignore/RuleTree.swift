package import Tree

/// All the rules of a folder: rule files in any of its directories, and patterns that were given with the command.
///
/// What decides is, as in git: the command's patterns first, then the nearest rule file, then those above it; in each
/// the last pattern that matches. What is in an ignored directory is ignored, and no rule file can take that back.
package struct RuleTree: Hashable, Sendable {
    /// What was given with the command.
    package var command: RuleFile
    private var files: [RelativePath?: RuleFile] = [:]

    package init(command: RuleFile = .empty) {
        self.command = command
    }

    /// The rules that stand in `directory` (nil: the root); those of an empty file where there are none.
    package subscript(directory: RelativePath?) -> RuleFile {
        get { files[directory] ?? .empty }
        set { files[directory] = newValue.rules.isEmpty ? nil : newValue }
    }

    /// Whether nothing at all is ignored.
    package var isEmpty: Bool { files.isEmpty && command.rules.isEmpty }

    /// The directories that have rules.
    package var directories: some Collection<RelativePath?> { files.keys }

    /// What counts for the names in `directory`.
    package func scope(of directory: RelativePath?) -> RuleScope {
        var scope = RuleScope(root: self[nil], command: command)
        guard let directory else { return scope }
        for ancestor in directory.ancestors + [directory] { scope = scope.entering(ancestor, self[ancestor]) }
        return scope
    }

    /// The rule that decides about `path`, if any does.
    package func match(_ path: RelativePath, isDirectory: Bool) -> RuleMatch? {
        scope(of: path.parent).match(path, isDirectory: isDirectory)
    }
}

/// What counts for the names in one directory.
package struct RuleScope: Hashable, Sendable {
    /// Rule files from the nearest to the root's, with how many bytes of a path lead to each one's directory.
    private struct Source: Hashable, Sendable {
        let directory: RelativePath?
        let file: RuleFile

        /// What leads from this directory to `path`.
        func tail(of path: RelativePath) -> ArraySlice<UInt8> {
            guard let directory else { return path.bytes[...] }
            return path.bytes.dropFirst(directory.bytes.count + 1)
        }
    }

    private let command: RuleFile
    private var sources: [Source] = []
    /// The rule by which the directory itself is ignored, with all that is inside.
    private var ignored: RuleMatch?

    fileprivate init(root: RuleFile, command: RuleFile) {
        self.command = command
        if !root.rules.isEmpty { sources = [Source(directory: nil, file: root)] }
    }

    /// Whether nothing is ignored here.
    package var isEmpty: Bool { ignored == nil && sources.isEmpty && command.rules.isEmpty }
    /// Whether the directory is ignored itself.
    package var isIgnored: Bool { ignored != nil }

    /// What counts in `directory`, which lies in this one and has these rules.
    package func entering(_ directory: RelativePath, _ file: RuleFile) -> RuleScope {
        guard ignored == nil else { return self }
        var scope = self
        if let match = match(directory, isDirectory: true), match.isIgnoring {
            scope.ignored = match
        } else if !file.rules.isEmpty {
            scope.sources.insert(Source(directory: directory, file: file), at: 0)
        }
        return scope
    }

    /// The rule that decides about `path`, which lies in this directory.
    package func match(_ path: RelativePath, isDirectory: Bool) -> RuleMatch? {
        if let ignored { return ignored }
        // What is to be ignored must be known where it is.
        if path.isRuleFile, !isDirectory { return nil }
        let name = path.name
        if let rule = command.match(path.bytes[...], name: name, isDirectory: isDirectory) {
            return RuleMatch(source: .command, line: rule.line, pattern: rule.pattern)
        }
        for source in sources {
            if let rule = source.file.match(source.tail(of: path), name: name, isDirectory: isDirectory) {
                return RuleMatch(source: .file(in: source.directory), line: rule.line, pattern: rule.pattern)
            }
        }
        return nil
    }

    /// Whether `path`, which lies in this directory, is ignored.
    package func ignores(_ path: RelativePath, isDirectory: Bool) -> Bool {
        match(path, isDirectory: isDirectory)?.isIgnoring ?? false
    }
}

/// A rule that decides about a path, and where it stands.
package struct RuleMatch: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        /// Given with the command.
        case command
        /// The rule file in this directory (nil: the root).
        case file(in: RelativePath?)
    }

    package let source: Source
    /// From 1.
    package let line: Int
    package let pattern: IgnorePattern

    package var isIgnoring: Bool { !pattern.isNegated }
}
