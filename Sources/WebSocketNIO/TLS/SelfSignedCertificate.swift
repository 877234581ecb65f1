import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ServerIdentity {
    /// Makes a new P-256 key and a certificate that it signs itself, valid from a day ago for ten years.
    ///
    /// - Parameter names: What clients call the server: DNS names and literal addresses. Any that a certificate cannot
    ///   carry is left out; a pin does not ask for names.
    package static func selfSigned(for names: [String]) throws(ServerIdentityError) -> ServerIdentity {
        let pems: (certificate: String, key: String)
        do {
            let key = P256.Signing.PrivateKey()
            pems = (try certificate(for: names, key: key).serializeAsPEM().pemString, key.pemRepresentation)
        } catch {
            throw .unusable("\(error)")
        }
        return try ServerIdentity(certificatePEM: pems.certificate + "\n", privateKeyPEM: pems.key + "\n")
    }

    private static func certificate(for names: [String], key: P256.Signing.PrivateKey) throws -> Certificate {
        let day: TimeInterval = 24 * 60 * 60
        // Clocks differ, and a certificate from the future would be refused.
        let start = Date(timeIntervalSinceNow: -day)
        let subject = try DistinguishedName { CommonName("nosocks hub") }
        let generalNames = names.compactMap(generalName)
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: start, notValidAfter: start + 3653 * day, issuer: subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                // An empty list is not allowed (RFC 5280 §4.2.1.6).
                if !generalNames.isEmpty { SubjectAlternativeNames(generalNames) }
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
    }

    private static func generalName(_ name: String) -> GeneralName? {
        if let address = LiteralAddress(name) { return .ipAddress(ASN1OctetString(contentBytes: address.octets[...])) }
        // Letters of other alphabets travel in an encoding that is not worth having here (RFC 5280 §7.2).
        return name.isEmpty || !name.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? nil : .dnsName(name)
    }
}
