import Mirror

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where a command takes its proxy from: the environment, as curl and git do.
enum ProxySource {
    /// The proxy on the way to a hub; nil where there is none. A variable that can't be followed ends the command.
    static func proxy(to hub: HubAddress, _ talk: Talk) throws -> HubProxy? {
        var environment: [String: String] = [:]
        for name in HubProxy.variables { environment[name] = getenv(name).map { String(cString: $0) } }
        do {
            let proxy = try HubProxy(to: hub, environment: environment)
            if let proxy { talk.detail("goes through \(proxy)") }
            return proxy
        } catch {
            talk.fail("\(error)")
            throw ExitStatus.usage
        }
    }
}
