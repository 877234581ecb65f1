import ArgumentParser

/// A command's page of the manual, in man(7)'s language.
struct ManualPage {
    /// The words of the command, `nosocks` among them.
    let words: [String]
    let command: any DocumentedCommand.Type
    let info: CommandInfo

    /// All of them, the program's own first.
    static var all: [ManualPage] {
        guard let program = CommandInfo.program else { return [] }
        return ManualPage(words: [program.commandName], command: Nosocks.self, info: program).withThoseBelow
    }

    /// Without its section.
    var name: String { words.joined(separator: "-") }

    private var below: [ManualPage] {
        command.subcommands.filter { !$0.help.isHidden }.compactMap { command in
            info.subcommand(command.name).map {
                ManualPage(words: words + [command.name], command: command, info: $0)
            }
        }
    }

    private var withThoseBelow: [ManualPage] { [self] + below.flatMap(\.withThoseBelow) }

    var text: String {
        var page = ManualText()
        page.title(name, date: Version.date, source: Version.text, manual: "nosocks")
        page.section("NAME", [.text("\(name) - \(Self.phrase(command.help.abstract))")])
        page.section("SYNOPSIS", [.synopsis(words.joined(separator: " "), parts: synopsis)])
        page.section("DESCRIPTION", ([command.help.abstract] + command.help.text).map { .text($0) })
        page.section("EXAMPLES", command.help.examples.map { .example($0.line, remark: $0.remark) })
        page.section("COMMANDS", below.map { .item([.bold($0.words.dropFirst().joined(separator: " "))], $0.abstract) })
        page.section("OPTIONS", shown.map { .item(Self.heading($0), Self.meaning($0)) })
        page.section("EXIT STATUS", Self.endings(command.help).map { .item([.bold($0)], $1) })
        page.section(
            "ENVIRONMENT", environment.map { .item([.bold($0.names.joined(separator: ", "))], $0.meaning) })
        page.section("FILES", files)
        page.section("SEE ALSO", [.text(seeAlso.map { "\($0)(1)" }.joined(separator: ", "))])
        return page.text
    }

    private var environment: [EnvironmentVariable] {
        guard below.isEmpty else { return command.help.environment }
        let options = Settings.options(of: info).compactMap(\.longName).map(Settings.variable)
        return command.help.environment + [.color, .options(options)]
    }

    private var files: [ManualText.Block] {
        guard command is any FolderCommand.Type else { return [] }
        return [.item([.italic("dir"), .plain("/.nosocks/config.toml")], ConfigurationFile.meaning)]
    }

    private var abstract: String { command.help.abstract }
    private var shown: [CommandInfo.Argument] { (info.arguments ?? []).filter(\.shouldDisplay) }

    /// The page above, and those beside and below.
    private var seeAlso: [String] {
        let above = words.count > 1 ? [words.dropLast().joined(separator: "-")] : []
        let others = Self.all.filter { $0.words.count == 2 && words.count == 2 }
        return above + (others + below).map(\.name).filter { $0 != name }
    }

    private var synopsis: [[ManualText.Span]] {
        if !below.isEmpty { return [[.italic("command")], [.plain("["), .italic("options"), .plain("]")]] }
        return shown.filter { !["help", "version"].contains($0.longName) }.map { argument in
            // The long name, and its value if it has one.
            let word = Array(Self.heading(argument).suffix(argument.kind == .option ? 2 : 1))
            return (argument.isOptional ? [.plain("[")] + word + [.plain("]")] : word)
                + (argument.isRepeating ? [.plain("...")] : [])
        }
    }

    private static func heading(_ argument: CommandInfo.Argument) -> [ManualText.Span] {
        guard argument.kind != .positional else { return [.italic(argument.valueName ?? "value")] }
        let names = (argument.names ?? []).map(\.text)
        let short = names.dropLast().flatMap { [ManualText.Span.bold($0), .plain(", ")] }
        let spans = short + names.suffix(1).map { .bold($0) }
        return argument.kind == .flag ? spans : spans + [.italic(" \(argument.valueName ?? "value")")]
    }

    private static func meaning(_ argument: CommandInfo.Argument) -> String {
        var text = argument.abstract ?? ""
        if let values = argument.allValues { text += " (values: \(values.joined(separator: ", ")))" }
        if let value = argument.defaultValue { text += " (default: \(value))" }
        return text
    }

    private static func endings(_ help: CommandHelp) -> [(String, String)] {
        let everywhere: [ExitStatus] = [.done, .failed, .usage]
        let rest = everywhere.filter { status in !help.endings.contains { $0.status == status } }
        return (rest.map { ($0, nil) } + help.endings).sorted { $0.0.rawValue < $1.0.rawValue }
            .map { ("\($0.rawValue)", $1 ?? $0.meaning) }
    }

    /// As it stands after a dash.
    private static func phrase(_ sentence: String) -> String {
        let text = sentence.hasSuffix(".") ? sentence.dropLast() : sentence[...]
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
