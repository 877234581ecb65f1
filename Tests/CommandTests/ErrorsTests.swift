import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Commands {
    @Suite("The table of errors")
    struct Errors {
        private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        private static let path = "\(root)/Sources/nosocks/nosocks.docc/Errors.md"

        /// What the table holds that no source says: how the process ends, and what the person may do.
        private struct Row {
            var status: String
            var remedy: String
        }

        private static func rows(_ page: String) -> [String: Row] {
            var rows: [String: Row] = [:]
            for line in page.split(separator: "\n") where line.hasPrefix("| ") {
                let cells = line.replacing("\\|", with: "\u{0}").split(separator: "|", omittingEmptySubsequences: false)
                    .map { Self.trimmed($0.replacing("\u{0}", with: "|")) }
                guard cells.count == 5 else { continue }
                rows[cells[1]] = Row(status: cells[2], remedy: cells[3])
            }
            return rows
        }

        private static func trimmed(_ text: some StringProtocol) -> String {
            let start = text.drop { $0 == " " }
            return String(start.prefix(start.count - start.reversed().prefix { $0 == " " }.count))
        }

        private static func statuses() throws -> [(number: Int, meaning: String)] {
            let source = try String(contentsOfFile: "\(root)/Sources/nosocks/ExitStatus.swift", encoding: .utf8)
            return try source.matches(of: /case (\w+) = (\d+)/).compactMap { match in
                let text = source.firstMatch(of: try Regex("case \\.\(match.1):\\s*\"([^\"]+)\""))?.output[1].substring
                return Int(match.2).flatMap { number in text.map { (number, String($0)) } }
            }
        }

        private static func page(_ said: SpokenErrors, _ known: [String: Row]) throws -> String {
            var lines = [
                "# Errors", "", "What is said when something is wrong, how the process ends then, and what to do.", "",
                "Words in capitals stand for what is filled in. Without a status everything goes on.", "",
                "| what is said | status | what to do |", "|---|---|---|",
            ]
            for text in said.texts.sorted() {
                let status = said.mistakes.contains(text) ? "2" : said.warnings.contains(text) ? "" : "1"
                let row = known[text] ?? Row(status: status, remedy: "")
                lines.append("| \(text.replacing("|", with: "\\|")) | \(row.status) | \(row.remedy) |")
            }
            lines += ["", "## Exit status", "", "| status | meaning |", "|---|---|"]
            lines += try statuses().map { "| \($0.number) | \($0.meaning) |" }
            return lines.joined(separator: "\n") + "\n"
        }

        /// With NOSOCKS_TEST_WRITE=yes the table is written anew: then new errors stand in it, and lack what to do.
        @Test("it has all that is said, and nothing else, with a status that there is and what to do")
        func inStep() throws {
            let said = try SpokenErrors(under: Self.root)
            #expect(said.texts.count > 60)
            let present = (try? String(contentsOfFile: Self.path, encoding: .utf8)) ?? ""
            let page = try Self.page(said, Self.rows(present))
            if ProcessInfo.processInfo.environment["NOSOCKS_TEST_WRITE"] == "yes" {
                try page.write(toFile: Self.path, atomically: true, encoding: .utf8)
            }
            #expect(page == present)
            let statuses = Set(try Self.statuses().map { "\($0.number)" })
            #expect(statuses.count == 13)
            for (text, row) in Self.rows(page) where said.texts.contains(text) {
                #expect(!row.remedy.isEmpty, "what is to be done about: \(text)")
                let numbers = row.status.split(separator: ", ").map(String.init)
                #expect(numbers.allSatisfy(statuses.contains), "\(text)")
                if said.mistakes.contains(text) { #expect(row.status == "2", "\(text)") }
                if said.warnings.contains(text) { #expect(row.status == "" || numbers.count > 0, "\(text)") }
            }
        }
    }
}
