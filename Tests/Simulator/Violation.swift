/// What a simulated run did wrong.
package struct Violation: Error, Sendable, CustomStringConvertible {
    /// The invariant's number in the project's list, as `I4`.
    package let invariant: String
    package let text: String

    package var description: String { "\(invariant): \(text)" }
}
