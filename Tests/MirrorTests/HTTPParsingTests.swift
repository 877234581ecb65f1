import Testing
import Tree

@testable import Mirror

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct HTTPParsingTests {
    @Test(arguments: [
        ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=2-", .part(2..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=-30", .part(0..<10)), ("bytes=5-99999999999999999999", .part(5..<10)), ("Bytes= 1 - 2 ", .part(1..<3)),
        ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
        ("bytes=3-2", .whole), ("bytes=0-1,3-4", .whole), ("bytes=-", .whole), ("items=0-1", .whole),
        ("bytes=+1-2", .whole),
        ("", .whole),
    ])
    func `A range is what is there of it, or nothing, or all`(header: String, range: ByteRange) {
        #expect(ByteRange(header, size: 10) == range)
    }

    @Test func `Nothing of an empty file is a range of it`() {
        #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-1", size: 0) == .unsatisfiable)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func `A time is written as HTTP has it, and read again`(seconds: Int64, text: String) {
        #expect(HTTPDate.text(seconds) == text)
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test(arguments: [
        "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 24:00:00 GMT",
    ])
    func `Other forms of a time are no condition`(text: String) {
        #expect(HTTPDate.seconds(text) == nil)
    }

    @Test func `A tag is found in a list, weak or not, and with the mark of compressed content`() throws {
        let digest = try #require(Digest([UInt8](repeating: 0xab, count: 32)))
        let hex = String(repeating: "ab", count: 32)
        func match(_ headers: String...) -> Bool? { EntityTags(headers)?.match(digest) }
        #expect(match("\"\(hex)\"") == true)
        #expect(match("\"x\" , W/\"\(hex)\"") == true)
        #expect(match("\"x\"", "\"\(hex)-gzip\"") == true)
        #expect(match("*") == true)
        #expect(match("\"x\"") == false)
        #expect(match(hex) == false)
        #expect(match("\"\(hex)") == false)
        #expect(EntityTags([String]()) == nil)
        #expect(EntityTags(["*"])?.match(nil) == false)
    }

    @Test func `A target is a path of bytes, a component at a time`() throws {
        #expect(try Route("/files/a%20b/%FF") == .entry(RelativePath(Array("a b/".utf8) + [0xff])))
        #expect(try Route("/files/a/") == .directory(RelativePath("a")))
        #expect(try Route("/files/") == .directory(nil))
        #expect(try Route("/") == .root)
        for target in [
            "/files/a%2Fb", "/files//", "/files/.", "/files/a/../b", "/files/%2e%2e", "/files/%00", "/files/%4",
        ] {
            #expect(throws: Route.Failure.self, "\(target)") { try Route(target) }
        }
        #expect(throws: Route.Failure.unknown) { try Route("/file") }
    }

    @Test func `A path comes back as it was encoded`() throws {
        let bytes = (1...255).map { UInt8($0) }
        #expect(PercentCoding.decode(PercentCoding.encode(path: bytes).utf8) == bytes)
    }

    @Test func `The first value of a name counts, and what is not well encoded does not`() {
        let query = Query("a=1&a=2&b=%zz&c=x+y%2B&d&=e")
        #expect(query.text("a") == "1")
        #expect(query.text("b") == nil)
        #expect(query.text("c") == "x y+")
        #expect(query.has("d"))
        #expect(!query.has("e"))
    }

    @Test(arguments: [
        ("gzip", true), ("deflate, GZIP;q=0.5", true), ("br, *;q=0.1", true), ("gzip;q=0", false),
        ("gzip; q=0.000, *", false),
        ("*;q=0", false), ("identity", false), ("", false),
    ])
    func `gzip is for who names it and does not refuse it`(header: String, isAllowed: Bool) {
        #expect(AcceptEncoding.allowsGzip([header]) == isAllowed)
    }

    @Test func `A token is a bearer's or a password`() {
        let token = String(repeating: "0a", count: 32)
        #expect(Gatekeeper.token("Bearer \(token)") == AccessToken(token))
        #expect(Gatekeeper.token("bearer \(token)") != nil)
        let basic = Data("anyone:\(token)".utf8).base64EncodedString()
        #expect(Gatekeeper.token("Basic \(basic)") == AccessToken(token))
        #expect(Gatekeeper.token("Basic \(token)") == nil)
        #expect(Gatekeeper.token("Basic ****") == nil)
        #expect(Gatekeeper.token("Digest \(token)") == nil)
        #expect(Gatekeeper.token(token) == nil)
    }
}
