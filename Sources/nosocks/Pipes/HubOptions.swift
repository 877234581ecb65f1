import ArgumentParser
import Mirror
import Tree

/// Which hub a command asks, and how it gets there.
struct HubOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The hub's address: ws://HOST:PORT, or HOST[:PORT], or unix:PATH.", valueName: "url"))
    var url: String

    @OptionGroup var way: HubWay

    static let environment = HubWay.environment

    func validate() throws {
        _ = try HubAddress(argument: url)
    }

    var talk: Talk { way.talk }

    /// Visits the hub, or says why that failed, or what it asked for, and ends the command.
    func visit<Result>(_ body: (inout RemoteHub) async throws -> Result) async throws -> Result {
        try await way.reach(url) { try await RemoteHub.visit($0, body) }
    }
}

/// How a command gets to a hub.
struct HubWay: ParsableArguments {
    @OptionGroup var tokens: TokenSource

    @Option(help: ArgumentHelp("The hub's certificate, by the pin that the hub prints.", valueName: "sha256:…"))
    var pin: String?

    @Flag(help: "Send a token over plain ws:// beyond loopback, where everybody in between can read it.")
    var insecure = false

    @OptionGroup var talking: TalkOptions

    static let environment: [EnvironmentVariable] = [.token, .proxy]

    func validate() throws {
        if let pin, HubPin(pin) == nil { throw ValidationError.pin(pin) }
    }

    var talk: Talk { talking.talk }

    /// Connects, or says why that failed and ends the command.
    func reach<Result>(_ url: String, _ body: (RemoteHub.Options) async throws -> Result) async throws -> Result {
        let talk = talk
        let hub = try HubAddress(argument: url)
        var options = RemoteHub.Options(hub: hub)
        options.token = try tokens.token(talk)
        options.proxy = try ProxySource.proxy(to: hub, talk)
        try options.token?.mayTravel(to: hub, through: options.proxy, insecure: insecure, talk)
        if let pin = pin.flatMap({ HubPin($0) }) { options.trust = .pin(pin) }
        do {
            return try await body(options)
        } catch let failure as RemoteFailure {
            talk.fail("\(hub): \(failure.text)", ["url": "\(hub)"])
            throw ExitStatus(failure)
        }
    }
}

extension ExitStatus {
    init(_ failure: RemoteFailure) {
        switch failure {
        case .unreachable: self = .unreachable
        case .forbidden, .untrusted: self = .refused
        case .notAHub: self = .incompatible
        case .noSpace: self = .noSpace
        case .notFound, .conflict, .failed: self = .failed
        }
    }
}

extension HubAddress {
    /// Of a command line.
    init(argument text: String) throws {
        do {
            self = try HubAddress(text)
        } catch {
            throw ValidationError(
                "\"\(text)\" is no hub's address: \(error); write wss://HOST:PORT, ws://HOST:PORT or unix:PATH")
        }
    }
}

extension ValidationError {
    static func pin(_ text: String) -> ValidationError {
        ValidationError("--pin \(text): a pin is sha256: and 64 hexadecimal digits, as the hub prints it")
    }
}

extension AccessToken {
    /// Ends the command where others could read the token on its way.
    func mayTravel(to hub: HubAddress, through proxy: HubProxy?, insecure: Bool, _ talk: Talk) throws {
        guard !hub.isSecure, !insecure, hub.isInTheOpen || proxy?.isInTheOpen == true else { return }
        let way = proxy.map { " through \($0)" } ?? ""
        talk.fail(
            "\(hub) is not encrypted, and the token would be read on the way\(way); use wss://, or say --insecure")
        throw ExitStatus.usage
    }
}

extension RelativePath {
    /// A path at a hub, as it was typed: without slashes around it.
    init(argument text: String) throws {
        var bytes = NamedPath.bytes(of: text)[...]
        while bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
        while bytes.starts(with: Array("./".utf8)) { bytes = bytes.dropFirst(2) }
        do {
            self = try RelativePath(Array(bytes))
        } catch {
            throw ValidationError("\"\(text)\" is no path in a hub's folder: \(error)")
        }
    }

    /// The same, where a dot, a slash or nothing is the folder itself.
    static func orFolder(argument text: String?) throws -> RelativePath? {
        guard let text, !["", ".", "./", "/"].contains(text) else { return nil }
        return try RelativePath(argument: text)
    }
}
