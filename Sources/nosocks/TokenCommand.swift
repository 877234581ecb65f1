import ArgumentParser
import Mirror

/// `nosocks token …`: who may join a hub.
struct TokenCommand: DocumentedCommand {
    static let help = CommandHelp(
        name: "token",
        abstract: "Say who may join a hub.",
        examples: [
            .init("nosocks token add laptop ~/notes | ssh laptop 'umask 077; cat > notes.token'"),
            .init("nosocks token add --role read kiosk ~/notes", "one who may only look"),
            .init("nosocks token list ~/notes"),
            .init("nosocks token revoke laptop ~/notes", "out, at once"),
        ],
        text: [
            """
            The hub need not be started again: when the command has ended it knows. A token is printed once, when it is made, and kept by nobody but its \
            holder: who loses it gets another.
            """
        ])

    static let subcommands: [any DocumentedCommand.Type] = [Add.self, List.self, Revoke.self, Rotate.self]

    /// Which hub is meant.
    struct Place: ParsableArguments {
        @Argument(help: ArgumentHelp("The hub's folder.", valueName: "dir"), completion: .directory)
        var directory = "."

        @OptionGroup var talking: TalkOptions

        /// Reads or changes the hub's book, or says why not and ends the command.
        func file<Result>(_ body: (StateFiles) throws -> Result) throws -> Result {
            do {
                return try body(StateFiles(in: directory))
            } catch let failure as StateFiles.Failure {
                talking.talk.fail("\(directory): \(failure)", ["path": directory])
                throw ExitStatus.failed
            }
        }

        /// How long a hub may take to read its book.
        private static let patience = Duration.seconds(5)

        /// Waits until a hub that runs has read its book again, so that whoever goes on finds it as the book is.
        func tellHub() async {
            guard let holder = OpenedFolder.holder(of: directory) else { return }
            do throws(ControlClient.Failure) {
                if try await ControlClient.ask(.readTokens, of: directory, within: Self.patience) == .tokensRead {
                    return
                }
            } catch .notRunning {
                // One that begins reads it when it can be asked and before it lets anybody in. One that could not begin to
                // be asked reads it now.
                return holder.reload()
            } catch {}
            holder.reload()
            talking.talk.warn(
                "the hub does not say that it has read this; if it hangs, this counts once it is started again")
        }
    }

    struct Name: ParsableArguments {
        @Argument(help: ArgumentHelp("What this token is called, by you and in the hub's log.", valueName: "name"))
        var name: String

        func validate() throws {
            guard TokenBook.isName(name) else {
                throw ValidationError("a token's name has 1 to 64 letters, digits, dots, dashes and underscores")
            }
            guard name != HubTokens.givenName else {
                throw ValidationError("\"\(name)\" is the token that the hub was started with; choose another name")
            }
        }
    }

    struct Add: DocumentedCommand {
        static let help = CommandHelp(
            abstract: "Make a token, and print it.",
            examples: [
                .init("nosocks token add laptop ~/notes"),
                .init("nosocks token add --role read kiosk ~/notes", "one who may only look"),
            ])

        @OptionGroup var name: Name
        @OptionGroup var place: Place

        @Option(help: ArgumentHelp("write: may change the folder; read: may follow it.", valueName: "role"))
        var role: PeerRole = .write

        func run() async throws {
            let token = AccessToken.random()
            let isNew = try place.file { file in
                try file.changeBook { book in
                    guard book[name.name] == nil else { return false }
                    book.set(
                        TokenBook.Holder(
                            name: name.name, role: role, digest: token.digest, made: WallClock.seconds))
                    return true
                }
            }
            guard isNew else {
                place.talking.talk.fail("there is a token \"\(name.name)\" already; rotate or revoke it")
                throw ExitStatus.failed
            }
            await place.tellHub()
            StandardStream.output.write("\(token.text)\n".utf8)
        }
    }

    struct Rotate: DocumentedCommand {
        static let help = CommandHelp(
            abstract: "Put a new token in the place of one, and print it; the old one is out at once.",
            examples: [.init("nosocks token rotate laptop ~/notes")])

        @OptionGroup var name: Name
        @OptionGroup var place: Place

        func run() async throws {
            let token = AccessToken.random()
            let isKnown = try place.file { file in
                try file.changeBook { book in
                    guard let old = book[name.name] else { return false }
                    book.set(
                        TokenBook.Holder(
                            name: name.name, role: old.role, digest: token.digest, made: WallClock.seconds))
                    return true
                }
            }
            guard isKnown else { throw TokenCommand.unknown(name.name, place.talking.talk) }
            await place.tellHub()
            StandardStream.output.write("\(token.text)\n".utf8)
        }
    }

    struct Revoke: DocumentedCommand {
        static let help = CommandHelp(
            abstract: "Let a token's holder in no more, from now on.",
            examples: [.init("nosocks token revoke laptop ~/notes")])

        @OptionGroup var name: Name
        @OptionGroup var place: Place

        func run() async throws {
            let isKnown = try place.file { file in try file.changeBook { $0.remove(name.name) } }
            guard isKnown else { throw TokenCommand.unknown(name.name, place.talking.talk) }
            await place.tellHub()
        }
    }

    struct List: DocumentedCommand {
        static let help = CommandHelp(
            abstract: "List names, roles and when each was made; the tokens themselves are with their holders.",
            examples: [.init("nosocks token list ~/notes"), .init("nosocks token list --json | jq -r .name")])

        @OptionGroup var place: Place

        @Flag(help: "One JSON object a line.")
        var json = false

        func run() async throws {
            let book = try place.file { try $0.book() }
            for holder in book.holders {
                let made = WallClock.text(seconds: Int(holder.made))
                let line =
                    json
                    ? "{\"made\":\"\(made)\",\"name\":\"\(holder.name)\",\"role\":\"\(holder.role.rawValue)\"}"
                    : "\(holder.name)\t\(holder.role.rawValue)\t\(made)"
                StandardStream.output.write("\(line)\n".utf8)
            }
        }
    }

    private static func unknown(_ name: String, _ talk: Talk) -> ExitStatus {
        talk.fail("there is no token \"\(name)\"; nosocks token list shows those there are")
        return .failed
    }
}

extension PeerRole: ExpressibleByArgument {}
