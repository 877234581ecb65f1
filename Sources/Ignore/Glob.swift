/// A compiled wildcard pattern, which a whole text must match, with git's meaning of it (`wildmatch` with
/// `WM_PATHNAME`).
///
/// Matching takes time in proportion to the pattern's and the text's lengths multiplied at the worst, never more:
/// a pattern comes from another machine, perhaps.
struct Glob: Hashable, Sendable {
    private enum Step: Hashable, Sendable {
        case byte(UInt8)
        /// `?`
        case any
        /// `[…]`
        case set(ByteSet)
        /// `*`: anything without a slash.
        case star
        /// `**` at the end: anything.
        case deep
        /// `**/`: nothing, or anything that ends in a slash.
        case directories
    }

    private var steps: [Step] = []
    /// Fewer bytes than this cannot match.
    private var shortest = 0

    private static let slash = UInt8(ascii: "/")
    private static let backslash = UInt8(ascii: "\\")
    private static let asterisk = UInt8(ascii: "*")

    /// Whether `byte` means something else than itself in a pattern.
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte == asterisk || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[") || byte == backslash
    }

    /// Compiles `pattern`; nil where it is one that nothing matches, as one that ends inside of `[…]`.
    init?(_ pattern: ArraySlice<UInt8>) {
        var rest = pattern
        while let byte = rest.popFirst() {
            switch byte {
            case Self.backslash:
                guard let escaped = rest.popFirst() else { return nil }
                append(.byte(escaped))
            case UInt8(ascii: "?"): append(.any)
            case UInt8(ascii: "["):
                guard let set = ByteSet(parsing: &rest) else { return nil }
                append(.set(set))
            case Self.asterisk:
                let start = rest.startIndex - 1
                rest = rest.drop { $0 == Self.asterisk }
                let isMany = rest.startIndex - start > 1
                let isAfterSlash = start == pattern.startIndex || pattern[start - 1] == Self.slash
                appendStars(isDeep: isMany && isAfterSlash, &rest)
            default: append(.byte(byte))
            }
        }
    }

    private mutating func append(_ step: Step) {
        steps.append(step)
        shortest += 1
    }

    private mutating func appendStars(isDeep: Bool, _ rest: inout ArraySlice<UInt8>) {
        guard isDeep else { return steps.append(.star) }
        switch rest.first {
        case nil: steps.append(.deep)
        case Self.slash:
            rest.removeFirst()
            steps.append(.directories)
        case Self.backslash where rest.dropFirst().first == Self.slash: steps.append(.deep)
        case _?: steps.append(.star)
        }
    }

    /// Whether `text` as a whole matches.
    ///
    /// Of each kind of wildcard only the last one passed needs to be tried again with more: what one before it could
    /// take in addition, the later one can take as well.
    func matches(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.count >= shortest else { return false }
        var position = text.startIndex
        var step = 0
        /// The last `*`, and how far what it takes reaches.
        var star: (step: Int, end: Int)?
        /// The same for the last that may take slashes.
        var deep: (step: Int, end: Int)?
        while true {
            if step == steps.count {
                if position == text.endIndex { return true }
            } else {
                switch steps[step] {
                case .star:
                    star = (step, position)
                    step += 1
                    continue
                case .deep, .directories:
                    deep = (step, position)
                    star = nil
                    step += 1
                    continue
                case .byte, .any, .set:
                    if position < text.endIndex, matches(text[position], steps[step]) {
                        position += 1
                        step += 1
                        continue
                    }
                }
            }
            if let (last, end) = star, end < text.endIndex, text[end] != Self.slash {
                star = (last, end + 1)
                (step, position) = (last + 1, end + 1)
            } else if let (last, end) = deep, let further = further(steps[last], end, text) {
                deep = (last, further)
                star = nil
                (step, position) = (last + 1, further)
            } else {
                return false
            }
        }
    }

    private func matches(_ byte: UInt8, _ step: Step) -> Bool {
        switch step {
        case .byte(let wanted): byte == wanted
        case .any: byte != Self.slash
        case .set(let set): set.contains(byte)
        case .star, .deep, .directories: false
        }
    }

    /// Where a wildcard that takes `text` up to `end` ends if it takes more.
    private func further(_ step: Step, _ end: Int, _ text: ArraySlice<UInt8>) -> Int? {
        guard end < text.endIndex else { return nil }
        guard step == .directories else { return end + 1 }
        return text[end...].firstIndex(of: Self.slash).map { $0 + 1 }
    }
}

extension ByteSet {
    /// Reads what follows a `[`, up to its `]`; nil where there is none, or a class of an unknown name.
    init?(parsing rest: inout ArraySlice<UInt8>) {
        self.init()
        let isInverted = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
        if isInverted { rest.removeFirst() }
        /// What a range could begin with.
        var previous: UInt8?
        var isFirst = true
        while let byte = rest.popFirst() {
            // The first one is a member of the set.
            if byte == UInt8(ascii: "]"), !isFirst {
                if isInverted { invert() }
                remove(UInt8(ascii: "/"))
                return
            }
            isFirst = false
            switch byte {
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                insert(escaped)
                previous = escaped
            case UInt8(ascii: "-") where previous != nil && rest.first != nil && rest.first != UInt8(ascii: "]"):
                guard let first = previous, let last = Self.rangeEnd(&rest) else { return nil }
                if first <= last { formUnion(ByteSet(first...last)) }
                previous = nil
            case UInt8(ascii: "[") where rest.first == UInt8(ascii: ":"):
                guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
                let inner = rest[(rest.startIndex + 1)..<end]
                if inner.last == UInt8(ascii: ":") {
                    guard let named = Self.named(inner.dropLast()) else { return nil }
                    formUnion(named)
                    rest = rest[(end + 1)...]
                    previous = nil
                } else {
                    insert(byte)
                    previous = byte
                }
            default:
                insert(byte)
                previous = byte
            }
        }
        return nil
    }

    private static func rangeEnd(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
        guard let byte = rest.popFirst() else { return nil }
        return byte == UInt8(ascii: "\\") ? rest.popFirst() : byte
    }
}
