import NIOCore

/// How one kind of proxy is asked for a tunnel: what has arrived goes in, what is to be said comes out.
protocol TunnelNegotiation {
    /// What the client says first.
    var opening: ByteBuffer { get }

    /// Takes what is the proxy's off the front of all that has arrived; what is left when the tunnel is open came
    /// through it.
    mutating func received(_ bytes: inout ByteBuffer) throws(TunnelFailure) -> TunnelStep
}

enum TunnelStep: Equatable {
    case wait
    case say(ByteBuffer)
    case open
}

/// Why there is no tunnel.
struct TunnelFailure: Error, Equatable {
    /// What the proxy does, for people: "refuses to …".
    let text: String

    init(_ text: String) {
        self.text = text
    }
}
