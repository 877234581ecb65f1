import ArgumentParser

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@main
enum Main {
    static func main() async {
        // A reader that went away is an error of the write that met it, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that grew beyond what this process may write (`ulimit -f`).
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try Nosocks.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let status as ExitStatus {
            exit(status.rawValue)
        } catch {
            end(error)
        }
    }

    /// Help goes to stdout with 0; a usage error is said on stderr, with 2.
    private static func end(_ error: any Error) -> Never {
        let code = Nosocks.exitCode(for: error)
        if code == .success || code == .validationFailure, let word = unknownCommand(), code != .success {
            StandardStream.error.write("nosocks: there is no command \"\(word)\"\(Suggestion.text(for: word))\n".utf8)
            exit(ExitStatus.usage.rawValue)
        }
        guard code == .validationFailure else { Nosocks.exit(withError: error) }
        StandardStream.error.write("nosocks: \(usageError(Nosocks.message(for: error)))\n".utf8)
        exit(ExitStatus.usage.rawValue)
    }

    /// What was wrong, as everything else is said here, and where to read on.
    private static func usageError(_ message: String) -> String {
        let rest = message.dropFirst()
        // An option or an abbreviation stays as it is.
        let isSentence = rest.first?.isLowercase == true
        let text = isSentence ? message.prefix(1).lowercased() + rest : message
        let command = CommandLine.arguments.dropFirst().first { Suggestion.commands.contains($0) }
        return "\(text); see nosocks \(command.map { "\($0) " } ?? "")--help"
    }

    /// The first word of the command line, if it should have been a command and is none.
    private static func unknownCommand() -> String? {
        guard let word = CommandLine.arguments.dropFirst().first(where: { !$0.hasPrefix("-") }) else { return nil }
        return Suggestion.commands.contains(word) ? nil : word
    }
}
