import Mirror
import Replica

/// Whom a hub lets in: those in its book, and whoever has the token that it was started with.
struct HubTokens: Sendable {
    /// The name under which the token given at the start stands in the book; no other can have it.
    static let givenName = "given"
    /// The name of the first token that a hub makes by itself.
    private static let firstName = "first"

    let directory: String
    let source: TokenSource
    let talk: Talk

    /// Reads what there is, or says why that can't be and ends the command.
    func load() throws -> TokenBook {
        var book = try attempt { try $0.book() }
        if let token = try source.token(talk) {
            book.set(TokenBook.Holder(name: Self.givenName, role: .write, digest: token.digest, made: 0))
        }
        return book
    }

    /// The same, and makes a first token where there is none. Returns the file that it is in, then.
    func loadOrBegin() throws -> (book: TokenBook, madeIn: String?) {
        let book = try load()
        guard book.isEmpty else { return (book, nil) }
        let token = AccessToken.random()
        try attempt { file in
            try file.write("\(token.text)\n", to: "token")
            try file.changeBook { book in
                book.set(
                    TokenBook.Holder(name: Self.firstName, role: .write, digest: token.digest, made: WallClock.seconds))
            }
        }
        let state = FolderReplica.statePath(of: Array(directory.utf8))
        return (try load(), "\(String(decoding: state, as: UTF8.self))/token")
    }

    /// Those in its book alone, as they are now; nil where that can't be read, of which nothing is said.
    func listed() -> TokenBook? { try? StateFiles(in: directory).book() }

    /// Reads again while the hub runs; nil, and said why, where that can't be: then the old book goes on.
    func reload() -> TokenBook? { try? load() }

    private func attempt<Result>(_ body: (StateFiles) throws -> Result) throws -> Result {
        do {
            return try body(StateFiles(in: directory))
        } catch let failure as StateFiles.Failure {
            talk.fail("\(directory): \(failure)", ["path": directory])
            throw ExitStatus.failed
        }
    }
}
