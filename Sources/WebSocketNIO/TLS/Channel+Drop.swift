import NIOCore
import NIOSSL

extension Channel {
    /// Closes the TCP connection now, on the event loop. A plain `close` over TLS says goodbye and waits for the peer
    /// to do so too, which a peer that is dead, or does not read, never does.
    func drop() {
        if let context = try? pipeline.syncOperations.context(handlerType: NIOSSLHandler.self) {
            // From here on outwards: past TLS.
            context.close(promise: nil)
        } else {
            close(promise: nil)
        }
    }
}
