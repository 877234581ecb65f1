import Testing

@testable import Disk

@Suite struct RawEventTests {
    private typealias Kind = RawEvent.Kind

    /// As inotify(7) lays them out.
    private func bytes(_ events: [(watch: Int32, kind: Kind, cookie: UInt32, name: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for event in events {
            let name = Array(event.name.utf8)
            let length = name.isEmpty ? 0 : (name.count / 16 + 1) * 16
            withUnsafeBytes(of: event.watch.littleEndian) { bytes += $0 }
            for number in [event.kind.rawValue, event.cookie, UInt32(length)] {
                withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
            }
            bytes += name + Array(repeating: 0, count: length - name.count)
        }
        return bytes
    }

    private func parse(_ events: [(watch: Int32, kind: Kind, cookie: UInt32, name: String)]) -> [RawEvent] {
        bytes(events).withUnsafeBytes { RawEvent.parse($0) }
    }

    @Test func `What one writer does until it closes is one event`() {
        let events = parse([
            (1, .created, 0, "a"), (1, .written, 0, "a"), (1, .touched, 0, "a"), (1, .closed, 0, "a"),
            (1, .written, 0, "a"), (1, .closed, 0, "a"), (1, .created, 0, "b"), (1, .touched, 0, "b"),
        ])
        #expect(
            events.map(\.kind) == [
                [.created, .written, .touched, .closed], [.written, .closed], [.created, .touched],
            ])
        #expect(events.map { String(decoding: $0.name, as: UTF8.self) } == ["a", "a", "b"])
    }

    @Test func `Anything else stays an event of its own`() {
        let apart: [(watch: Int32, kind: Kind, cookie: UInt32, name: String)] = [
            (1, .written, 0, "a"), (2, .written, 0, "a"), (2, .written, 0, "ac"), (2, .written, 0, "ab"),
            (2, .created, 0, "ab"), (2, .deleted, 0, "ab"), (2, .created, 0, "ab"), (2, .movedFrom, 7, "ab"),
            (2, .movedTo, 7, "b"),
            (2, .closed, 0, "b"), (2, .written, 0, "b"), (1, [.created, .isDirectory], 0, "d"),
            (1, [.touched, .isDirectory], 0, "d"), (1, .touched, 0, ""), (1, .touched, 0, ""), (-1, .overflow, 0, ""),
        ]
        let events = parse(apart)
        #expect(events.map(\.kind) == apart.map(\.kind))
        #expect(events.map(\.watch) == apart.map(\.watch))
        #expect(events.map(\.cookie) == apart.map(\.cookie))
    }
}
