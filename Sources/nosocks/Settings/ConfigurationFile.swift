/// A replica's own settings, `.nosocks/config.toml`: of TOML, keys with strings, numbers, booleans and arrays of those.
struct ConfigurationFile: Equatable {
    struct Failure: Error, Equatable {
        /// From 1.
        let line: Int
        let reason: String
    }

    struct Setting: Equatable {
        let key: String
        /// From 1.
        let line: Int
        /// As words of a command line: one, or those of an array.
        let values: [String]
    }

    static let meaning = """
        The replica's own settings, as key = value lines (TOML): options by their names, without the dashes in front; \
        true or false for one without a value, [\"one\", \"another\"] for one that may be given more than once. What \
        the environment or the command line says counts for more. SIGHUP makes the process read them again.
        """

    let settings: [Setting]

    init(_ text: String) throws(Failure) {
        var reader = Reader(Array(text.unicodeScalars))
        var settings: [Setting] = []
        while let setting = try reader.setting() {
            if settings.contains(where: { $0.key == setting.key }) {
                throw Failure(line: setting.line, reason: "\"\(setting.key)\" is set a second time")
            }
            settings.append(setting)
        }
        self.settings = settings
    }
}

/// Reads from the front.
private struct Reader {
    typealias Failure = ConfigurationFile.Failure

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var line = 1

    init(_ scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    /// The next one; nil at the end.
    mutating func setting() throws(Failure) -> ConfigurationFile.Setting? {
        skipSpace(lines: true)
        guard let first = next else { return nil }
        if first == "[" { throw failure("tables are not known here, only KEY = VALUE") }
        let start = line
        let key = word { $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_" }
        guard !key.isEmpty else { throw failure("here a key should be") }
        skipSpace()
        try expect("=")
        skipSpace()
        let values = next == "[" ? try array() : [try value()]
        skipSpace()
        if let next, next != "\n" { throw failure("what follows the value is not understood") }
        return ConfigurationFile.Setting(key: key, line: start, values: values)
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func failure(_ reason: String) -> Failure { Failure(line: line, reason: reason) }

    private mutating func advance() {
        if next == "\n" { line += 1 }
        position += 1
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws(Failure) {
        guard next == scalar else { throw failure("here a \(scalar) should be") }
        advance()
    }

    /// And comments.
    private mutating func skipSpace(lines: Bool = false) {
        while let scalar = next {
            if scalar == "#" {
                while let scalar = next, scalar != "\n" { _ = (scalar, advance()) }
            } else if scalar == " " || scalar == "\t" || scalar == "\r" || lines && scalar == "\n" {
                advance()
            } else {
                return
            }
        }
    }

    private mutating func word(_ belongs: (Unicode.Scalar) -> Bool) -> String {
        var word = String.UnicodeScalarView()
        while let scalar = next, belongs(scalar) {
            word.append(scalar)
            advance()
        }
        return String(word)
    }

    private mutating func array() throws(Failure) -> [String] {
        advance()
        var values: [String] = []
        while true {
            skipSpace(lines: true)
            if next == "]" { break }
            values.append(try value())
            skipSpace(lines: true)
            guard next == "," else { break }
            advance()
        }
        try expect("]")
        return values
    }

    private mutating func value() throws(Failure) -> String {
        if next == "\"" || next == "'" { return try string() }
        let word = word { !" \t\r\n#,[]\"'=".unicodeScalars.contains($0) }
        let isNumber = !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isNumber || "+-._".contains($0)) }
        guard word == "true" || word == "false" || isNumber else {
            throw failure("here a value should be: a number, true, false, or text in quotes")
        }
        return word.filter { $0 != "_" }
    }

    private mutating func string() throws(Failure) -> String {
        let quote = next
        advance()
        var text = String.UnicodeScalarView()
        while let scalar = next, scalar != quote {
            guard scalar != "\n" else { throw failure("the text does not end in this line") }
            advance()
            guard scalar == "\\", quote == "\"" else {
                text.append(scalar)
                continue
            }
            let escapes: [Unicode.Scalar: Unicode.Scalar] = ["\"": "\"", "\\": "\\", "n": "\n", "t": "\t", "r": "\r"]
            guard let escape = next, let meant = escapes[escape] else { throw failure("\\ stands before no escape") }
            text.append(meant)
            advance()
        }
        guard next != nil else { throw failure("the text does not end") }
        advance()
        return String(text)
    }
}
