import Tree

/// Content of accepted entries that the hub's disk lacks, by path and by file: several paths may wait for one file.
struct AbsentContent {
    private var contents: [RelativePath: MissingContent] = [:]
    private var paths: [Digest: Set<RelativePath>] = [:]

    var all: some Collection<MissingContent> { contents.values }
    var files: [Digest] { Array(paths.keys) }

    /// What is lacking of `file`, in the order of the paths.
    func of(_ file: Digest) -> [MissingContent] {
        paths[file, default: []].sorted().compactMap { contents[$0] }
    }

    /// In the place of what was lacking at its path.
    mutating func add(_ content: MissingContent) {
        remove(content.path)
        contents[content.path] = content
        paths[content.file, default: []].insert(content.path)
    }

    /// - Returns: Whether something was lacking there.
    @discardableResult
    mutating func remove(_ path: RelativePath) -> Bool {
        guard !contents.isEmpty, let content = contents.removeValue(forKey: path) else { return false }
        paths[content.file]?.remove(path)
        if paths[content.file]?.isEmpty == true { paths[content.file] = nil }
        return true
    }
}
