import ArgumentParser
import Mirror
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What stands in the place of options that a command line lacks: `NOSOCKS_…` in the environment, then the replica's own
/// `.nosocks/config.toml`. Both are made into words of the command line, so that they are read and checked as those are.
struct Settings {
    /// A setting and where it comes from.
    struct Source {
        /// Of the option, with its dashes.
        let option: String
        let place: String
        let values: [String]
    }

    struct Failure: Error {
        let text: String
    }

    /// The command that the words name, if they name one.
    private let command: CommandInfo
    /// How many words name it.
    private let count: Int
    private(set) var words: [String]
    private(set) var sources: [Source] = []

    /// A secret is none of them: it stands in NOSOCKS_TOKEN, which is no option.
    static func variable(of option: String) -> String {
        "NOSOCKS_" + option.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    /// Nil where the words name no command.
    init?(_ words: [String]) {
        var command: any DocumentedCommand.Type = Nosocks.self
        var count = 0
        while count < words.count, let next = command.subcommands.first(where: { $0.name == words[count] }) {
            command = next
            count += 1
        }
        guard count > 0, command.subcommands.isEmpty, let info = CommandInfo.of(command) else { return nil }
        self.command = info
        self.count = count
        self.words = words
    }

    /// Whether any variable may be meant, so that nothing is worked out for those who have none.
    static var hasVariables: Bool {
        var entry = environ
        while let variable = entry.pointee {
            if strncmp(variable, "NOSOCKS_", 8) == 0, strncmp(variable, "NOSOCKS_TOKEN=", 14) != 0 { return true }
            entry += 1
        }
        return false
    }

    mutating func addEnvironment() throws(Failure) {
        for option in Self.options(of: command) {
            guard let name = option.longName, let value = Terminal.variable(Self.variable(of: name)) else { continue }
            try add(option, [value], from: Self.variable(of: name))
        }
    }

    /// Below what was added before: that counts for more.
    mutating func add(_ file: ConfigurationFile, at path: String) throws(Failure) {
        let known = Self.options(of: command)
        for setting in file.settings {
            let name = setting.key.replacing("_", with: "-")
            guard let option = known.first(where: { $0.longName == name }) else {
                try Self.checkElsewhere(name, "\(path):\(setting.line)")
                continue
            }
            if setting.values.count != 1, !option.isRepeating {
                throw Failure(text: "\(path):\(setting.line): \(setting.key) takes one value")
            }
            try add(option, setting.values, from: "\(path):\(setting.line)")
        }
    }

    private mutating func add(
        _ option: CommandInfo.Argument, _ values: [String], from place: String
    ) throws(Failure) {
        guard let name = option.longName, !isGiven(option) else { return }
        sources.append(Source(option: "--\(name)", place: place, values: values))
        if option.kind == .flag {
            switch values.first?.lowercased() ?? "" {
            case "1", "true", "yes", "on": words.insert("--\(name)", at: count)
            // It stays known as given, so that what counts for less does not bring it back.
            case "0", "false", "no", "off", "": break
            default: throw Failure(text: "\(place): \(name) is yes or no, not \"\(values[0])\"")
            }
        } else {
            words.insert(contentsOf: values.map { "--\(name)=\($0)" }, at: count)
        }
    }

    /// Whether a word of the command line, or a setting that counts for more, says it.
    private func isGiven(_ option: CommandInfo.Argument) -> Bool {
        let names = (option.names ?? []).map(\.text)
        let options = words.prefix { $0 != "--" }
        return options.contains { word in names.contains { word == $0 || word.hasPrefix("\($0)=") } }
            || sources.contains { names.contains($0.option) }
    }

    /// What may be set: all but what is no setting of anything.
    static func options(of command: CommandInfo) -> [CommandInfo.Argument] {
        (command.arguments ?? []).filter { argument in
            guard let name = argument.longName, argument.kind != .positional else { return false }
            return argument.shouldDisplay && !["help", "version"].contains(name)
        }
    }

    /// One file serves a folder as a hub's and as a peer's: what only the other knows is no mistake.
    private static func checkElsewhere(_ name: String, _ place: String) throws(Failure) {
        let all = [CommandInfo.of(Hub.self), CommandInfo.of(Join.self)].compactMap(\.self).flatMap(options)
            .compactMap(\.longName)
        guard !all.contains(name) else { return }
        throw Failure(text: "\(place): there is no setting \"\(name)\"\(Suggestion.text(for: name, among: all))")
    }
}
