import CLinux

extension Descriptor {
    /// The name of the file system that this is on, if others than this machine can change it: of that inotify does not
    /// hear. Nil for all others.
    package var fileSystemWithoutEvents: String? {
        Self.nameWithoutEvents(ofType: clinux_filesystem_type(raw))
    }

    /// By the numbers of statfs(2) and the kernel's magic.h.
    static func nameWithoutEvents(ofType type: UInt64) -> String? {
        switch type {
        case 0x6969: "NFS"
        case 0x6573_5546: "FUSE"
        case 0x0102_1997: "9p"
        case 0xff53_4d42, 0xfe53_4d42, 0x517b: "SMB"
        case 0x786f_4256: "vboxsf"
        case 0x00c3_6400: "Ceph"
        case 0x5346_414f, 0x6b41_4653: "AFS"
        case 0x7375_7245: "Coda"
        case 0x0bd0_0bd0: "Lustre"
        case 0x0116_1970: "GFS2"
        case 0x7461_636f: "OCFS2"
        case 0x4750_4653: "GPFS"
        case 0x1983_0326: "BeeGFS"
        default: nil
        }
    }
}
