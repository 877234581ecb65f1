/// One pattern of a rule file: a line of gitignore(5), compiled.
package struct IgnorePattern: Hashable, Sendable {
    /// The line as it counts: without trailing spaces and without its end.
    package let text: [UInt8]
    /// Whether it takes back what a pattern before it ignores: `!…`.
    package let isNegated: Bool
    /// Whether it means directories alone: `…/`.
    let isForDirectories: Bool
    private let matcher: Matcher

    private enum Matcher: Hashable, Sendable {
        case nothing
        /// A name without wildcards, at any depth.
        case name([UInt8])
        /// `*` and then no more wildcards: the end of a name, at any depth.
        case suffix([UInt8])
        /// A name with wildcards, at any depth.
        case nameGlob(Glob)
        /// A path without wildcards.
        case path([UInt8])
        /// A path of which so much has no wildcards, and the rest.
        case pathGlob(prefix: [UInt8], Glob)
    }

    private static let slash = UInt8(ascii: "/")

    /// Takes `text` for a pattern as it is; whatever it is, it is one, if only one that nothing matches.
    package init(_ text: some Collection<UInt8>) {
        self.text = Array(text)
        var pattern = self.text[...]
        isNegated = pattern.first == UInt8(ascii: "!")
        if isNegated { pattern.removeFirst() }
        isForDirectories = pattern.last == Self.slash
        let isSuffix = pattern.first == UInt8(ascii: "*") && !pattern.dropFirst().contains(where: Glob.isSpecial)
        if isForDirectories { pattern.removeLast() }
        if pattern.contains(Self.slash) {
            matcher = Self.path(pattern.first == Self.slash ? pattern.dropFirst() : pattern)
        } else if pattern.isEmpty {
            matcher = .nothing
        } else if !pattern.contains(where: Glob.isSpecial) {
            matcher = .name(Array(pattern))
        } else if isSuffix {
            matcher = .suffix(Array(pattern.dropFirst()))
        } else {
            matcher = Glob(pattern).map { .nameGlob($0) } ?? .nothing
        }
    }

    private static func path(_ pattern: ArraySlice<UInt8>) -> Matcher {
        let prefix = pattern.prefix { !Glob.isSpecial($0) }
        guard prefix.endIndex < pattern.endIndex else { return .path(Array(pattern)) }
        // The rest is a pattern of its own: as for git, `**` at its beginning is as good as after a slash.
        return Glob(pattern[prefix.endIndex...]).map { .pathGlob(prefix: Array(prefix), $0) } ?? .nothing
    }

    /// Whether it means what is at `path`, counted from the directory of the rule file, with this last component.
    func matches(_ path: ArraySlice<UInt8>, name: ArraySlice<UInt8>, isDirectory: Bool) -> Bool {
        guard isDirectory || !isForDirectories else { return false }
        return switch matcher {
        case .nothing: false
        case .name(let wanted): name.elementsEqual(wanted)
        case .suffix(let suffix): name.count >= suffix.count && name.suffix(suffix.count).elementsEqual(suffix)
        case .nameGlob(let glob): glob.matches(name)
        case .path(let wanted): path.elementsEqual(wanted)
        case .pathGlob(let prefix, let glob): path.starts(with: prefix) && glob.matches(path.dropFirst(prefix.count))
        }
    }
}
