package import Tree

/// Whom a hub lets in: a name, a role and the digest of a token each.
package struct TokenBook: Hashable, Sendable {
    package struct Holder: Hashable, Sendable {
        package let name: String
        package let role: PeerRole
        /// Of the token; the token itself is with its holder alone.
        package let digest: Digest
        /// When it was made, in seconds since 1970.
        package let made: Int64

        package init(name: String, role: PeerRole, digest: Digest, made: Int64) {
            self.name = name
            self.role = role
            self.digest = digest
            self.made = made
        }
    }

    /// In the order in which they were added.
    package private(set) var holders: [Holder] = []

    package init() {}

    package var isEmpty: Bool { holders.isEmpty }

    package subscript(name: String) -> Holder? { holders.first { $0.name == name } }

    /// Adds a holder in the place of one of the same name, if there is one.
    package mutating func set(_ holder: Holder) {
        if let place = holders.firstIndex(where: { $0.name == holder.name }) {
            holders[place] = holder
        } else {
            holders.append(holder)
        }
    }

    /// False if there is none of this name.
    package mutating func remove(_ name: String) -> Bool {
        let count = holders.count
        holders.removeAll { $0.name == name }
        return holders.count < count
    }

    /// Whose token this is. Compares it with all of them, each to its end, so that the time taken tells nothing.
    package func holder(of token: AccessToken) -> Holder? {
        let digest = token.digest
        var found: Holder?
        for holder in holders where holder.digest.isSameInConstantTime(as: digest) { found = holder }
        return found
    }

    /// Whether this can be a holder's name: 1 to 64 letters, digits, dots, dashes and underscores.
    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_": true
                default: false
                }
            }
    }
}

// MARK: - As text

extension TokenBook {
    /// A line that is none of a book's, counted from 1.
    package struct BadLine: Error, Hashable, Sendable {
        package let number: Int
    }

    /// A line each: name, role, digest, time.
    package var text: String {
        holders.map { "\($0.name) \($0.role.rawValue) \($0.digest.hex()) \($0.made)\n" }.joined()
    }

    /// Reads ``text``; empty lines and those that begin with `#` are passed over.
    package init(text: String) throws(BadLine) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 4, Self.isName(words[0]), self[words[0]] == nil,
                let role = PeerRole(rawValue: words[1]),
                let digest = Hex.bytes(words[2]).flatMap({ Digest($0) }), let made = Int64(words[3])
            else { throw BadLine(number: index + 1) }
            set(Holder(name: words[0], role: role, digest: digest, made: made))
        }
    }
}
