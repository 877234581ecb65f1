import NIOCore

extension RemoteHub {
    /// Hands over event lines, without line feeds, from `cursor` on (nil: from now), each with the cursor behind it, as long
    /// as `take` says true. Where the connection breaks it connects again, and goes on behind what was handed over last.
    ///
    /// - Parameters:
    ///   - said: Learns why the connection broke, once each time.
    /// - Throws: ``RemoteFailure``; that the hub cannot be reached only where it never was.
    package static func follow(
        _ options: Options, since cursor: String?, said: (String) -> Void,
        _ take: ([UInt8], _ cursor: String?) throws -> Bool
    ) async throws {
        var place = cursor
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var wasReached = false
        var isSaid = false
        while true {
            do {
                return try await visit(options) { hub in
                    try await hub.follow(since: place) {
                        wasReached = true
                        isSaid = false
                        backoff.reset()
                    } take: { line, cursor in
                        place = cursor
                        return try take(line, cursor)
                    }
                }
            } catch RemoteFailure.unreachable(let reason) where wasReached {
                if !isSaid { said(reason) }
                isSaid = true
            }
            try await Task.sleep(nanoseconds: UInt64(backoff.next(using: &random).nanoseconds))
        }
    }
}
