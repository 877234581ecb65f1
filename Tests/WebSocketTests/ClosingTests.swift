import NIOCore
import Testing

@testable import WebSocket

@Suite struct ClosingTests {
    @Test("These codes may travel, and no others")
    func codes() {
        let allowed = Set(
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014] + Array(3000...4999))
        let actual = Set((0...65_535).filter { CloseCode(rawValue: UInt16($0)).mayTravel })
        #expect(actual == allowed)
    }

    @Test("We close first: the peer's messages still come, ours stop, and its answer finishes it")
    func weCloseFirst() throws {
        var machine = Machine(role: .server)
        var out = ByteBuffer()
        #expect(machine.writeClose(code: .goingAway, reason: "bye", maskingKey: 0, into: &out))
        #expect(out.array == [0x88, 5, 0x03, 0xE9] + Array("bye".utf8))
        #expect(!machine.maySend)
        #expect(machine.bytes([1]) == [])
        #expect(try machine.events(frame(0x82, [1])) == [.message(ByteBuffer(bytes: [1]), isText: false)])
        #expect(!machine.isFinished)
        #expect(try machine.events(frame(0x88)) == [.close(code: nil, reason: "")])
        #expect(machine.isFinished)
        out.clear()
        #expect(!machine.writeClose(code: nil, reason: "", maskingKey: 0, into: &out))
        #expect(out.readableBytes == 0)
    }

    @Test("The peer closes first: nothing after its close is read, and our answer finishes it")
    func peerClosesFirst() throws {
        var machine = Machine(role: .server)
        let bytes = frame(0x88, [0x0F, 0xA0]) + frame(0x82, [1])
        #expect(try machine.events(bytes) == [.close(code: CloseCode(rawValue: 4000), reason: "")])
        #expect(!machine.isFinished)
        var out = ByteBuffer()
        #expect(machine.writeClose(code: nil, reason: "", maskingKey: 0, into: &out))
        #expect(out.array == [0x88, 0])
        #expect(machine.isFinished)
    }

    @Test("A reason too long for a control frame is cut between characters")
    func longReason() throws {
        var machine = Machine(role: .client)
        var server = Machine(role: .server)
        var out = ByteBuffer()
        machine.writeClose(code: .normalClosure, reason: String(repeating: "é", count: 100), maskingKey: 9, into: &out)
        let events = try server.events(out.array)
        #expect(events == [.close(code: .normalClosure, reason: String(repeating: "é", count: 61))])
    }

    @Test("A silent peer is pinged at 15 s and 30 s and given up at 45 s; any byte starts that anew")
    func keepalive() {
        let second: UInt64 = 1_000_000_000
        var keepalive = Keepalive(pingInterval: 15 * second, deadInterval: 45 * second, now: 0)
        #expect(keepalive.check(at: 0) == .wait(until: 15 * second))
        #expect(keepalive.check(at: 15 * second) == .ping(lookAgain: 30 * second))
        #expect(keepalive.check(at: 20 * second) == .wait(until: 30 * second))
        #expect(keepalive.check(at: 30 * second) == .ping(lookAgain: 45 * second))
        keepalive.heard(at: 44 * second)
        #expect(keepalive.check(at: 45 * second) == .wait(until: 59 * second))
        #expect(keepalive.check(at: 59 * second) == .ping(lookAgain: 74 * second))
        #expect(keepalive.check(at: 89 * second) == .dead)
    }
}
