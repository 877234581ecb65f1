import Testing

@testable import Disk

@Suite struct FileSystemEventsTests {
    @Test func `File systems that others can change are known by their numbers`() {
        #expect(Descriptor.nameWithoutEvents(ofType: 0x6969) == "NFS")
        #expect(Descriptor.nameWithoutEvents(ofType: 0x6573_5546) == "FUSE")
        #expect(Descriptor.nameWithoutEvents(ofType: 0x0102_1997) == "9p")
        // ext, btrfs, XFS, tmpfs, overlayfs.
        for local: UInt64 in [0xef53, 0x9123_683e, 0x5846_5342, 0x0102_1994, 0x794c_7630] {
            #expect(Descriptor.nameWithoutEvents(ofType: local) == nil)
        }
    }

    @Test func `A local folder needs no comparing`() throws {
        let root = try Scratch().root()
        #expect(root.descriptor.fileSystemWithoutEvents == nil)
    }
}
