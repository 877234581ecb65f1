/// Why a connection was closed (RFC 6455 §7.4).
package struct CloseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let normalClosure = CloseCode(rawValue: 1000)
    package static let goingAway = CloseCode(rawValue: 1001)
    package static let protocolError = CloseCode(rawValue: 1002)
    package static let unacceptableData = CloseCode(rawValue: 1003)
    /// Reserved for programs: "the close frame had no code". Never sent.
    package static let noStatusReceived = CloseCode(rawValue: 1005)
    /// Reserved for programs: "the connection went without a close frame". Never sent.
    package static let abnormalClosure = CloseCode(rawValue: 1006)
    /// Text that is not UTF-8, or compressed data that does not inflate.
    package static let invalidPayload = CloseCode(rawValue: 1007)
    package static let policyViolation = CloseCode(rawValue: 1008)
    package static let messageTooBig = CloseCode(rawValue: 1009)
    package static let mandatoryExtension = CloseCode(rawValue: 1010)
    package static let internalError = CloseCode(rawValue: 1011)
    package static let serviceRestart = CloseCode(rawValue: 1012)
    package static let tryAgainLater = CloseCode(rawValue: 1013)

    /// Whether a close frame may carry this code: those that RFC 6455 §7.4.1 and IANA assign for the wire,
    /// 3000–3999 (registered) and 4000–4999 (private).
    package var mayTravel: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    package var description: String { String(rawValue) }
}
