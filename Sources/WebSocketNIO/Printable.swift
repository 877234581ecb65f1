extension String {
    /// A stranger's words go to a terminal: at most 200 characters, and no control sequences.
    var printable: String {
        let safe = unicodeScalars.filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
        return String(String(String.UnicodeScalarView(safe)).prefix(200))
    }
}
