import ArgumentParser
import Mirror

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where a command takes its token from: a file, or the environment; never its own words, which everybody can see.
struct TokenSource: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file that holds the token; without it, NOSOCKS_TOKEN in the environment, if set.", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    static let variable = "NOSOCKS_TOKEN"

    /// The token; nil where none was given. One that can't be had ends the command.
    func token(_ talk: Talk) throws -> AccessToken? {
        if let tokenFile { return try Self.read(tokenFile, talk) }
        guard let value = getenv(Self.variable).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        guard let token = AccessToken(value) else {
            talk.fail("\(Self.variable) holds no token: one is 64 hexadecimal digits")
            throw ExitStatus.usage
        }
        return token
    }

    static func read(_ path: String, _ talk: Talk) throws -> AccessToken {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            talk.fail("\(path): the token cannot be read: \(String(cString: strerror(errno)))", ["path": path])
            throw ExitStatus.usage
        }
        defer { close(file) }
        var status = stat()
        if fstat(file, &status) == 0, status.st_mode & 0o077 != 0 {
            talk.warn("\(path): others can read this token; chmod 600 keeps it yours", ["path": path])
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = systemRead(file, &bytes, bytes.count)
        guard count > 0, let token = AccessToken(String(decoding: bytes.prefix(count), as: UTF8.self)) else {
            talk.fail("\(path): there is no token in it: one is 64 hexadecimal digits", ["path": path])
            throw ExitStatus.usage
        }
        return token
    }
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
