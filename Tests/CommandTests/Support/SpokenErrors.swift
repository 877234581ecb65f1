#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the sources say when something is wrong, as a person gets to read it.
struct SpokenErrors {
    /// With a word in capitals for whatever is filled in.
    let texts: Set<String>
    /// Of them, those that are warnings: everything goes on.
    let warnings: Set<String>
    /// Of them, those of a wrong command line or wrong settings.
    let mistakes: Set<String>

    private static let places: [(call: String, isWarning: Bool, isMistake: Bool)] = [
        (".fail(", false, false), (".warn(", true, false), ("ValidationError(", false, true),
        ("Settings.Failure(text:", false, true), (" Failure(text:", false, true), (" failure(", false, true),
        ("reason:", false, true), (" Failure(", false, false), ("StateFiles.Failure(", false, false),
    ]
    /// Where what is wrong is put into words case by case.
    private static let wordings = [
        "ControlCommands.swift", "Wording.swift", "RestoreCommand.swift", "Ignored.swift", "NamedPath.swift",
        "Problem+Words.swift",
    ]

    init(under root: String) throws {
        var (texts, warnings, mistakes): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for file in try Self.files(under: root) {
            let source = try Substring(String(contentsOfFile: file, encoding: .utf8))
            for place in Self.places {
                for range in source.ranges(of: place.call) {
                    guard let text = Self.literal(source[range.upperBound...]) else { continue }
                    texts.insert(text)
                    if place.isWarning { warnings.insert(text) }
                    if place.isMistake { mistakes.insert(text) }
                }
            }
            guard Self.wordings.contains(where: { file.hasSuffix("/\($0)") }) else { continue }
            for range in source.ranges(of: /case \.[^:\n]+:/) {
                if let text = Self.literal(source[range.upperBound...]), text.contains(" ") { texts.insert(text) }
            }
        }
        (self.texts, self.warnings, self.mistakes) = (texts, warnings.intersection(texts), mistakes)
    }

    private static func files(under root: String) throws -> [String] {
        let manager = FileManager.default
        let own = try manager.subpathsOfDirectory(atPath: "\(root)/Sources/nosocks").map {
            "\(root)/Sources/nosocks/\($0)"
        }
        let access = try manager.subpathsOfDirectory(atPath: "\(root)/Sources/Mirror/Access")
            .map { "\(root)/Sources/Mirror/Access/\($0)" }
        return (own + access + ["\(root)/Sources/Mirror/Problem+Words.swift"]).filter { $0.hasSuffix(".swift") }
    }

    /// The text that comes next, if one does, in however many pieces; nil for one that is all filled in.
    private static func literal(_ source: Substring) -> String? {
        var rest = source.drop(while: \.isWhitespace)
        var text = ""
        while rest.first == "\"", !rest.hasPrefix("\"\"\"") {
            text += piece(&rest)
            let after = rest.drop(while: \.isWhitespace)
            guard after.first == "+" else { break }
            rest = after.dropFirst().drop(while: \.isWhitespace)
        }
        return text.contains(where: \.isLowercase) ? text : nil
    }

    /// Up to the quote that ends it.
    private static func piece(_ rest: inout Substring) -> String {
        var text = ""
        rest.removeFirst()
        while let character = rest.popFirst(), character != "\"" {
            guard character == "\\", let next = rest.popFirst() else {
                text.append(character)
                continue
            }
            text += next == "(" ? filled(&rest) : String(next)
        }
        return text
    }

    /// Up to the parenthesis that ends what is filled in.
    private static func filled(_ rest: inout Substring) -> String {
        var depth = 1
        var expression = ""
        while let character = rest.popFirst() {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if depth == 0 { break }
            expression.append(character)
        }
        guard let match = expression.wholeMatch(of: /(?:\w+\.)*(\w+)(?:\(.*\))?/) else { return "…" }
        return match.1.uppercased()
    }
}
