import WebSocketNIO

/// What a hub shows of itself over TLS: a certificate that may be replaced while it runs.
package struct HubTLS: Sendable {
    let server: ServerTLS

    /// A certificate, with those that vouch for it, and its key, as PEM.
    package init(certificate: String, key: String) throws(StateFiles.Failure) {
        self.init(server: ServerTLS(try Self.identity(certificate, key)))
    }

    /// The hub's own, which it signs itself; made at its first start, and kept in its state folder.
    ///
    /// - Parameter names: what machines call the hub.
    package init(ownIn files: StateFiles, names: [String]) throws(StateFiles.Failure) {
        if let certificate = try files.read(Self.certificateName), let key = try files.read(Self.keyName) {
            try self.init(certificate: certificate, key: key)
            return
        }
        let made: ServerIdentity
        do {
            made = try ServerIdentity.selfSigned(for: names)
        } catch {
            throw StateFiles.Failure("no certificate can be made: \(error)")
        }
        // The key first: a certificate without its key would be no use, and is made anew.
        try files.write(made.privateKeyPEM, to: Self.keyName)
        try files.write(made.certificatePEM, to: Self.certificateName)
        self.init(server: ServerTLS(made))
    }

    private init(server: ServerTLS) {
        self.server = server
    }

    private static let certificateName = "certificate.pem"
    private static let keyName = "key.pem"

    /// What peers know the hub by.
    package var pin: String { server.identity.pin.description }

    /// Connections are met with this one from now on; those that are open go on.
    package func replace(certificate: String, key: String) throws(StateFiles.Failure) {
        server.replace(try Self.identity(certificate, key))
    }

    private static func identity(_ certificate: String, _ key: String) throws(StateFiles.Failure) -> ServerIdentity {
        do {
            return try ServerIdentity(certificatePEM: certificate, privateKeyPEM: key)
        } catch {
            throw StateFiles.Failure("\(error)")
        }
    }
}
