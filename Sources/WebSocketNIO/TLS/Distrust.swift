import NIOSSL
import SwiftASN1
import X509

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension NIOSSLCertificate {
    /// The likely reason, for people, why the system does not trust it: BoringSSL says only that it does not.
    var distrust: String {
        let now = time(nil)
        if now > notValidAfter { return "it has expired" }
        if now < notValidBefore { return "it is not valid yet, by this machine's clock" }
        guard let der = try? toDERBytes(), let parsed = try? Certificate(derEncoded: der) else {
            return "it cannot be read"
        }
        return parsed.issuer == parsed.subject
            ? "it is self-signed" : "nobody whom this system trusts vouches for it"
    }
}
