/// The four parameters of permessage-deflate as one header element says them (RFC 7692 §7.1), whether offered by a
/// client or answered by a server.
struct DeflateOffer: Equatable, Sendable {
    static let extensionName = "permessage-deflate"

    /// `client_max_window_bits` has a form that the others lack: present without a value, in an offer only.
    enum ClientWindow: Equatable, Sendable {
        case absent
        case any
        case bits(Int)
    }

    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverMaxWindowBits: Int?
    var clientMaxWindowBits = ClientWindow.absent

    init() {}

    /// - Returns: `nil` for another extension, an unknown or repeated parameter, or a value outside the grammar: each
    ///   of them makes the whole element unacceptable (RFC 7692 §7.1).
    init?(_ element: ExtensionElement) {
        guard element.name == Self.extensionName else { return nil }
        var seen: Set<String> = []
        for parameter in element.parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil): serverNoContextTakeover = true
            case ("client_no_context_takeover", nil): clientNoContextTakeover = true
            case ("server_max_window_bits", let value?):
                guard let bits = Self.windowBits(value) else { return nil }
                serverMaxWindowBits = bits
            case ("client_max_window_bits", nil): clientMaxWindowBits = .any
            case ("client_max_window_bits", let value?):
                guard let bits = Self.windowBits(value) else { return nil }
                clientMaxWindowBits = .bits(bits)
            default: return nil
            }
        }
    }

    /// A decimal integer from 8 to 15 without leading zeros (RFC 7692 §7.1.2), and so without a sign.
    private static func windowBits(_ value: String) -> Int? {
        switch value {
        case "8": 8
        case "9": 9
        case "10": 10
        case "11": 11
        case "12": 12
        case "13": 13
        case "14": 14
        case "15": 15
        default: nil
        }
    }

    /// The element as it stands in the header.
    var headerValue: String {
        var value = Self.extensionName
        if serverNoContextTakeover { value += "; server_no_context_takeover" }
        if clientNoContextTakeover { value += "; client_no_context_takeover" }
        if let serverMaxWindowBits { value += "; server_max_window_bits=\(serverMaxWindowBits)" }
        switch clientMaxWindowBits {
        case .absent: break
        case .any: value += "; client_max_window_bits"
        case .bits(let bits): value += "; client_max_window_bits=\(bits)"
        }
        return value
    }
}
