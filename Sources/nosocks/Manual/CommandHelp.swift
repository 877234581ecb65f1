import ArgumentParser

/// What is told of a command, once: its help, its page of the manual and the completions are made from this and from
/// the declarations of its options.
struct CommandHelp: Sendable {
    /// A command line as people would type it, and what it is good for.
    struct Example: Sendable {
        let line: String
        let remark: String?

        init(_ line: String, _ remark: String? = nil) {
            self.line = line
            self.remark = remark
        }
    }

    /// Where it isn't that of the type, in small letters.
    var name: String?
    var abstract: String
    var examples: [Example] = []
    /// What else there is to say, a paragraph each.
    var text: [String] = []
    /// How it may end, besides well, with a failure and with a usage error; and what that means here, if more than
    /// elsewhere.
    var endings: [(status: ExitStatus, meaning: String?)] = []
    /// What it hears of in the environment, besides its own options.
    var environment: [EnvironmentVariable] = []
    /// Not in the help, since it is of no use to people.
    var isHidden = false

    /// As many columns as help has where it isn't on a terminal.
    private static let width = 80

    /// Examples first: most people come for them.
    var discussion: String {
        let shown = examples.isEmpty ? [] : [(["Examples:"] + exampleLines).joined(separator: "\n")]
        return (shown + text).joined(separator: "\n\n")
    }

    /// With the remarks in a column of their own, as far as they fit.
    private var exampleLines: [String] {
        let column = examples.filter { $0.isShort(in: Self.width) }.map(\.line.count).max() ?? 0
        return examples.flatMap { example -> [String] in
            guard let remark = example.remark else { return ["  \(example.line)"] }
            let padding = String(repeating: " ", count: max(0, column - example.line.count))
            let together = "  \(example.line)\(padding)  \(remark)"
            return together.count <= Self.width ? [together] : ["  \(example.line)", "      \(remark)"]
        }
    }
}

extension CommandHelp.Example {
    /// Whether line and remark fit into so many columns.
    fileprivate func isShort(in width: Int) -> Bool {
        remark.map { 2 + line.count + 2 + $0.count <= width } ?? false
    }
}

/// A command that tells of itself.
protocol DocumentedCommand: AsyncParsableCommand {
    static var help: CommandHelp { get }
    static var subcommands: [any DocumentedCommand.Type] { get }
}

extension DocumentedCommand {
    static var subcommands: [any DocumentedCommand.Type] { [] }

    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: help.abstract, discussion: help.discussion,
            version: self == Nosocks.self ? Version.text : "", shouldDisplay: !help.isHidden, subcommands: subcommands)
    }

    static var name: String { help.name ?? "\(self)".lowercased() }
}
