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
            "A file that holds the token, or - for stdin; without it, NOSOCKS_TOKEN in the environment, if set.",
            valueName: "file"),
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

    /// It can be read once, and a hub that reads its tokens again means the same one.
    private static let standardInput = Result { try NamedFile(at: "/dev/stdin") }

    static func read(_ path: String, _ talk: Talk) throws -> AccessToken {
        let file: NamedFile
        do {
            file = try path == "-" ? standardInput.get() : NamedFile(at: path)
        } catch {
            talk.fail("\(error)", ["path": path])
            throw ExitStatus.usage
        }
        if file.isOpenToOthers {
            talk.warn("\(path): others can read this token; chmod 600 keeps it yours", ["path": path])
        }
        guard let token = AccessToken(file.text) else {
            talk.fail("\(path): there is no token in it: one is 64 hexadecimal digits", ["path": path])
            throw ExitStatus.usage
        }
        return token
    }
}
