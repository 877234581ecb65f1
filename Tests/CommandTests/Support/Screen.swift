/// What a terminal makes of what is written to it: as much of ECMA-48 as line editors and progress lines use.
struct Screen {
    private var rows: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    private var columns: Int
    private var height: Int
    /// What came of a sequence that is not complete.
    private var pending: [UInt8] = []
    private(set) var scrolled = 0
    private var wraps = true

    init(columns: Int, rows: Int) {
        self.columns = columns
        height = rows
    }

    var lines: [String] {
        let all = rows.map { String($0) }.map { $0.trimmingSuffix(" ") }
        return Array(all[..<((all.lastIndex { !$0.isEmpty } ?? -1) + 1)])
    }

    mutating func resize(columns: Int, rows: Int) {
        self.columns = columns
        height = rows
    }

    mutating func take(_ bytes: some Sequence<UInt8>) {
        pending += bytes
        while let length = pieceLength {
            let piece = Array(pending.prefix(length))
            pending.removeFirst(length)
            put(piece)
        }
    }

    /// How long the next control, sequence or character is; nil where not all of it has come.
    private var pieceLength: Int? {
        guard let first = pending.first else { return nil }
        guard first == 0x1b else {
            let length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
            return pending.count >= length ? length : nil
        }
        guard pending.count > 1 else { return nil }
        if pending[1] == UInt8(ascii: "]") {
            if let bell = pending.firstIndex(of: 7) { return bell + 1 }
            return pending.indices.dropFirst(2).first { pending[$0] == UInt8(ascii: "\\") && pending[$0 - 1] == 0x1b }
                .map { $0 + 1 }
        }
        guard pending[1] == UInt8(ascii: "[") else { return 2 }
        return pending.dropFirst(2).firstIndex { (0x40...0x7e).contains($0) }.map { $0 + 1 }
    }

    private mutating func put(_ piece: [UInt8]) {
        switch piece[0] {
        case 0x1b: if piece.count > 2, piece[1] == UInt8(ascii: "[") { control(piece) }
        case UInt8(ascii: "\r"): column = 0
        case UInt8(ascii: "\n"): down()
        case 8: column = max(0, column - 1)
        case 0..<32: break
        default: character(Character(String(decoding: piece, as: UTF8.self)))
        }
    }

    private mutating func character(_ character: Character) {
        if column >= columns {
            guard wraps else { return }
            column = 0
            down()
        }
        while rows[row].count <= column { rows[row].append(" ") }
        rows[row][column] = character
        column += 1
    }

    private mutating func down() {
        row += 1
        if row == rows.count { rows.append([]) }
        if rows.count > height {
            rows.removeFirst()
            row -= 1
            scrolled += 1
        }
    }

    private mutating func control(_ sequence: [UInt8]) {
        let parameters = String(decoding: sequence.dropFirst(2).dropLast(), as: UTF8.self)
        let number = Int(parameters) ?? 0
        switch sequence.last.map({ Character(Unicode.Scalar($0)) }) {
        case "A": row = max(0, row - max(1, number))
        case "B": row = min(rows.count - 1, row + max(1, number))
        case "C": column = min(columns - 1, column + max(1, number))
        case "D": column = max(0, column - max(1, number))
        case "K": clearLine(number)
        case "J":
            clearLine(0)
            rows.removeSubrange((row + 1)...)
        case "l": if parameters == "?7" { wraps = false }
        case "h": if parameters == "?7" { wraps = true }
        default: break
        }
    }

    private mutating func clearLine(_ kind: Int) {
        if kind == 2 { rows[row] = [] }
        rows[row] = Array(rows[row].prefix(column))
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}
