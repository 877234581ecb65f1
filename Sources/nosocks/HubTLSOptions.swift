import ArgumentParser
import Mirror

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How a hub speaks beyond this machine: over TLS, with a certificate of its own unless it is given one.
struct HubTLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The hub's certificate, with those that vouch for it, as PEM; without it the hub makes its own.",
            valueName: "file"), completion: .file())
    var tlsCert: String?

    @Option(help: ArgumentHelp("Its private key, as PEM.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Flag(help: "Plain ws:// beyond loopback: behind a proxy that does TLS.")
    var insecure = false

    func validate() throws {
        if (tlsCert == nil) != (tlsKey == nil) {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        if insecure, tlsCert != nil { throw ValidationError("--insecure and --tls-cert contradict each other") }
    }

    /// Beyond loopback all speak TLS unless told not to; with a certificate, all but Unix sockets.
    func secured(_ address: HubAddress) -> HubAddress {
        guard address.socketPath == nil, !insecure, tlsCert != nil || address.isInTheOpen else { return address }
        return HubAddress(host: address.host, port: address.port, isSecure: true)
    }

    /// What TLS needs; nil where no address speaks it.
    func load(_ directory: String, for addresses: [HubAddress], _ talk: Talk) throws -> HubTLS? {
        guard addresses.contains(where: \.isSecure) else { return nil }
        do {
            guard let (certificate, key) = try files() else {
                let names = addresses.map(\.host).filter { !Self.isWildcard($0) } + ["localhost", hostName()]
                return try HubTLS(ownIn: StateFiles(in: directory), names: names)
            }
            return try HubTLS(certificate: certificate, key: key)
        } catch {
            talk.fail("\(tlsCert ?? directory): \(error)", ["path": tlsCert ?? directory])
            throw ExitStatus.failed
        }
    }

    /// Reads a given certificate again; the old one goes on where that can't be.
    func reload(_ tls: HubTLS, _ talk: Talk) {
        do {
            guard let (certificate, key) = try files() else { return }
            try tls.replace(certificate: certificate, key: key)
            talk.say("the certificate was read again: \(tls.pin)", ["pin": tls.pin])
        } catch {
            talk.fail("\(tlsCert ?? ""): \(error); the old certificate stays")
        }
    }

    /// What a join line says of a certificate that no authority vouches for.
    func pinWords(_ tls: HubTLS) -> String? { tlsCert == nil ? " --pin \(tls.pin)" : nil }

    private func files() throws(StateFiles.Failure) -> (certificate: String, key: String)? {
        guard let tlsCert, let tlsKey else { return nil }
        return (try NamedFile(at: tlsCert).text, try NamedFile(at: tlsKey).text)
    }

    private static func isWildcard(_ host: String) -> Bool { host == "0.0.0.0" || host == "::" }
}
