/// What both sides agreed on for permessage-deflate (RFC 7692 §7.1). Each side's promises bind its own compressor
/// and let the other side's decompressor be as small as promised.
package struct DeflateAgreement: Hashable, Sendable {
    /// The server forgets its window after each message.
    package var serverNoContextTakeover: Bool
    /// The client forgets its window after each message.
    package var clientNoContextTakeover: Bool
    /// The server's window is at most 2 to the power of this: 8–15.
    package var serverMaxWindowBits: Int
    /// The client's window is at most 2 to the power of this: 8–15.
    package var clientMaxWindowBits: Int

    package init(
        serverNoContextTakeover: Bool = false, clientNoContextTakeover: Bool = false, serverMaxWindowBits: Int = 15,
        clientMaxWindowBits: Int = 15
    ) {
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverMaxWindowBits = serverMaxWindowBits
        self.clientMaxWindowBits = clientMaxWindowBits
    }

    /// zlib's smallest raw deflate window: it cannot keep a promise of 8.
    static let smallestDeflateWindowBits = 9

    func noContextTakeover(of sender: Role) -> Bool {
        sender == .server ? serverNoContextTakeover : clientNoContextTakeover
    }

    func maxWindowBits(of sender: Role) -> Int {
        sender == .server ? serverMaxWindowBits : clientMaxWindowBits
    }
}
