import Testing
import Tree

@testable import Mirror

@Suite("Readings") struct ReadingsTests {
    private let path = try? RelativePath("large")
    private let former = Digest([UInt8](repeating: 1, count: Digest.byteCount))
    private let other = Digest([UInt8](repeating: 2, count: Digest.byteCount))

    /// Whether others are told at the beginning and at the end of one.
    private func reading(_ readings: inout Readings, finds digest: Digest?) throws -> [Bool] {
        let path = try #require(path)
        let began = readings.began(path, base: try #require(former))
        let dirty = [Dirty(path: path, rereading: true)]
        return [began, readings.looked(at: dirty) { _ in digest }]
    }

    @Test func `One that finds a new version is told, and that it is over`() throws {
        var readings = Readings()
        for _ in 1...3 { #expect(try reading(&readings, finds: other) == [true, true]) }
    }

    @Test func `After one in vain the next is not told, until one finds something`() throws {
        var readings = Readings()
        #expect(try reading(&readings, finds: former) == [true, true])
        #expect(try reading(&readings, finds: former) == [false, false])
        #expect(try reading(&readings, finds: other) == [false, false])
        #expect(try reading(&readings, finds: other) == [true, true])
    }

    @Test func `What else is looked at meanwhile ends nothing`() throws {
        var readings = Readings()
        #expect(readings.began(try #require(path), base: try #require(former)))
        let dirty = [Dirty(path: try RelativePath("small"), rereading: true)]
        #expect(!readings.looked(at: dirty) { _ in other })
        #expect(try reading(&readings, finds: other) == [true, true])
    }
}
