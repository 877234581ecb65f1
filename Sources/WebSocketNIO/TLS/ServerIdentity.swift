import NIOSSL

/// Who a server is: a certificate, those that vouch for it, and the private key. What is one works: it has been checked
/// that key and certificate belong together and that TLS takes them.
package struct ServerIdentity: Sendable {
    /// The server's own certificate first.
    package let certificatePEM: String
    /// A secret: for a file that nobody else may read.
    package let privateKeyPEM: String
    /// What clients are told to look for.
    package let pin: CertificatePin
    let context: NIOSSLContext

    /// - Parameters:
    ///   - certificatePEM: The server's certificate, followed by the intermediate ones, if there are any.
    ///   - privateKeyPEM: The key of the first certificate, without a passphrase.
    package init(certificatePEM: String, privateKeyPEM: String) throws(ServerIdentityError) {
        let chain = try Self.readChain(certificatePEM)
        let key = try Self.readKey(privateKeyPEM)
        guard let leaf = chain.first, let der = try? leaf.toDERBytes() else { throw .noCertificate }
        self.certificatePEM = certificatePEM
        self.privateKeyPEM = privateKeyPEM
        pin = CertificatePin(der: der)
        context = try Self.makeContext(chain, key)
    }

    private static func readChain(_ pem: String) throws(ServerIdentityError) -> [NIOSSLCertificate] {
        do {
            return try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        } catch {
            throw .noCertificate
        }
    }

    private static func readKey(_ pem: String) throws(ServerIdentityError) -> NIOSSLPrivateKey {
        // Both the older "Proc-Type: 4,ENCRYPTED" and the newer "BEGIN ENCRYPTED PRIVATE KEY".
        guard !pem.contains("4,ENCRYPTED"), !pem.contains("BEGIN ENCRYPTED") else { throw .keyIsEncrypted }
        // NIO SSL traps on no bytes at all.
        guard !pem.isEmpty else { throw .noKey }
        do {
            return try NIOSSLPrivateKey(bytes: Array(pem.utf8), format: .pem)
        } catch {
            throw .noKey
        }
    }

    private static func makeContext(
        _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey
    ) throws(ServerIdentityError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.applyPolicy()
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey {
            // It has been read, so what is wrong is that it does not fit.
            throw .keyOfAnotherCertificate
        } catch {
            throw .unusable(TLSWords(error).reason)
        }
    }
}

/// Why a certificate and a key make no identity.
package enum ServerIdentityError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not PEM, or no certificate in it, or one that cannot be read.
    case noCertificate
    /// Not PEM, or no private key in it, or of a kind that is not known.
    case noKey
    /// The key wants a passphrase, which nobody is there to type.
    case keyIsEncrypted
    /// The key does not belong to the first certificate.
    case keyOfAnotherCertificate
    /// TLS refuses them for a reason of its own.
    case unusable(String)

    package var description: String {
        switch self {
        case .noCertificate: "there is no readable PEM certificate"
        case .noKey: "there is no readable PEM private key"
        case .keyIsEncrypted: "the private key is encrypted; it is needed without a passphrase"
        case .keyOfAnotherCertificate: "the private key does not belong to the (first) certificate"
        case .unusable(let reason): "certificate and key cannot be used: \(reason)"
        }
    }
}
