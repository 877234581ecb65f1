import Mirror

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The sockets that a service manager has opened for this process (sd_listen_fds(3)).
enum PassedSockets {
    struct Failure: Error {
        /// For a person.
        let text: String

        init(_ text: String) {
            self.text = text
        }
    }

    private static let first: Int32 = 3
    private static let variables = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]

    /// None where there are none. What was said of them is taken out of the environment, and they stay out of other
    /// programs: neither is meant for what this process starts in its turn.
    static func take() throws(Failure) -> [HubListener] {
        let said = variables.map { Terminal.variable($0) }
        for variable in variables { unsetenv(variable) }
        guard let count = said[0].flatMap({ Int32($0) }), count > 0, said[1] == "\(getpid())" else { return [] }
        let names = said[2]?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
        guard count <= 1024 else { throw Failure("LISTEN_FDS=\(count): that many sockets are not passed") }
        var listeners: [HubListener] = []
        for descriptor in first..<first + count {
            let index = Int(descriptor - first)
            let name = index < names.count && !names[index].isEmpty ? " (\(names[index]))" : ""
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            do {
                listeners.append(HubListener(address: try address(of: descriptor), descriptor: descriptor))
            } catch {
                throw Failure("descriptor \(descriptor)\(name) \(error.text)")
            }
        }
        return listeners
    }

    private static func address(of descriptor: Int32) throws(Failure) -> HubAddress {
        guard try option(SO_TYPE, of: descriptor) == stream else { throw Failure("is no stream socket") }
        #if os(Linux)
        guard try option(SO_ACCEPTCONN, of: descriptor) != 0 else {
            throw Failure("does not listen; Accept=no is what a hub wants")
        }
        #endif
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let found = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                getsockname(descriptor, pointer, &length) == 0 ? address(pointer, length) : nil
            }
        }
        guard let found else { throw Failure("is bound to no address that is known here") }
        return found
    }

    private static func address(_ pointer: UnsafeMutablePointer<sockaddr>, _ length: socklen_t) -> HubAddress? {
        switch Int32(pointer.pointee.sa_family) {
        case AF_UNIX:
            let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(length)).dropFirst(pathOffset)
            // A name that lies in no directory begins with a zero.
            let isAbstract = bytes.first == 0
            let path = (isAbstract ? bytes.dropFirst() : bytes).prefix { $0 != 0 }
            return HubAddress(socketPath: (isAbstract ? "@" : "") + String(decoding: path, as: UTF8.self))
        case AF_INET, AF_INET6:
            var host = [CChar](repeating: 0, count: 128)
            var port = [CChar](repeating: 0, count: 16)
            let code = getnameinfo(
                pointer, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
            guard code == 0, let number = Int(text(port)) else { return nil }
            return HubAddress(host: text(host), port: number)
        default: return nil
        }
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let pathOffset = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2

    #if os(Linux)
    private static let stream = Int32(SOCK_STREAM.rawValue)
    #else
    private static let stream = SOCK_STREAM
    #endif

    private static func option(_ name: Int32, of descriptor: Int32) throws(Failure) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 else {
            throw Failure("is no socket: \(String(cString: strerror(errno)))")
        }
        return value
    }
}
