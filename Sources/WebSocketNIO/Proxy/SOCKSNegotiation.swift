import NIOCore

/// SOCKS 5 (RFC 1928), with a user name and password (RFC 1929) if there are any.
struct SOCKSNegotiation: TunnelNegotiation {
    private enum State {
        /// The proxy chooses how the client is to prove who it is.
        case method
        /// It looks at user name and password.
        case password
        /// It connects to the target.
        case reply
    }

    private static let version: UInt8 = 5
    private static let anonymous: UInt8 = 0
    private static let byPassword: UInt8 = 2

    private let host: String
    private let port: Int
    private let credentials: ProxyCredentials?
    private var state = State.method

    /// - Parameter host: At most 255 bytes.
    init(to host: String, port: Int, credentials: ProxyCredentials?) {
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    var opening: ByteBuffer {
        let methods = credentials == nil ? [Self.anonymous] : [Self.anonymous, Self.byPassword]
        return ByteBuffer(bytes: [Self.version, UInt8(methods.count)] + methods)
    }

    mutating func received(_ bytes: inout ByteBuffer) throws(TunnelFailure) -> TunnelStep {
        let view = Array(bytes.readableBytesView.prefix(5))
        if let first = view.first, first != (state == .password ? 1 : Self.version) {
            throw TunnelFailure("does not speak SOCKS 5")
        }
        guard view.count >= 2 else { return .wait }
        switch state {
        case .method:
            bytes.moveReaderIndex(forwardBy: 2)
            switch (view[1], credentials) {
            case (Self.anonymous, _):
                state = .reply
                return .say(request)
            case (Self.byPassword, let credentials?):
                state = .password
                return .say(Self.login(credentials))
            default:
                throw TunnelFailure(
                    credentials == nil
                        ? "wants a user name and password" : "wants to know who asks in a way that is not spoken here")
            }
        case .password:
            bytes.moveReaderIndex(forwardBy: 2)
            guard view[1] == 0 else { throw TunnelFailure("does not accept the user name and password") }
            state = .reply
            return .say(request)
        case .reply:
            guard view[1] == 0 else {
                throw TunnelFailure("does not connect to \(host), port \(port): \(Self.reason(view[1]))")
            }
            guard view.count == 5 else { return .wait }
            // The address that it connects from, which is of no interest.
            let lengths: [UInt8: Int] = [1: 4, 4: 16, 3: 1 + Int(view[4])]
            guard let length = lengths[view[3]] else { throw TunnelFailure("does not speak SOCKS 5") }
            guard bytes.readableBytes >= 4 + length + 2 else { return .wait }
            bytes.moveReaderIndex(forwardBy: 4 + length + 2)
            return .open
        }
    }

    private var request: ByteBuffer {
        var request = ByteBuffer(bytes: [Self.version, 1, 0])
        if let address = LiteralAddress(host) {
            request.writeBytes([address.octets.count == 4 ? 1 : 4] + address.octets)
        } else {
            request.writeBytes([3, UInt8(truncatingIfNeeded: host.utf8.count)] + Array(host.utf8))
        }
        request.writeInteger(UInt16(truncatingIfNeeded: port))
        return request
    }

    private static func login(_ credentials: ProxyCredentials) -> ByteBuffer {
        let (user, password) = (credentials.user, credentials.password)
        return ByteBuffer(
            bytes: [1, UInt8(truncatingIfNeeded: user.count)] + user
                + [UInt8(truncatingIfNeeded: password.count)] + password)
    }

    private static func reason(_ code: UInt8) -> String {
        let words = [
            "it failed", "it is not allowed to", "no way to that network", "no way to that machine",
            "connection refused", "it took too long", "it does not do that", "it knows no such address",
        ]
        return words.indices.contains(Int(code) - 1) ? words[Int(code) - 1] : "reason \(code)"
    }
}
