import Testing

extension Commands {
    /// README.ru.md is README.md in another language: of the same parts, with the same commands, names and links in them.
    @Suite("The two READMEs")
    struct Translation {
        /// A paragraph, a list's item, a row of a table, a heading, or lines of code: what stands for itself in a page.
        struct Part {
            let line: Int
            let heading: String
            let kind: String
            /// What both languages have: of code each line's command, else what stands in backquotes, and links' targets.
            let names: [String]
        }

        /// The parts of a page.
        static func parts(_ page: String) -> [Part] {
            var parts: [Part] = []
            var heading = ""
            var open: (line: Int, kind: String, lines: [Substring])?
            func close() {
                guard let (line, kind, lines) = open else { return }
                open = nil
                let names = kind == "code" ? lines.flatMap(command) : self.names(lines.joined(separator: " ")).sorted()
                parts.append(Part(line: line, heading: heading, kind: kind, names: names))
            }
            for (index, line) in page.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let kind = Self.kind(of: line, in: open?.kind)
                if line.isEmpty {
                    if open?.kind != "code" { close() }
                    continue
                }
                let isNew = ["heading", "row", "item"].contains(kind) && !line.hasPrefix("   ")
                if isNew || kind != open?.kind { close() }
                if kind == "heading" { heading = String(line) }
                if open == nil { open = (index + 1, kind, []) }
                open?.lines.append(line)
            }
            close()
            return parts
        }

        private static func kind(of line: Substring, in open: String?) -> String {
            if line.hasPrefix("#") { return "heading" }
            if line.hasPrefix("|") { return "row" }
            if line.prefixMatch(of: #/[0-9]+\. |- /#) != nil { return "item" }
            if open == "item", line.hasPrefix("   ") { return "item" }
            return line.hasPrefix("    ") ? "code" : "paragraph"
        }

        /// What a line of code has before its remark, which is in the page's own language. A line with a remark alone has
        /// nothing.
        private static func command(_ line: Substring) -> [String] {
            let text = line.dropFirst(4)
            guard text.prefix(8).contains(where: { $0 != " " }) else { return [] }
            let indentation = text.prefix { $0 == " " }
            let rest = text.dropFirst(indentation.count)
            // A name in a drawing.
            if let name = rest.firstMatch(of: #/─ \w+/#) { return [String(rest[..<name.range.upperBound])] }
            let end = rest.firstRange(of: #/ {2,}(?=[^ ])/#)?.lowerBound ?? rest.endIndex
            return [String(rest[..<end])]
        }

        private static func names(_ text: String) -> [String] {
            text.matches(of: /`([^`]+)`/).map { String($0.1) }
                + text.matches(of: /\]\(([^)]+)\)/).map { String($0.1) }.filter { !$0.hasPrefix("README") }
        }

        /// Where the two part, in words; nil where they do not.
        static func difference(_ english: String, _ russian: String) -> String? {
            let (ours, theirs) = (parts(english), parts(russian))
            for (one, other) in zip(ours, theirs) {
                let place = "README.md:\(one.line) and README.ru.md:\(other.line), under \"\(one.heading)\""
                guard one.kind == other.kind else {
                    return "\(place): here a \(one.kind), there a \(other.kind); one of them lacks a part"
                }
                guard one.names != other.names else { continue }
                let lacking = one.names.filter { !other.names.contains($0) }
                let foreign = other.names.filter { !one.names.contains($0) }
                if lacking.isEmpty, foreign.isEmpty {
                    return "\(place): order or number differ: \(one.names), \(other.names)"
                }
                return "\(place): README.ru.md lacks \(lacking), and has \(foreign) that README.md has not"
            }
            guard ours.count != theirs.count else { return nil }
            let rest = ours.count > theirs.count ? ours[theirs.count] : theirs[ours.count]
            let lacking = ours.count > theirs.count ? "README.ru.md" : "README.md"
            return "\(lacking) lacks what is at line \(rest.line) of the other, under \"\(rest.heading)\""
        }

        @Test("they have the same parts, commands, names and links, in the same order")
        func inStep() throws {
            let (english, russian) = (try Page.text("README.md"), try Page.text("README.ru.md"))
            #expect(Self.parts(english).count > 140)
            if let difference = Self.difference(english, russian) { Issue.record("\(difference)") }
            #expect(english.contains("(README.ru.md)") && russian.contains("(README.md)"))
        }

        static let changes = [
            ("## B\n\nRun `a` and `b`.\n", "## Б\n\nЗапустите `b` и `a`.\n", nil as String?),
            ("## B\n\n    a --b   # does\n", "## Б\n\n    a --b   # делает\n", nil),
            ("    a --b   # does\n", "    a --c   # делает\n", "lacks [\"a --b\"], and has [\"a --c\"]"),
            ("## B\n\n    a\n    b\n", "## Б\n\n    b\n    a\n", "order or number differ"),
            ("Run `a`.\n\nThen `b`.\n", "Запустите `a`.\n", "README.ru.md lacks what is at line 3 of the other"),
            ("## B\n\n- `a`\n- `b`\n", "## Б\n\n- `a`\n- `c`\n", "README.md:4 and README.ru.md:4, under \"## B\""),
            ("See [this](a.md).\n", "См. [это](b.md).\n", "lacks [\"a.md\"], and has [\"b.md\"]"),
            ("| a | `x` |\n| b | `y` |\n", "| а | `x` |\n", "README.ru.md lacks what is at line 2"),
            ("## B\n\nText.\n", "## Б\n\n    text\n", "here a paragraph, there a code"),
        ]

        @Test("what differs is found, and said where", arguments: changes)
        func found(english: String, russian: String, said: String?) {
            let difference = Self.difference(english, russian)
            #expect(said.map { difference?.contains($0) == true } ?? (difference == nil), "\(difference ?? "nothing")")
        }
    }
}
