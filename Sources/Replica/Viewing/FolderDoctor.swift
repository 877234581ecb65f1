package import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Finds out what a folder's machine and file system can do, and what stands in a replica's way there.
package struct FolderDoctor {
    /// One thing that was looked at.
    package struct Finding: Hashable, Sendable {
        /// In a word.
        package let subject: String
        package let isFine: Bool
        package let text: String
        /// What to do about it; nil where nothing need or can be done.
        package let remedy: String?

        package init(_ subject: String, isFine: Bool = true, _ text: String, remedy: String? = nil) {
            self.subject = subject
            self.isFine = isFine
            self.text = text
            self.remedy = remedy
        }
    }

    private let root: Root
    /// Where something may be tried out; nil where the folder is no replica.
    private let staging: Descriptor?

    package init(at path: [UInt8]) throws(DiskError) {
        root = try Root(at: path)
        let state = try? StatePlace(of: root).open()
        staging = state.flatMap { try? Place(directory: $0, name: Array("staging".utf8)).openDirectory() }
    }

    package func examine() -> [Finding] {
        var findings = [kernel, fileSystem, names, space, watches]
        if let trials {
            findings += trials
        } else {
            findings.append(Finding("replica", "this folder is none yet: what its file system can do was not tried"))
        }
        return findings
    }

    private var kernel: Finding {
        root.resolution == .kernel
            ? Finding("paths", "resolved by openat2, in one call")
            : Finding("paths", "resolved one directory at a time, since there is no openat2 here: as safe, and slower")
    }

    private var fileSystem: Finding {
        guard let name = root.descriptor.fileSystemWithoutEvents else {
            return Finding("events", "the file system tells of every change")
        }
        return Finding(
            "events", isFine: false, "\(name) does not tell of what other machines change: the folder is compared, too",
            remedy: "run nosocks on the machine that has the disk, or set how often with --poll")
    }

    private var names: Finding {
        let other = Array("\(RelativePath.stateName)".utf8).map { $0 >= 0x61 && $0 <= 0x7a ? $0 - 0x20 : $0 }
        guard staging != nil, (try? Place(directory: root.descriptor, name: other).status()) != nil else {
            return Finding("names", "upper and lower case are told apart")
        }
        return Finding(
            "names", isFine: false, "upper and lower case are the same here: of two such names one is not mirrored",
            remedy: "put the folder on a file system that tells them apart")
    }

    private var space: Finding {
        guard let space = try? root.descriptor.fileSystemSpace(), space.total > 0 else {
            return Finding("space", "the file system does not say how much is free")
        }
        let floor = Headroom(floor: Floor()).floor(of: space)
        let text = "\(space.free >> 20) MiB of \(space.total >> 20) MiB are free"
        guard space.free > floor else {
            return Finding(
                "space", isFine: false, "\(text), and \(floor >> 20) MiB are kept free: nothing that arrives fits",
                remedy: "delete something, or keep less free with --min-free")
        }
        return Finding("space", text)
    }

    private var watches: Finding {
        let limits = Watcher.Limits.current
        guard limits.watches > 0 else {
            return Finding(
                "watches", isFine: false, "this system has no inotify: the folder is compared now and then",
                remedy: "set how often with --poll")
        }
        var directories = 1
        var walk = Walk(root)
        while let item = walk.next() {
            if case .found(_, let status) = item, status.kind == .directory { directories += 1 }
        }
        let text = "\(directories) directories, and a user may watch \(limits.watches) in all"
        guard directories <= limits.watches else {
            return Finding(
                "watches", isFine: false, "\(text): the rest is compared now and then",
                remedy: "sudo sysctl fs.inotify.max_user_watches=\(2 * directories)")
        }
        guard limits.instances > 0 else {
            return Finding(
                "watches", isFine: false, "\(text), but none of this user's programs may watch at all",
                remedy: "sudo sysctl fs.inotify.max_user_instances=128")
        }
        return Finding("watches", text)
    }

    // MARK: Trying out

    private var trials: [Finding]? {
        guard let staging else { return nil }
        let tag = "doctor-\(getpid())"
        let one = Place(directory: staging, name: Array("\(tag)-1".utf8))
        let two = Place(directory: staging, name: Array("\(tag)-2".utf8))
        defer {
            try? one.removeFile()
            try? two.removeFile()
        }
        do throws(DiskError) {
            let source = try one.createFile()
            let target = try two.createFile()
            try source.write([1], at: 0)
            try source.synchronize()
            return [exchange(one, two), sharing(source, target), clock(try source.status())]
        } catch {
            return [
                Finding(
                    "writing", isFine: false, "nothing can be written here: \(error)",
                    remedy: "see who owns \(RelativePath.stateName), and whether the file system is read-only")
            ]
        }
    }

    private func exchange(_ one: Place, _ two: Place) -> Finding {
        guard (try? one.exchange(with: two)) == true else {
            return Finding(
                "replacing",
                "in two steps, since the file system can't exchange two names: a name is missing for a moment")
        }
        return Finding("replacing", "in one step: a reader finds the old file or the new one")
    }

    private func sharing(_ source: Descriptor, _ target: Descriptor) -> Finding {
        target.clone(from: source)
            ? Finding("copies", "share their blocks")
            : Finding("copies", "are written out, since the file system can't share blocks between files")
    }

    private func clock(_ status: Status) -> Finding {
        let now = Int64(time(nil))
        let difference = status.mtime.seconds - now
        guard abs(difference) <= 2 else {
            return Finding(
                "clock", isFine: false,
                "the file system's is \(abs(difference)) s \(difference < 0 ? "behind" : "ahead of") this "
                    + "machine's",
                remedy: "set both by NTP; no decision of nosocks depends on it, but other programs' may")
        }
        // The first of January 2024.
        guard now > 1_704_067_200 else {
            return Finding(
                "clock", isFine: false, "it stands before 2024", remedy: "set it; times in logs are of no use")
        }
        return Finding("clock", "file system and machine agree")
    }
}
