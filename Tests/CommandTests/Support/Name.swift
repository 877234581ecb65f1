import Tree

/// A file's name, or several with slashes between them, as the bytes that the disk has. Empty for a folder itself.
struct Name: Hashable, Sendable {
    var bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func appending(_ name: Name) -> Name {
        if bytes.isEmpty { return name }
        return name.bytes.isEmpty ? self : Name(bytes + [UInt8(ascii: "/")] + name.bytes)
    }
}

extension Name: ExpressibleByStringInterpolation {
    init(stringLiteral text: String) {
        bytes = Array(text.utf8)
    }
}

extension Name: Comparable {
    static func < (left: Name, right: Name) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension Name: CustomStringConvertible {
    var description: String { RelativePath.printable(bytes) }
}
