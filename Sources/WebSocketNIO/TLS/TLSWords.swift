import NIOSSL

/// What TLS says went wrong. BoringSSL names its reasons, and NIO SSL shows them in no other way than as text.
struct TLSWords {
    private let text: String

    init(_ error: any Error) {
        text = "\(error)"
    }

    func contains(_ name: String) -> Bool {
        text.contains(name)
    }

    /// For people.
    var reason: String {
        if contains("WRONG_VERSION_NUMBER") { return "the server does not speak TLS" }
        if contains("PROTOCOL_VERSION") || contains("UNSUPPORTED_PROTOCOL") {
            return "the server's TLS is older than 1.2"
        }
        return name ?? text
    }

    /// `error:100000f7:SSL routines:OPENSSL_internal:NO_SHARED_CIPHER at file:line` names NO_SHARED_CIPHER.
    private var name: String? {
        let marker = "OPENSSL_internal:"
        guard let start = text.firstRange(of: marker)?.upperBound else { return nil }
        let name = text[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        return name.lowercased().split(separator: "_").joined(separator: " ")
    }
}
