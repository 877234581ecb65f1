import WebSocketNIO

/// How a peer knows that it speaks to the right hub.
package enum HubTrust: Hashable, Sendable {
    /// The system's authorities vouch for the hub's name.
    case system
    /// The hub's certificate is this one.
    case pin(HubPin)
    /// Whatever certificate the hub has at the first time, and that one from then on.
    case firstUse

    var tls: ClientTLS {
        switch self {
        case .system: .systemTrust
        case .pin(let pin): .pin(pin.certificate)
        case .firstUse: .firstUse
        }
    }
}

/// By what a peer knows a hub's certificate again: `sha256:` and 64 hexadecimal digits.
package struct HubPin: Hashable, Sendable, CustomStringConvertible {
    let certificate: CertificatePin

    init(_ certificate: CertificatePin) {
        self.certificate = certificate
    }

    /// Nil if that is no pin.
    package init?(_ text: String) {
        guard let certificate = CertificatePin(text) else { return nil }
        self.init(certificate)
    }

    package var description: String { certificate.description }
}

/// Where a peer remembers its hub's pin.
extension StateFiles {
    private static let pin = "pin"

    /// The pin that was remembered, if one was.
    package func rememberedPin() throws(Failure) -> HubPin? {
        guard let text = try read(Self.pin) else { return nil }
        guard let word = text.split(whereSeparator: \.isWhitespace).first, let pin = HubPin(String(word)) else {
            throw Failure(".nosocks/\(Self.pin) holds no pin, as it should; remove it, and join with --pin")
        }
        return pin
    }

    package func remember(_ pin: HubPin) throws(Failure) {
        guard try rememberedPin() != pin else { return }
        try write("\(pin)\n", to: Self.pin)
    }
}
