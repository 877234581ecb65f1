import NIOCore
import NIOSSL

extension TLSConfiguration {
    /// What holds for servers and clients alike.
    mutating func applyPolicy() {
        minimumTLSVersion = .tlsv12
        applicationProtocols = ["http/1.1"]
        // How long TCP waits for the other side's close_notify, which tells us nothing: WebSockets have a closing
        // handshake of their own.
        shutdownTimeout = .milliseconds(900)
    }
}

extension NIOSSLHandler.Configuration {
    /// One large message must not cost its size in memory for as long as the connection lives.
    static var frugal: NIOSSLHandler.Configuration {
        var configuration = NIOSSLHandler.Configuration()
        configuration.maximumPreservedOutboundBufferCapacity = 256 << 10
        return configuration
    }
}
