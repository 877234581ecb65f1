import ArgumentParser
import Mirror
import Replica

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
        // Nobody but root may raise a thread's priority, and libdispatch tells the system's log of each time it tries to.
        setlogmask(1 << LOG_EMERG)
        var settings: Settings?
        do {
            var command = try parse(&settings)
            Rereading.begin(with: settings)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let status as ExitStatus {
            exit(status.rawValue)
        } catch let failure as Settings.Failure {
            usage(failure.text)
        } catch {
            end(error, settings?.sources ?? [])
        }
    }

    /// Reads the command line, then once more with what stands in the place of the options that it lacks.
    static func parse(_ settings: inout Settings?) throws -> any ParsableCommand {
        let words = Array(CommandLine.arguments.dropFirst())
        if Settings.hasVariables {
            settings = Settings(words)
            try settings?.addEnvironment()
        }
        let command = try Nosocks.parseAsRoot(settings?.words ?? words)
        guard let folder = command as? any FolderCommand, let (file, path) = try configuration(of: folder.directory)
        else { return command }
        settings = settings ?? Settings(words)
        try settings?.add(file, at: path)
        return try Nosocks.parseAsRoot(settings?.words ?? words)
    }

    private static func configuration(of folder: String) throws -> (ConfigurationFile, path: String)? {
        let path = "\(String(decoding: FolderReplica.statePath(of: Array(folder.utf8)), as: UTF8.self))/config.toml"
        guard access(path, F_OK) == 0 else { return nil }
        do {
            return (try ConfigurationFile(NamedFile(at: path).text), path)
        } catch let failure as ConfigurationFile.Failure {
            throw Settings.Failure(text: "\(path):\(failure.line): \(failure.reason)")
        } catch {
            throw Settings.Failure(text: "\(error)")
        }
    }

    /// Help goes to stdout with 0; a usage error is said on stderr, with 2.
    private static func end(_ error: any Error, _ sources: [Settings.Source]) -> Never {
        let code = Nosocks.exitCode(for: error)
        if code == .validationFailure, let text = unknownCommand() { usage(text) }
        guard code == .validationFailure else { Nosocks.exit(withError: error) }
        usage(usageError(Nosocks.message(for: error), sources))
    }

    /// What is wrong with what was read.
    static func words(for error: any Error, _ settings: Settings?) -> String {
        if let failure = error as? Settings.Failure { return failure.text }
        return usageError(Nosocks.message(for: error), settings?.sources ?? [])
    }

    private static func usage(_ text: String) -> Never {
        if Journal.isStandardError {
            Journal.write(text, .error)
        } else {
            StandardStream.error.write("nosocks: \(text)\n".utf8)
        }
        exit(ExitStatus.usage.rawValue)
    }

    /// What was wrong, as everything else is said here, and where to read on.
    private static func usageError(_ message: String, _ sources: [Settings.Source]) -> String {
        let rest = message.dropFirst()
        // An option or an abbreviation stays as it is.
        let isSentence = rest.first?.isLowercase == true
        var text = isSentence ? message.prefix(1).lowercased() + rest : message
        text = text.replacing(". Did you mean", with: "; did you mean").replacing(". Please", with: "; please")
        if text.hasSuffix(".") { text.removeLast() }
        let meant = sources.filter { text.contains($0.option) }.map { "\($0.option) is from \($0.place)" }
        let command = CommandLine.arguments.dropFirst().first { Suggestion.commands.contains($0) }
        return (["\(text)"] + meant + ["see nosocks \(command.map { "\($0) " } ?? "")--help"]).joined(separator: "; ")
    }

    /// What to say of the first word of the command line, or the second of a command with commands of its own, if it
    /// should have been a command and is none.
    private static func unknownCommand() -> String? {
        let words = CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("-") }
        return unknown(words[...], of: Nosocks.self, named: "nosocks")
    }

    private static func unknown(
        _ words: ArraySlice<String>, of command: any DocumentedCommand.Type, named name: String
    ) -> String? {
        guard let word = words.first, !command.subcommands.isEmpty else { return nil }
        if let next = command.subcommands.first(where: { $0.name == word }) {
            return unknown(words.dropFirst(), of: next, named: "\(name) \(word)")
        }
        let known =
            command.subcommands.filter { !$0.help.isHidden }.map { $0.name } + (command == Nosocks.self ? ["help"] : [])
        guard !known.contains(word) else { return nil }
        let inner = name.split(separator: " ").dropFirst().map { "\($0) " }.joined()
        return "there is no command \"\(inner)\(word)\"\(Suggestion.text(for: word, among: known, of: name))"
    }
}

/// A command that keeps a folder, which may have settings of its own.
protocol FolderCommand: DocumentedCommand {
    var directory: String { get }
    var replica: ReplicaOptions { get }
    /// The options, with their dashes, that count at once when the settings are read again.
    static var changeable: Set<String> { get }
}
