import ArgumentParser

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// `nosocks generate DIR`: for `make install`.
struct Generate: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Write the manual's pages and the shells' completions, as they lie below share.",
        examples: [.init("nosocks generate /usr/local/share")], isHidden: true)

    @Argument(help: ArgumentHelp("The folder; made if missing.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Flag(help: "Only print their names.")
    var list = false

    func run() async throws {
        if list {
            for file in Self.files { StandardStream.output.write("\(file.name)\n".utf8) }
            return
        }
        for file in Self.files { try write(file.text(), to: "\(directory)/\(file.name)") }
    }

    /// Names below the folder, and what is in them, each made when it is its turn.
    private static var files: [(name: String, text: () -> String)] {
        let completions: [(String, CompletionShell)] = [
            ("bash-completion/completions/nosocks", .bash), ("zsh/site-functions/_nosocks", .zsh),
            ("fish/vendor_completions.d/nosocks.fish", .fish),
        ]
        return completions.map { name, shell in (name, { Nosocks.completionScript(for: shell) }) }
            + ManualPage.all.map { page in ("man/man1/\(page.name).1", { page.text }) }
    }

    private func write(_ text: String, to path: String) throws {
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        for count in 1..<components.count {
            let folder = components[..<count].joined(separator: "/")
            if !folder.isEmpty { mkdir(folder, 0o755) }
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard StandardStream.write(text.utf8, to: descriptor) else { throw failure(path) }
    }

    private func failure(_ path: String) -> ExitStatus {
        Talk(level: .normal).fail("\(path): \(String(cString: strerror(errno)))", ["path": path])
        return .failed
    }
}
