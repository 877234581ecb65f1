import ArgumentParser
import Mirror
import Tree

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `nosocks ignored PATH…`
struct Ignored: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Say which rule ignores a path, as git check-ignore -v does.",
        examples: [
            .init("nosocks ignored build/app.o", "says .nosocksignore:3:build/, a tab, the path"),
            .init("nosocks ignored --json *", "one JSON object a line"),
        ],
        text: [
            """
            Prints a line for each path that is ignored, and ends with 0 if any is, else with 1. Works whether or not \
            the replica is running.
            """
        ],
        endings: [
            (.done, "At least one path is ignored."), (.failed, "None is."),
            (.usage, "Wrong usage; a path lies in no replica."),
        ])

    @Argument(help: ArgumentHelp("What to ask about; it need not exist.", valueName: "path"), completion: .file())
    var paths: [String]

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var talking: TalkOptions

    func run() async throws {
        let talk = talking.talk
        var replicas = IgnoredPaths()
        var isAny = false
        for path in paths {
            let rule: IgnoredPaths.Rule?
            do {
                rule = try replicas.rule(for: Array(path.utf8))
            } catch {
                talk.fail("\(path): \(Self.text(error))", ["path": path])
                throw ExitStatus.usage
            }
            guard let rule else { continue }
            isAny = true
            StandardStream.output.write(json ? try Line(path, rule).bytes : Self.line(path, rule))
        }
        throw isAny ? ExitStatus.done : ExitStatus.failed
    }

    private static func line(_ path: String, _ rule: IgnoredPaths.Rule) -> [UInt8] {
        (rule.file?.bytes ?? Array("--ignore".utf8)) + Array(":\(rule.line):".utf8) + rule.pattern
            + Array("\t\(path)\n".utf8)
    }

    private static func text(_ failure: IgnoredPaths.Failure) -> String {
        switch failure {
        case .noReplica: "it lies in no replica"
        case .notMirrored: "it is a replica itself, or its state, and nothing that rules are about"
        case .failed(let text): text
        }
    }

    /// A path and its rule, as one JSON object.
    private struct Line: Encodable {
        var path: String
        /// The rule file, from the replica's root, or `--ignore`.
        var source: String
        var line: Int
        var pattern: String

        init(_ path: String, _ rule: IgnoredPaths.Rule) {
            self.path = path
            source = rule.file?.description ?? "--ignore"
            line = rule.line
            pattern = RelativePath.printable(rule.pattern)
        }

        var bytes: [UInt8] {
            get throws {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                return try Array(encoder.encode(self)) + Array("\n".utf8)
            }
        }
    }
}
