import CLinux
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The folder of a replica, held open. Everything below it is reached through this descriptor, never through a symlink,
/// never across a mount, and never by a path joined into a string: so nothing outside of it can be reached.
package final class Root: Sendable {
    /// How paths are resolved.
    package enum Resolution: Sendable {
        /// By openat2(2), in one call.
        case kernel
        /// A component at a time, with `O_NOFOLLOW`: where the kernel has no openat2, or a sandbox forbids it.
        case componentwise
    }

    package let descriptor: Descriptor
    /// Where the folder was when it was opened: absolute, without symlinks.
    package let path: [UInt8]
    package let identity: Identity
    package let resolution: Resolution

    /// Opens the folder at `path`, which a person named: symlinks in it are followed, this once.
    package init(at path: [UInt8], resolution: Resolution? = nil) throws(DiskError) {
        let absolute = withCString(path) { text -> [UInt8]? in
            guard let resolved = realpath(text, nil) else { return nil }
            defer { free(resolved) }
            return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
        }
        guard let absolute else { throw .last("open") }
        let raw = withCString(absolute) { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard raw >= 0 else { throw .last("open") }
        self.descriptor = Descriptor(adopting: raw)
        self.path = absolute
        self.identity = try descriptor.status().identity
        self.resolution = resolution ?? (Self.kernelResolves(descriptor) ? .kernel : .componentwise)
    }

    private static func kernelResolves(_ descriptor: Descriptor) -> Bool {
        let raw = clinux_open_beneath(descriptor.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard raw >= 0 else { return false }
        close(raw)
        return true
    }

    /// Whether the folder that was opened is still the one at its path.
    package var isInPlace: Bool {
        var found = clinux_status()
        let result = withCString(path) { clinux_stat($0, &found) }
        return result == 0 && Status(found).identity == identity
    }

    /// The place of `path`: its parent directory, opened, and its name. Fails with ENOENT, ENOTDIR or ELOOP
    /// (``DiskError/isMissing``) where a directory above it is not there, and with EXDEV at a mount.
    package func place(of path: RelativePath) throws(DiskError) -> Place {
        let directory = try openDirectory(path.parent, flags: clinux_O_PATH | O_DIRECTORY | O_NOFOLLOW)
        return Place(directory: directory, name: Array(path.name), path: path)
    }

    /// Opens a directory for listing; nil is the root itself.
    package func openDirectory(_ path: RelativePath?) throws(DiskError) -> Descriptor {
        try openDirectory(path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }

    /// Opens a file for reading; what is no file is opened just as little as it waits (`O_NONBLOCK`).
    package func openFile(_ path: RelativePath) throws(DiskError) -> Descriptor {
        switch resolution {
        case .kernel: try beneath(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        case .componentwise: try place(of: path).openForReading()
        }
    }

    /// What is at `path`, not following a symlink.
    package func status(of path: RelativePath) throws(DiskError) -> Status {
        try place(of: path).status()
    }

    private func openDirectory(_ path: RelativePath?, flags: Int32) throws(DiskError) -> Descriptor {
        guard let path else {
            let raw = clinux_openat(descriptor.raw, ".", flags | O_CLOEXEC, 0)
            guard raw >= 0 else { throw .last("open") }
            return Descriptor(adopting: raw)
        }
        switch resolution {
        case .kernel: return try beneath(path, flags: flags)
        case .componentwise: return try walk(path, flags: flags)
        }
    }

    private func beneath(_ path: RelativePath, flags: Int32) throws(DiskError) -> Descriptor {
        let raw = withCString(path.bytes) { clinux_open_beneath(descriptor.raw, $0, flags | O_CLOEXEC, 0) }
        guard raw >= 0 else { throw .last("open", path: path) }
        return Descriptor(adopting: raw)
    }

    private func walk(_ path: RelativePath, flags: Int32) throws(DiskError) -> Descriptor {
        var current = descriptor
        let components = path.bytes.split(separator: UInt8(ascii: "/"))
        for (index, component) in components.enumerated() {
            let isLast = index == components.count - 1
            let wanted = isLast ? flags : clinux_O_PATH | O_DIRECTORY | O_NOFOLLOW
            do {
                current = try Place(directory: current, name: Array(component)).open(wanted)
            } catch {
                throw error.at(path)
            }
            let status = try current.status()
            guard status.device == identity.device else { throw DiskError("open", path: path, code: EXDEV) }
        }
        return current
    }
}
