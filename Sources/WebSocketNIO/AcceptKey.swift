import Crypto

/// Sec-WebSocket-Key and -Accept (RFC 6455 §1.3, §4.2.2): proof that the answer comes from a WebSocket server, and for
/// this very request.
enum AcceptKey {
    /// - Returns: The accept value for a request's key.
    static func accept(for key: String) -> String {
        let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return Base64.text(Array(Insecure.SHA1.hash(data: Array((key + guid).utf8))))
    }

    /// - Returns: A new key: 16 random bytes in base64.
    static func makeKey() -> String {
        var random = SystemRandomNumberGenerator()
        return Base64.text((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    /// Whether this is the base64 of 16 bytes.
    static func isValid(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return bytes.count == 24 && bytes.hasSuffix("==") && bytes.dropLast(2).allSatisfy(Base64.alphabet.contains)
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ suffix: String) -> Bool {
        self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }
}
