/// Writes man(7)'s language.
struct ManualText {
    enum Span {
        case plain(String)
        case bold(String)
        case italic(String)
    }

    enum Block {
        case text(String)
        case item([Span], String)
        case example(String, remark: String?)
        case synopsis(String, parts: [[Span]])
    }

    private(set) var text = ""

    mutating func title(_ name: String, date: String, source: String, manual: String) {
        line(".TH \"\(Self.escaped(name.uppercased()))\" 1 \(date) \"\(source)\" \"\(manual)\"")
    }

    /// A section; none where there is nothing in it.
    mutating func section(_ title: String, _ blocks: [Block]) {
        guard !blocks.isEmpty else { return }
        line(".SH \"\(title)\"")
        for (number, block) in blocks.enumerated() { add(block, isFirst: number == 0) }
    }

    private mutating func add(_ block: Block, isFirst: Bool) {
        switch block {
        case .text(let text):
            if !isFirst { line(".PP") }
            line(Self.paragraph(text))
        case .item(let heading, let text):
            line(".TP")
            line(Self.spans(heading))
            line(Self.paragraph(text))
        case .example(let command, let remark):
            if let remark {
                if !isFirst { line(".PP") }
                line(Self.paragraph(remark.prefix(1).uppercased() + remark.dropFirst() + ":"))
            }
            if remark != nil || !isFirst { line(".sp") }
            line(".RS 4\n.EX\n\(Self.protected(Self.escaped(command)))\n.EE\n.RE")
        case .synopsis(let command, let parts):
            // Neither broken inside a word nor stretched to the margin.
            line(".nh\n.ad l\n\(Self.spans([.bold(command)]))")
            for part in parts { line(Self.spans(part)) }
            line(".ad b\n.hy")
        }
    }

    private mutating func line(_ line: String) { text += line + "\n" }

    /// In lines of the usual length: to the page it makes no difference.
    private static func paragraph(_ text: String) -> String {
        var lines: [String] = []
        for word in escaped(text).split(separator: " ") {
            if let last = lines.last, last.utf8.count + 1 + word.utf8.count <= 76 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines.map(protected).joined(separator: "\n")
    }

    /// Not to be taken for a request.
    private static func protected(_ line: String) -> String {
        line.hasPrefix(".") || line.hasPrefix("'") ? "\\&\(line)" : line
    }

    private static func spans(_ spans: [Span]) -> String {
        spans.map { span in
            switch span {
            case .plain(let text): escaped(text)
            case .bold(let text): "\\fB\(escaped(text))\\fR"
            case .italic(let text): "\\fI\(escaped(text))\\fR"
            }
        }.joined()
    }

    /// What can be typed stays so: a dash is no hyphen, and a quote none of typographers'.
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\e"
            case "-": "\\-"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "^": "\\(ha"
            case "~": "\\(ti"
            case "\"": "\\(dq"
            case _ where !scalar.isASCII: "\\[u\(hex(scalar.value))]"
            default: String(scalar)
            }
        }.joined()
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
