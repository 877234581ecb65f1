import NIOHTTP1
import WebSocketNIO

/// What a hub says to whoever comes with plain HTTP and no address of anything in it.
enum HubFace {
    static func answer(_ head: HTTPRequestHead) -> HTTPAnswer {
        guard head.method == .GET || head.method == .HEAD else {
            return HTTPAnswer(
                status: .methodNotAllowed, headers: ["allow": "GET, HEAD"], text: "Only GET and HEAD are answered here."
            )
        }
        guard head.uri.prefix(while: { $0 != "?" }) == "/" else {
            return HTTPAnswer(status: .notFound, text: "There is nothing here.")
        }
        // A WebSocket's request from which somebody between took the Upgrade.
        guard head.headers["sec-websocket-key"].isEmpty else {
            return HTTPAnswer(
                status: .upgradeRequired, headers: ["upgrade": "websocket", "sec-websocket-version": "13"],
                text: """
                    This is a nosocks hub: it keeps a folder the same on many machines, over WebSockets (RFC 6455).
                    To join it: nosocks join URL DIR
                    """)
        }
        return PageAnswer.shared.answer(head)
    }
}
