import NIOCore
import NIOHTTP1
import Sync
import Synchronization
import Tree
import WebSocketNIO

// Whoever comes with plain HTTP. A request is decided on before its body is read; what is served, is by a task of its own.
extension HubService {
    /// On an event loop.
    nonisolated func decide(_ request: PlainRequest) -> HTTPDecision {
        let target = request.target
        let route: Route
        do {
            route = try Route(target.path)
        } catch {
            switch error {
            case .unknown: return .answer(HubFace.answer(request.head))
            case .encoding: return .answer(HTTPAnswer(status: .badRequest, text: "The path is not well encoded."))
            case .path(let error): return .answer(HTTPAnswer(status: .badRequest, text: "This is no path: \(error)."))
            }
        }
        switch route {
        case .root: return .answer(HubFace.answer(request.head))
        case .health:
            return .answer(
                http.isOpen
                    ? HTTPAnswer(status: .ok, headers: ["cache-control": "no-store"], text: "serving")
                    : HTTPAnswer(status: .serviceUnavailable, headers: ["retry-after": "1"], text: "starting"))
        case .metrics, .status, .events, .entry, .directory, .snapshot: break
        }
        let methods = route.methods
        guard methods.contains(request.head.method) else {
            return .answer(
                HTTPAnswer(
                    status: .methodNotAllowed, headers: ["allow": methods.map(\.rawValue).joined(separator: ", ")],
                    text: "This is not done here."))
        }
        switch gatekeeper.judge(
            request.head.headers, from: request.remoteAddress?.prefix ?? "",
            peers: http.counters.active.load(ordering: .relaxed),
            isLook: request.head.method == .GET || request.head.method == .HEAD, now: .now())
        {
        case .refused(let answer): return .answer(answer)
        case .admitted(let admission):
            if let refusal = refusal(of: request.head, admission) { return .answer(refusal) }
            return .serve { [weak self] exchange in
                guard let self else { return }
                let visit = Visit(hub: self, exchange: exchange, admission: admission, query: Query(target.query))
                try await visit.serve(route)
            }
        }
    }

    /// What an admitted guest may not do.
    private nonisolated func refusal(
        of head: HTTPRequestHead, _ admission: Gatekeeper.Admission
    ) -> HTTPAnswer? {
        let isWrite = head.method != .GET && head.method != .HEAD
        // A browser that is made to ask for something by a page of somebody else says so (Fetch Metadata); of reads, the
        // pages that may were told apart by their origin.
        if let site = head.headers["sec-fetch-site"].first, site != "same-origin", site != "none",
            isWrite || head.headers["origin"].isEmpty
        {
            return HTTPAnswer(status: .forbidden, text: "A page of another site may not do this.")
        }
        if isWrite, !head.headers["origin"].isEmpty {
            return HTTPAnswer(status: .forbidden, text: "A web page may not change anything here.")
        }
        guard isWrite, admission.isReadOnly else { return nil }
        return HTTPAnswer(status: .forbidden, text: "This hub may be read here, not changed.")
    }
}

extension Route {
    var methods: [HTTPMethod] {
        switch self {
        case .entry: [.GET, .HEAD, .PUT, .DELETE, .MOVE]
        case .directory: [.GET, .HEAD, .PUT, .DELETE]
        case .health, .metrics, .status, .events, .snapshot, .root: [.GET, .HEAD]
        }
    }
}

/// One request of somebody who was let in.
struct Visit: Sendable {
    let hub: HubService
    let exchange: HTTPExchange
    let admission: Gatekeeper.Admission
    let query: Query

    /// In whose name things are changed.
    var author: String { admission.holder?.name ?? "http" }

    var head: HTTPRequestHead { exchange.head }
    var http: HTTPSide { hub.http }

    func serve(_ route: Route) async throws {
        http.counters.requests.add(1, ordering: .relaxed)
        http.counters.active.add(1, ordering: .relaxed)
        defer {
            if http.counters.active.subtract(1, ordering: .relaxed).newValue == 0 { hub.on { $0.concludeIfDone() } }
        }
        do {
            try await http.ready()
            try await take(route)
        } catch let failure as HTTPFailure {
            guard try await !exchange.hasBegun() else { throw failure }
            try await exchange.answer(failure.answer)
        }
    }

    private func take(_ route: Route) async throws {
        switch (route, head.method) {
        case (.entry(let path), .PUT): try await putFile(path)
        case (.entry(let path), .DELETE), (.directory(let path?), .DELETE): try await delete(path)
        case (.entry(let path), .MOVE): try await move(path)
        case (.entry(let path), _): try await getEntry(path)
        case (.directory(let path?), .PUT): try await putDirectory(path)
        case (.directory(nil), .PUT), (.directory(nil), .DELETE):
            throw HTTPFailure(.forbidden, "The folder itself can be neither made nor deleted.")
        case (.directory(let path), _): try await list(path)
        case (.snapshot, _): try await sendSnapshot()
        case (.events, _): try await sendEvents()
        case (.metrics, _): try await sendMetrics()
        case (.status, _): try await sendStatus()
        case (.health, _), (.root, _): throw HTTPFailure(.notFound, "There is nothing here.")
        }
    }
}
