/// What one side asks of permessage-deflate, and the negotiation in either role (RFC 7692 §5, §7.1).
package struct DeflateSettings: Hashable, Sendable {
    /// Ask for, or as the server impose, a server that forgets its window after each message: what lets one deflated
    /// message go to many clients.
    package var serverNoContextTakeover: Bool
    /// Ask for, or as the client promise, a client that forgets its window after each message.
    package var clientNoContextTakeover: Bool
    /// The largest window for what the server sends: 9–15 bits.
    package var serverMaxWindowBits: Int
    /// The largest window for what the client sends, where the other side can be told: 9–15 bits. A server keeps a
    /// window of this size for each connection that sends compressed messages.
    package var clientMaxWindowBits: Int
    /// zlib's level: 1 (fastest) to 9 (smallest).
    package var level: Int

    package init(
        serverNoContextTakeover: Bool = true, clientNoContextTakeover: Bool = false, serverMaxWindowBits: Int = 15,
        clientMaxWindowBits: Int = 15, level: Int = 1
    ) {
        let valid = DeflateAgreement.smallestDeflateWindowBits...15
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverMaxWindowBits = min(max(serverMaxWindowBits, valid.lowerBound), valid.upperBound)
        self.clientMaxWindowBits = min(max(clientMaxWindowBits, valid.lowerBound), valid.upperBound)
        self.level = min(max(level, 1), 9)
    }

    // MARK: Server

    /// Takes the first of the client's offers that can be kept; the others, malformed ones included, are passed over.
    ///
    /// - Parameter offers: The value of each Sec-WebSocket-Extensions line of the request.
    /// - Returns: What was agreed and the answer's Sec-WebSocket-Extensions, or `nil` for no compression.
    package func accept(
        offers: some Sequence<String>
    ) -> (agreement: DeflateAgreement, headerValue: String)? {
        for case let element? in ExtensionHeader.parse(offers) {
            if let offer = DeflateOffer(element), let accepted = accept(offer) { return accepted }
        }
        return nil
    }

    private func accept(_ offer: DeflateOffer) -> (agreement: DeflateAgreement, headerValue: String)? {
        var answer = DeflateOffer()
        answer.serverNoContextTakeover = offer.serverNoContextTakeover || serverNoContextTakeover
        answer.clientNoContextTakeover = offer.clientNoContextTakeover || clientNoContextTakeover

        let serverBits = min(serverMaxWindowBits, offer.serverMaxWindowBits ?? 15)
        guard serverBits >= DeflateAgreement.smallestDeflateWindowBits else { return nil }
        if offer.serverMaxWindowBits != nil || serverBits < 15 { answer.serverMaxWindowBits = serverBits }

        // A client that did not mention its own window cannot be told to shrink it.
        var clientBits = 15
        switch offer.clientMaxWindowBits {
        case .absent: break
        case .any: clientBits = clientMaxWindowBits
        case .bits(let bits): clientBits = min(bits, clientMaxWindowBits)
        }
        if clientBits < 15 { answer.clientMaxWindowBits = .bits(clientBits) }

        let agreement = DeflateAgreement(
            serverNoContextTakeover: answer.serverNoContextTakeover,
            clientNoContextTakeover: answer.clientNoContextTakeover,
            serverMaxWindowBits: serverBits, clientMaxWindowBits: clientBits)
        return (agreement, answer.headerValue)
    }

    // MARK: Client

    /// The client's offer, as its Sec-WebSocket-Extensions.
    package var offerHeaderValue: String { offer.headerValue }

    private var offer: DeflateOffer {
        var offer = DeflateOffer()
        offer.serverNoContextTakeover = serverNoContextTakeover
        offer.clientNoContextTakeover = clientNoContextTakeover
        if serverMaxWindowBits < 15 { offer.serverMaxWindowBits = serverMaxWindowBits }
        offer.clientMaxWindowBits = clientMaxWindowBits < 15 ? .bits(clientMaxWindowBits) : .any
        return offer
    }

    /// Checks the server's answer against what was offered.
    ///
    /// - Parameter answers: The value of each Sec-WebSocket-Extensions line of the response.
    /// - Returns: What was agreed, or `nil` if the server answered with no extension.
    /// - Throws: An error with close code 1010 if the answer has something that was not offered, is malformed, or takes
    ///   an offer and does not keep to it (RFC 6455 §4.1, RFC 7692 §7.1): the connection must be failed.
    package func confirm(answers: some Sequence<String>) throws(ProtocolError) -> DeflateAgreement? {
        let elements = ExtensionHeader.parse(answers)
        guard let first = elements.first else { return nil }
        guard elements.count == 1, let element = first, let answer = DeflateOffer(element) else {
            throw ProtocolError(.mandatoryExtension, "the server answered with an extension that was not offered")
        }
        let offer = self.offer
        if offer.serverNoContextTakeover && !answer.serverNoContextTakeover {
            throw ProtocolError(.mandatoryExtension, "the server left out server_no_context_takeover")
        }
        let serverBits = answer.serverMaxWindowBits ?? 15
        if serverBits > offer.serverMaxWindowBits ?? 15 {
            throw ProtocolError(.mandatoryExtension, "the server's window is larger than was asked for")
        }
        var clientBits = clientMaxWindowBits
        switch answer.clientMaxWindowBits {
        case .absent: break
        case .any: throw ProtocolError(.mandatoryExtension, "client_max_window_bits came without a value")
        case .bits(let bits): clientBits = min(bits, clientBits)
        }
        return DeflateAgreement(
            serverNoContextTakeover: answer.serverNoContextTakeover,
            clientNoContextTakeover: answer.clientNoContextTakeover || clientNoContextTakeover,
            serverMaxWindowBits: serverBits, clientMaxWindowBits: clientBits)
    }
}
