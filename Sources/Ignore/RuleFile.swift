/// What a file of patterns says, one a line, as gitignore(5) has them. Any bytes are one.
package struct RuleFile: Hashable, Sendable {
    /// A pattern and the line it stands in, from 1.
    package struct Rule: Hashable, Sendable {
        package let line: Int
        package let pattern: IgnorePattern
    }

    package let rules: [Rule]

    package static let empty = RuleFile(patterns: [])

    /// Reads a file's content.
    package init(contents: some Collection<UInt8>) {
        var bytes = Array(contents)[...]
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
        var rules: [Rule] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard let text = Self.text(of: line) else { continue }
            rules.append(Rule(line: index + 1, pattern: IgnorePattern(text)))
        }
        self.rules = rules
    }

    /// Takes patterns as they are, without comments and with all their spaces: those of a command line.
    package init(patterns: [[UInt8]]) {
        rules = patterns.enumerated().map { Rule(line: $0.offset + 1, pattern: IgnorePattern($0.element)) }
    }

    /// The pattern in a line; nil where there is none.
    private static func text(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let first = line.first, first != UInt8(ascii: "#") else { return nil }
        // git takes lines for C strings.
        var text = line.prefix { $0 != 0 }
        if text.endIndex == line.endIndex, text.last == UInt8(ascii: "\r") { text.removeLast() }
        return withoutTrailingSpaces(text)
    }

    /// Spaces at the end do not count, unless a backslash stands before them.
    private static func withoutTrailingSpaces(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "\\") {
                index += 1
                // One at the very end keeps all there is.
                guard index < text.endIndex else { return text }
                end = index + 1
            } else if text[index] != UInt8(ascii: " ") {
                end = index + 1
            }
            index += 1
        }
        return text[..<end]
    }

    /// The last rule that means what is at `path`, counted from this file's directory.
    func match(_ path: ArraySlice<UInt8>, name: ArraySlice<UInt8>, isDirectory: Bool) -> Rule? {
        rules.last { $0.pattern.matches(path, name: name, isDirectory: isDirectory) }
    }
}
