/// A path below a replica's root: validated bytes between slashes, not necessarily UTF-8.
///
/// A value of this type is never empty, absolute, longer than ``maximumLength`` bytes, and no component of it is empty,
/// `.`, `..`, longer than ``maximumComponentLength`` bytes, holds a NUL, or is the reserved name ``stateName``. So it
/// can be opened below a root without a further look at its spelling. Two paths are equal when their bytes are:
/// no Unicode normalisation takes place.
package struct RelativePath: Sendable {
    /// The path's bytes, as the disk and the wire have them.
    package let bytes: [UInt8]

    /// The most bytes that a path may have (Linux `PATH_MAX` less the NUL).
    package static let maximumLength = 4095
    /// The most bytes that one component may have (Linux `NAME_MAX`).
    package static let maximumComponentLength = 255
    /// The name of a replica's private state folder; it never travels.
    package static let stateName: StaticString = ".nosocks"
    /// The name of files that say what is not mirrored; they are mirrored themselves.
    package static let ruleFileName: StaticString = ".nosocksignore"

    /// Checks `bytes` and takes them as they are: a path is refused, never mended.
    package init(_ bytes: [UInt8]) throws(PathError) {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.maximumLength else { throw .tooLong(bytes.count) }
        guard bytes[0] != Self.slash else { throw .absolute }
        try bytes.withUnsafeBufferPointer { (bytes) throws(PathError) in
            var start = 0
            for end in 0...bytes.count where end == bytes.count || bytes[end] == Self.slash {
                try Self.check(component: UnsafeBufferPointer(rebasing: bytes[start..<end]))
                start = end + 1
            }
        }
        self.bytes = bytes
    }

    /// Checks a path written in source or typed by a person.
    package init(_ string: String) throws(PathError) {
        try self.init(Array(string.utf8))
    }

    private init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }

    private static let slash = UInt8(ascii: "/")

    private static func check(component: UnsafeBufferPointer<UInt8>) throws(PathError) {
        guard !component.isEmpty else { throw .emptyComponent }
        guard component.count <= maximumComponentLength else { throw .componentTooLong(component.count) }
        let dot = UInt8(ascii: ".")
        if component.first == dot {
            if component.count == 1 || (component.count == 2 && component.last == dot) { throw .dotComponent }
            let isReserved = stateName.withUTF8Buffer { component.elementsEqual($0) }
            if isReserved { throw .reserved }
        }
        guard !component.contains(0) else { throw .containsNUL }
    }

    /// The path of `name` inside this directory.
    package func appending(_ name: some Collection<UInt8>) throws(PathError) -> RelativePath {
        // Once per name that a walk meets: on an array the loops are not generic.
        let name = Array(name)
        guard !name.contains(Self.slash) else { throw .emptyComponent }
        try name.withUnsafeBufferPointer { (name) throws(PathError) in try Self.check(component: name) }
        var joined = [UInt8]()
        joined.reserveCapacity(bytes.count + 1 + name.count)
        joined.append(contentsOf: bytes)
        joined.append(Self.slash)
        joined.append(contentsOf: name)
        guard joined.count <= Self.maximumLength else { throw .tooLong(joined.count) }
        return RelativePath(unchecked: joined)
    }

    /// The path of `name` inside `directory`, where nil is the root itself.
    package static func child(_ name: some Collection<UInt8>, of directory: RelativePath?) throws(PathError)
        -> RelativePath
    {
        guard let directory else {
            guard !name.contains(slash) else { throw .emptyComponent }
            return try RelativePath(Array(name))
        }
        return try directory.appending(name)
    }

    /// The directory that holds this path, or nil where that is the root.
    package var parent: RelativePath? {
        guard let cut = bytes.lastIndex(of: Self.slash) else { return nil }
        return RelativePath(unchecked: Array(bytes[..<cut]))
    }

    /// The last component.
    package var name: ArraySlice<UInt8> {
        guard let cut = bytes.lastIndex(of: Self.slash) else { return bytes[...] }
        return bytes[(cut + 1)...]
    }

    /// Whether this is where rules about what is not mirrored stand.
    package var isRuleFile: Bool {
        let name = name
        return Self.ruleFileName.withUTF8Buffer { name.elementsEqual($0) }
    }

    /// The directories above this path, from the top down, without the root and without the path itself.
    package var ancestors: [RelativePath] {
        var found: [RelativePath] = []
        for (index, byte) in bytes.enumerated() where byte == Self.slash {
            found.append(RelativePath(unchecked: Array(bytes[..<index])))
        }
        return found
    }

    /// How many directories lie above this path, the root not counted.
    package var depth: Int {
        bytes.count { $0 == Self.slash }
    }

    /// Whether this path lies strictly inside `directory`.
    package func isInside(_ directory: RelativePath) -> Bool {
        bytes.count > directory.bytes.count + 1 && bytes[directory.bytes.count] == Self.slash
            && bytes.starts(with: directory.bytes)
    }
}

extension RelativePath: Hashable {
    package static func == (left: RelativePath, right: RelativePath) -> Bool {
        left.bytes == right.bytes
    }

    package func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension RelativePath: Comparable {
    /// Order of bytes. A directory comes before everything inside it.
    package static func < (left: RelativePath, right: RelativePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension RelativePath: CustomStringConvertible {
    /// The path as a person reads it: bytes that are not UTF-8 and control characters are shown as `\xNN`.
    package var description: String {
        Self.printable(bytes)
    }

    /// Makes any bytes fit to be shown on a terminal: what is not printable UTF-8 becomes `\xNN`.
    package static func printable(_ bytes: some Sequence<UInt8>) -> String {
        let hex = Array("0123456789abcdef".unicodeScalars)
        var shown = String.UnicodeScalarView()
        func escape(_ byte: UInt8) {
            shown.append("\\")
            shown.append("x")
            shown.append(hex[Int(byte >> 4)])
            shown.append(hex[Int(byte & 15)])
        }
        let bytes = Array(bytes)
        var position = 0
        var decoder = UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        decoding: while true {
            switch decoder.parseScalar(from: &iterator) {
            case .valid(let encoded):
                let scalar = UTF8.decode(encoded)
                if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
                    encoded.forEach(escape)
                } else {
                    shown.append(scalar)
                }
                position += encoded.count
            case .error(let length):
                // The parser says how many bytes were bad, not which.
                bytes[position..<(position + length)].forEach(escape)
                position += length
            case .emptyInput:
                break decoding
            }
        }
        return String(shown)
    }

    /// The path as text where its bytes are UTF-8, else nil.
    package var utf8: String? {
        String(validating: bytes, as: UTF8.self)
    }
}

/// Why bytes are not a path.
package enum PathError: Error, Hashable, Sendable {
    case empty
    case absolute
    case emptyComponent
    case dotComponent
    case containsNUL
    case reserved
    case tooLong(Int)
    case componentTooLong(Int)
}

extension PathError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty: "a path is empty"
        case .absolute: "a path is absolute"
        case .emptyComponent: "a path has an empty component"
        case .dotComponent: "a path has a component . or .."
        case .containsNUL: "a path holds a NUL byte"
        case .reserved: "a path holds the reserved name \(RelativePath.stateName)"
        case .tooLong(let count): "a path has \(count) bytes, more than \(RelativePath.maximumLength)"
        case .componentTooLong(let count):
            "a name has \(count) bytes, more than \(RelativePath.maximumComponentLength)"
        }
    }
}
