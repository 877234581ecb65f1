import Tree

/// The large file that is being read, of which others are told that another version of it is coming.
struct Readings {
    private var current: (path: RelativePath, base: Digest, isTold: Bool)?
    /// Of these nothing came the last time: they change all the time, or were only touched.
    private var vain: Set<RelativePath> = []

    /// - Parameter base: What the file was before.
    /// - Returns: Whether others should know.
    mutating func began(_ path: RelativePath, base: Digest) -> Bool {
        let isTold = !vain.contains(path)
        current = (path, base, isTold)
        return isTold
    }

    /// These were looked at.
    ///
    /// - Parameter content: What is known to be at a path now.
    /// - Returns: Whether others who were told should know that it is over.
    mutating func looked<Failure: Error>(
        at dirty: [Dirty], content: (RelativePath) throws(Failure) -> Digest?
    ) throws(Failure) -> Bool {
        guard let (path, base, isTold) = current, dirty.contains(where: { $0.path == path }) else { return false }
        current = nil
        if try content(path) == base { vain.insert(path) } else { vain.remove(path) }
        return isTold
    }
}
