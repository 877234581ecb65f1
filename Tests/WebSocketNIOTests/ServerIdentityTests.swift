import Testing

@testable import WebSocketNIO

@Suite struct ServerIdentityTests {
    private let digits = String(repeating: "0123456789abcdef", count: 4)

    @Test("A pin reads what it writes, and upper case as well")
    func pinText() throws {
        let pin = CertificatePin(der: [1, 2, 3])
        // By sha256sum.
        #expect("\(pin)" == "sha256:039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81")
        #expect(CertificatePin("\(pin)") == pin)
        let written = try #require(CertificatePin("sha256:" + digits.uppercased()))
        #expect("\(written)" == "sha256:" + digits)
        #expect(written != pin)
    }

    @Test(
        "Anything else is no pin",
        arguments: [
            "", "sha256:", "sha256:00", "SHA256:", "sha1:", "0x", " sha256:", "sha256: ", "sha256:\u{FF10}",
        ])
    func badPin(prefix: String) {
        #expect(CertificatePin(prefix + digits.dropFirst(prefix.hasPrefix("sha256:") ? 1 : 0)) == nil)
        #expect(CertificatePin("sha256:" + digits.dropLast() + "g") == nil)
        #expect(CertificatePin("sha256:" + digits + "0") == nil)
    }

    @Test("A self-signed identity survives its PEM")
    func roundTrip() throws {
        let made = try ServerIdentity.selfSigned(for: ["hub.example", "192.0.2.7", "2001:db8::7"])
        let read = try ServerIdentity(certificatePEM: made.certificatePEM, privateKeyPEM: made.privateKeyPEM)
        #expect(read.pin == made.pin)
        #expect(made.certificatePEM.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        #expect(made.privateKeyPEM.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(made.certificatePEM.hasSuffix("-----\n"))
    }

    @Test("A machine whose name no certificate can carry gets an identity all the same")
    func oddNames() throws {
        for name in ["", "żółw", "two words"] { _ = try ServerIdentity.selfSigned(for: [name]) }
    }

    @Test("The first certificate of a chain is the server's")
    func chain() throws {
        let leaf = try ServerIdentity.selfSigned(for: ["a.example"])
        let other = try ServerIdentity.selfSigned(for: ["b.example"])
        let chain = leaf.certificatePEM + other.certificatePEM
        #expect(try ServerIdentity(certificatePEM: chain, privateKeyPEM: leaf.privateKeyPEM).pin == leaf.pin)
        #expect(throws: ServerIdentityError.keyOfAnotherCertificate) {
            try ServerIdentity(certificatePEM: chain, privateKeyPEM: other.privateKeyPEM)
        }
    }

    @Test("What makes no identity is told apart")
    func faults() throws {
        let identity = try ServerIdentity.selfSigned(for: ["a.example"])
        let (certificate, key) = (identity.certificatePEM, identity.privateKeyPEM)
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
        let cases: [(certificate: String, key: String, error: ServerIdentityError)] = [
            ("", key, .noCertificate), ("nonsense", key, .noCertificate), (key, key, .noCertificate),
            (String(certificate.prefix(200)), key, .noCertificate),
            (certificate, "", .noKey), (certificate, "nonsense", .noKey), (certificate, certificate, .noKey),
            (certificate, String(key.prefix(60)), .noKey), (certificate, encrypted, .keyIsEncrypted),
        ]
        for (certificate, key, error) in cases {
            #expect(throws: error) { try ServerIdentity(certificatePEM: certificate, privateKeyPEM: key) }
        }
    }
}
