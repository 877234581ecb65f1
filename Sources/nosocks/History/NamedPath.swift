import ArgumentParser
import Replica
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A path that a person named, in the replica that it lies in.
struct NamedPath {
    /// The replica's folder, absolute.
    let folder: [UInt8]
    /// Nil for the folder itself.
    let path: RelativePath?
    /// Whether it was written with a slash at its end: a directory is meant.
    let isDirectory: Bool

    /// A path as it was typed, of which the program's own arguments know the bytes.
    static func bytes(of argument: String) -> [UInt8] {
        guard argument.unicodeScalars.contains("\u{fffd}") else { return Array(argument.utf8) }
        for index in 0..<Int(CommandLine.argc) {
            guard let raw = CommandLine.unsafeArgv[index] else { continue }
            let bytes = Array(UnsafeRawBufferPointer(start: raw, count: strlen(raw)))
            if String(decoding: bytes, as: UTF8.self) == argument { return bytes }
        }
        return Array(argument.utf8)
    }

    /// Finds the replica by going up from the path to the first folder that has a `.nosocks`. Nothing needs to be there
    /// under the path itself: it may be what was deleted.
    init?(_ argument: String) {
        let typed = Self.bytes(of: argument)
        isDirectory = typed.last == Self.slash
        let components = Self.absolute(typed)
        for count in stride(from: components.count, through: 0, by: -1) {
            let folder = Self.joined(components[..<count])
            guard Self.isReplica(folder) else { continue }
            self.folder = folder
            guard count < components.count else {
                path = nil
                return
            }
            guard let path = try? RelativePath(Array(components[count...].joined(separator: [Self.slash]))) else {
                return nil
            }
            self.path = path
            return
        }
        return nil
    }

    /// A path inside a folder that was named itself.
    init?(_ argument: String, in folder: String) {
        let typed = Self.bytes(of: argument)
        isDirectory = typed.last == Self.slash
        self.folder = Self.bytes(of: folder)
        guard Self.isReplica(self.folder) else { return nil }
        var components = typed.split(separator: Self.slash).filter { $0 != [Self.dot] }
        // From where one is, too, as the shell completes it.
        let outer = Self.absolute(self.folder)
        let inner = Self.absolute(typed)
        if typed.first == Self.slash {
            guard inner.starts(with: outer) else { return nil }
            components = inner.dropFirst(outer.count).map { $0[...] }
        }
        guard !components.isEmpty else {
            path = nil
            return
        }
        guard let path = try? RelativePath(Array(components.joined(separator: [Self.slash]))) else { return nil }
        self.path = path
    }

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")

    /// Without `.` and `..`, by the names alone: what was deleted can't be asked where it leads.
    private static func absolute(_ path: [UInt8]) -> [[UInt8]] {
        var components: [[UInt8]] = []
        let whole = path.first == slash ? path : currentDirectory() + [slash] + path
        for component in whole.split(separator: slash) where component != [dot] {
            if component == [dot, dot] {
                _ = components.popLast()
            } else {
                components.append(Array(component))
            }
        }
        return components
    }

    private static func currentDirectory() -> [UInt8] {
        guard let path = getcwd(nil, 0) else { return [] }
        defer { free(path) }
        return Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }

    private static func joined(_ components: ArraySlice<[UInt8]>) -> [UInt8] {
        [slash] + Array(components.joined(separator: [slash]))
    }

    static func isReplica(_ folder: [UInt8]) -> Bool {
        let index = FolderReplica.statePath(of: folder) + Array("/index.sqlite".utf8) + [0]
        return index.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { access($0, F_OK) == 0 } ?? false }
        }
    }
}

extension FolderView {
    /// Opens a replica's folder for a command, or says why not and ends the command.
    static func open(_ folder: [UInt8], _ talk: Talk) throws -> FolderView {
        do {
            return try FolderView(at: folder)
        } catch {
            let name = RelativePath.printable(folder)
            let reason =
                switch error {
                case .noReplica: "there is no replica here; nosocks hub and nosocks join make one"
                case .index(let error): "\(error)"
                case .failed(let error): "\(error)"
                }
            talk.fail("\(name): \(reason)", ["path": name])
            throw ExitStatus.failed
        }
    }
}

extension NamedPath {
    static func find(_ argument: String, in folder: String? = nil, _ talk: Talk) throws -> NamedPath {
        let found = folder.map { NamedPath(argument, in: $0) } ?? NamedPath(argument)
        guard let found else {
            talk.fail("\(argument): it is in no replica; nosocks hub and nosocks join make one", ["path": argument])
            throw ExitStatus.failed
        }
        return found
    }
}
