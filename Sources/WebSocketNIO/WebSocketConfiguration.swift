package import NIOCore
package import WebSocket

/// Everything about a connection that can be set. The defaults are safe in the open.
package struct WebSocketConfiguration: Sendable {
    /// The largest incoming frame and message, the latter after inflating; beyond them the connection fails with 1009.
    package var limits = Limits()

    /// What to ask of permessage-deflate; `nil` for no compression at all. A server tells clients that let it to keep
    /// to a window of 8 KiB, since it must hold one for each of them.
    package var deflate: DeflateSettings?

    /// The most bytes that messages which are still arriving may take on all of a server's connections together, besides
    /// 64 KiB for each. A message for which there is no room fails its connection with 1009.
    package var maxArrivingBytes = 256 << 20

    /// The most connections of a server that have not become WebSockets yet, and the most from one address (from one
    /// /64 of IPv6). With one too many, the one that has waited longest is dropped.
    package var maxHandshakes = 2048
    package var maxHandshakesPerAddress = 128

    /// How long the opening handshake may take, from the connection's first byte or the end of the last plain request.
    package var handshakeTimeout: TimeAmount = .seconds(10)

    /// The most bytes that an HTTP head may have, request line included.
    package var maxHeadSize = 16 << 10
    /// The most header lines that an HTTP head may have.
    package var maxHeadLines = 100

    /// Silence after which a ping is sent.
    package var pingInterval: TimeAmount = .seconds(15)
    /// Silence, in both directions, after which the peer counts as dead and the connection is dropped.
    package var deadInterval: TimeAmount = .seconds(45)

    /// After the dead interval a message must have come at this many bytes a second, on average; one that did not fails
    /// the connection with 1008.
    package var minMessageRate = 256
    /// Time without the operating system taking any of the bytes that are to be sent, after which the peer counts as
    /// one that never reads, and is dropped.
    package var stallInterval: TimeAmount = .seconds(120)

    /// How long the peer has to answer our close frame, once that has left.
    package var closeTimeout: TimeAmount = .seconds(5)
    /// How long the TCP connection outlives a finished or failed closing.
    package var lingerTimeout: TimeAmount = .milliseconds(900)

    /// Between these many unsent bytes `isWritable` turns to `false` and back to `true`.
    package var writeBufferHighWaterMark = 512 << 10
    package var writeBufferLowWaterMark = 128 << 10
    /// Unsent bytes at which the peer counts as one that never reads, and is dropped.
    package var maxBufferedBytes = 64 << 20

    /// What this connection's bytes count towards; nil for as fast as it goes.
    package var rateLimit: RateLimit?

    /// Where what the connections carry is counted; `nil` for nowhere.
    package var traffic: Traffic?

    package init(deflate: DeflateSettings? = DeflateSettings(clientMaxWindowBits: 13)) {
        self.deflate = deflate
    }

    /// The defaults for a client, which leaves its own window to the server to cap.
    package static var client: WebSocketConfiguration {
        WebSocketConfiguration(deflate: DeflateSettings(clientMaxWindowBits: 15))
    }
}
