/// What a frame carries (RFC 6455 §5.2). Opcodes 3–7 and 11–15 are reserved and have no case: they are errors.
package enum Opcode: UInt8, Sendable, Equatable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames may stand between the fragments of a message, and are never fragmented (RFC 6455 §5.5).
    package var isControl: Bool { rawValue & 0x8 != 0 }
}

/// Which end of the connection a machine is. A client masks what it sends; a server must not (RFC 6455 §5.1).
package enum Role: Sendable, Equatable {
    case client
    case server
}
