import Crypto
import NIOSSL
import SwiftASN1
import X509

@testable import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An authority of a test's own, which vouches for whatever it is asked to.
struct TestAuthority {
    let root: NIOSSLCertificate
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName

    init(name text: String = "authority") throws {
        let name = try DistinguishedName { CommonName(text) }
        self.name = name
        let certificate = try Self.certificate(
            subject: name, key: key.publicKey, issuer: name, signer: key, days: -100...100,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            })
        root = try NIOSSLCertificate(bytes: Array(certificate.serializeAsPEM().pemString.utf8), format: .pem)
    }

    /// - Parameter days: When the certificate is valid, counted from now.
    func identity(for names: [String], days: ClosedRange<Double> = -1...1) throws -> ServerIdentity {
        let leaf = P256.Signing.PrivateKey()
        let names = names.map { name in
            LiteralAddress(name).map { .ipAddress(ASN1OctetString(contentBytes: $0.octets[...])) }
                ?? GeneralName.dnsName(name)
        }
        let certificate = try Self.certificate(
            subject: DistinguishedName { CommonName("nosocks hub") }, key: leaf.publicKey, issuer: name, signer: key,
            days: days, extensions: Certificate.Extensions { SubjectAlternativeNames(names) })
        return try ServerIdentity(
            certificatePEM: certificate.serializeAsPEM().pemString, privateKeyPEM: leaf.pemRepresentation)
    }

    private static func certificate(
        subject: DistinguishedName, key: P256.Signing.PublicKey, issuer: DistinguishedName,
        signer: P256.Signing.PrivateKey, days: ClosedRange<Double>, extensions: Certificate.Extensions
    ) throws -> Certificate {
        let day = 24.0 * 60 * 60
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key),
            notValidBefore: Date(timeIntervalSinceNow: days.lowerBound * day),
            notValidAfter: Date(timeIntervalSinceNow: days.upperBound * day), issuer: issuer, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(signer))
    }
}
