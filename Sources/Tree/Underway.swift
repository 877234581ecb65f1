/// How far content is that travels piece by piece, in bytes.
package struct Underway: Codable, Hashable, Sendable {
    package var done: UInt64 = 0
    package var left: UInt64 = 0

    package init() {}

    package static func + (one: Underway, other: Underway) -> Underway {
        var sum = one
        sum.done += other.done
        sum.left += other.left
        return sum
    }
}
