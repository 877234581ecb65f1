import ArgumentParser

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A command's words as they are declared, of what swift-argument-parser dumps of them.
struct CommandInfo: Decodable {
    struct Argument: Decodable {
        enum Kind: String, Decodable {
            case positional
            case option
            case flag
        }

        struct Name: Decodable {
            let kind: String
            let name: String

            var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
        }

        let kind: Kind
        let shouldDisplay: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValues: [String]?
        let abstract: String?

        /// As it is written in settings; nil for what has no long name.
        var longName: String? { names?.first { $0.kind == "long" }?.name }
    }

    let commandName: String
    let arguments: [Argument]?
    let subcommands: [CommandInfo]?

    private struct Dump: Decodable {
        let command: CommandInfo
    }

    /// The program and, below it, all its commands.
    static let program: CommandInfo? = of(Nosocks.self)

    static func of(_ command: any ParsableCommand.Type) -> CommandInfo? {
        try? JSONDecoder().decode(Dump.self, from: Data(command._dumpHelp().utf8)).command
    }

    func subcommand(_ name: String) -> CommandInfo? { subcommands?.first { $0.commandName == name } }
}
