import WebSocketNIO

/// How fast a service's connections may be made to be.
package enum LinkRate {
    /// The least, in bytes a second.
    package static let slowest = RateLimit.slowest
}
