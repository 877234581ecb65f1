import Disk
package import Tree

/// A secret that lets its holder in: 256 random bits, written as 64 hexadecimal digits.
///
/// It is no string, so that it ends up in no message by accident: only ``text`` shows it.
package struct AccessToken: Hashable, Sendable {
    private let bytes: [UInt8]

    package static let byteCount = 32

    /// A new one, from the system's source of secrets.
    package static func random() -> AccessToken {
        var generator = SystemRandomNumberGenerator()
        return AccessToken(bytes: (0..<byteCount).map { _ in UInt8.random(in: 0...UInt8.max, using: &generator) })
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads what ``text`` gives, with white space around it; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 1, let bytes = Hex.bytes(words[0]), bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    package var text: String { Hex.text(bytes) }

    /// What a hub keeps of it. As it is random, nobody can guess it from this.
    package var digest: Digest { Digest(of: bytes) }
}

extension AccessToken: CustomStringConvertible {
    /// Nothing of the secret.
    package var description: String { "a token" }
}

extension Digest {
    /// Whether both are the same, in a time that does not tell where they differ.
    func isSameInConstantTime(as other: Digest) -> Bool {
        withUnsafeBytes { left in
            other.withUnsafeBytes { right in zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } }
        } == 0
    }
}
