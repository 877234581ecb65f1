"""What a hub says to clients that others wrote: to who may come in, to who may not, and to who then talks nonsense."""
import asyncio, base64, json, socket, ssl, urllib.error, urllib.request

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import chromium, node, shapes
from python_clients import ALWAYS
from replicas import Hub, Peer, expect_same, meet
from scene import PATIENCE, Failed, Passage, expect, expect_equal

SUBPROTOCOL = "nosocks.1"
DEFLATE = f"{ALWAYS}; client_max_window_bits=13"
# Begins with the number of a message that there is none of, and that may not be passed over.
NONSENSE = b"\x40" + shapes.binary(3_000)
WRONG_TOKEN = "0" * 64


# ---- One upgrade by each: a result has `status`, and then `subprotocol`, `extensions` and the close's `code`, `reason`

async def dial_websockets(scene, url, subprotocols=(), token=None, origin=None, certificate=None, send=None):
    options = {"ssl": ssl.create_default_context(cafile=certificate)} if certificate else {}
    if token:
        options["additional_headers"] = {"Authorization": f"Bearer {token}"}
    try:
        session = await connect(url, subprotocols=list(subprotocols), origin=origin, proxy=None, **options)
    except InvalidStatus as refusal:
        answer = refusal.response
        return {"status": answer.status_code, "body": answer.body.decode(), "headers": answer.headers}
    result = {"status": 101, "subprotocol": session.subprotocol,
              "extensions": session.response.headers.get("Sec-WebSocket-Extensions")}
    try:
        if send is None:
            await session.close(1000)
        else:
            await session.send(send)
        await session.recv()
    except ConnectionClosed as closed:
        expect(closed.rcvd is not None, "websockets: no close frame came")
        return result | {"code": closed.rcvd.code, "reason": closed.rcvd.reason}


async def dial_aiohttp(scene, url, subprotocols=(), token=None, origin=None, certificate=None, send=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    trust = {"ssl": ssl.create_default_context(cafile=certificate)} if certificate else {}
    seen, trace = [], aiohttp.TraceConfig()

    async def ended(_session, _context, parameters):
        seen.append(parameters.response.headers)

    trace.on_request_end.append(ended)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        try:
            socket = await session.ws_connect(
                url, protocols=list(subprotocols), origin=origin, headers=headers, compress=15, **trust)
        except aiohttp.WSServerHandshakeError as refusal:
            return {"status": refusal.status, "headers": refusal.headers}
        result = {"status": 101, "subprotocol": socket.protocol, "extensions": seen[-1].get("Sec-WebSocket-Extensions")}
        if send is None:
            await socket.close(code=1000)
            return result | {"code": socket.close_code, "reason": ""}
        await (socket.send_str if isinstance(send, str) else socket.send_bytes)(send)
        closed = await socket.receive()
        expect_equal(closed.type, aiohttp.WSMsgType.CLOSE, "aiohttp: what came")
        return result | {"code": closed.data, "reason": closed.extra}


async def dial_node(scene, url, subprotocols=(), token=None, origin=None, certificate=None, send=None):
    options = {}
    if token:
        options["headers"] = {"Authorization": f"Bearer {token}"}
    if origin:
        options["origin"] = origin
    if certificate:
        # A name that leads to ::1 first is more than node 18 copes with.
        options |= {"caFile": str(certificate), "servername": "localhost"}
        url = url.replace("localhost", "127.0.0.1")
    if send is not None:
        options["send"] = {"text": send} if isinstance(send, str) else {"base64": base64.b64encode(send).decode()}
    result = await node.client(scene, "dial", url, json.dumps(options), *subprotocols)
    if "certificate" in result.get("error", ""):
        raise ssl.SSLError(result["error"])
    return result


def expect_in(result, who):
    expect_equal(result["status"], 101, f"{who}: the answer")
    expect_equal(result["subprotocol"], SUBPROTOCOL, f"{who}: the subprotocol")


async def guest(scene, who, client):
    """All of it, with one client."""
    async def dial(*arguments, **options):
        async with asyncio.timeout(PATIENCE):
            return await client(*arguments, **options)

    hub = await Hub.start(scene, scene.folder / "hub")
    peer = await Peer.start(scene, hub.url, scene.folder / "peer")
    await peer.event("in-sync")
    url = f"ws://127.0.0.1:{hub.port}/"

    for offered in ([SUBPROTOCOL], ["chat", SUBPROTOCOL]):
        result = await dial(scene, url, offered)
        expect_in(result, who)
        expect("permessage-deflate" in (result["extensions"] or ""), f"{who}: no deflate: {result}")
        expect_equal(result["code"], 1000, f"{who}: the close that came back")
    for offered in ([], ["chat", "nosocks.2"]):
        result = await dial(scene, url, offered)
        expect_equal(result["status"], 400, f"{who}: the answer to subprotocols {offered}")
        expect(SUBPROTOCOL in result.get("body", SUBPROTOCOL), f"{who}: {result}")
    result = await dial(scene, url, [SUBPROTOCOL], origin="https://example.org")
    expect_equal(result["status"], 403, f"{who}: the answer to a web page")

    for message, wanted in (("nonsense", 1003), (NONSENSE, 1008), (b"\x00", 1008), (b"", 1008)):
        result = await dial(scene, url, [SUBPROTOCOL], send=message)
        expect_in(result, who)
        expect_equal(result["code"], wanted, f"{who}: the close after {message[:10]!r}")
        expect(result["reason"], f"{who}: a close without a reason")
    await expect_alive(scene, hub, peer)

    # The hub's own certificate and its first token. 127.1 is 127.0.0.1, spelt so that a hub takes it for the open.
    locked = await Hub.start(scene, scene.folder / "locked", listen="127.1:0")
    url, token = f"wss://localhost:{locked.port}/", locked.token.read_text().strip()
    trusted = {"subprotocols": [SUBPROTOCOL], "certificate": locked.certificate}
    expect_in(await dial(scene, url, token=token, **trusted), who)
    for wrong in (None, WRONG_TOKEN, "x"):
        result = await dial(scene, url, token=wrong, **trusted)
        expect_equal(result["status"], 401, f"{who}: the answer to the token {wrong}")
        if "headers" in result:
            expect_equal(result["headers"]["WWW-Authenticate"], 'Bearer realm="nosocks"', f"{who}: the challenge")
    expect_in(await dial(scene, url, token=token, **trusted), who)
    try:
        await dial(scene, url, [SUBPROTOCOL], token=token, certificate=other_certificate())
    except (ssl.SSLError, aiohttp.ClientConnectorError):
        pass
    else:
        raise Failed(f"{who}: it took a certificate that nobody vouches for")
    await hub.end()
    return f"{who} at a hub: upgrade, subprotocol, origin, token, TLS with the hub's own certificate, 1003, 1008"


def other_certificate():
    """Some authority's list that does not vouch for the hub: the system's."""
    return ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"


async def expect_alive(scene, hub, peer):
    """The hub serves on as if nothing had been."""
    (hub.folder / "after").write_text("nonsense was spoken\n")
    await meet(hub, peer)
    await expect_same(scene, hub, peer)


async def websockets_hub(scene):
    return await guest(scene, "websockets", dial_websockets)


async def aiohttp_hub(scene):
    return await guest(scene, "aiohttp", dial_aiohttp)


async def ws_hub(scene):
    return await guest(scene, "node's ws", dial_node)


# ---- A browser

async def chromium_hub(scene):
    origin = await chromium.serve(scene)
    # Only for its certificate, which the browser must be told of when it starts.
    await (await Hub.start(scene, scene.folder / "own", listen="127.1:0")).end()
    state = scene.folder / "own/.nosocks"
    key = await scene.run("sh", "-c", f"openssl x509 -in {state}/certificate.pem -noout -pubkey"
                          " | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64")
    browser = await chromium.Browser.open(scene, f"--ignore-certificate-errors-spki-list={key[-1]}")
    await browser.load(f"{origin}/page.html")

    closed = await Hub.start(scene, scene.folder / "closed")
    tap = await scene.tap(closed.port)
    result = await browser.run("dial", f"ws://127.0.0.1:{tap.port}/", [SUBPROTOCOL])
    expect_equal((result, tap.last.status), ({"opened": False, "code": 1006}, 403), "chromium: a page that nobody let")
    expect_equal(Passage.header(tap.last.request, "origin"), origin, "chromium: the origin")

    hub = await Hub.start(scene, scene.folder / "hub", "--allow-origin", origin)
    peer = await Peer.start(scene, hub.url, scene.folder / "peer")
    await peer.event("in-sync")
    tap = await scene.tap(hub.port)
    url = f"ws://127.0.0.1:{tap.port}/"
    for offered in ([SUBPROTOCOL], ["chat", SUBPROTOCOL]):
        result = await browser.run("dial", url, offered)
        expect_equal((result.get("protocol"), result["code"]), (SUBPROTOCOL, 1000), f"chromium: {result}")
        expect("permessage-deflate" in result["extensions"], f"chromium: no deflate: {result}")
    for offered in ([], ["chat"]):
        result = await browser.run("dial", url, offered)
        expect_equal((result, tap.last.status), ({"opened": False, "code": 1006}, 400), f"chromium, {offered}")
    for text, encoded, wanted in (("nonsense", "", 1003), ("", base64.b64encode(NONSENSE).decode(), 1008)):
        result = await browser.run("dial", url, [SUBPROTOCOL], text, encoded)
        expect_equal(result["code"], wanted, f"chromium: {result}")
        expect(result["reason"], "chromium: a close without a reason")
    await expect_alive(scene, hub, peer)

    secure = await Hub.start(
        scene, scene.folder / "secure", "--allow-origin", origin, "--tls-cert", state / "certificate.pem",
        "--tls-key", state / "key.pem")
    result = await browser.run("dial", f"wss://localhost:{secure.port}/", [SUBPROTOCOL])
    expect_equal((result.get("protocol"), result["code"]), (SUBPROTOCOL, 1000), f"chromium over TLS: {result}")
    return f"{browser.version} at a hub: upgrade, subprotocol, origin, TLS with the hub's own certificate, 1003, 1008"


# ---- Without a client worth the name

async def http_hub(scene):
    """Plain HTTP, foreign Host headers, too many wrong tokens, IPv6."""
    hub = await Hub.start(scene, scene.folder / "hub")
    for path, method, wanted in (("/", "GET", 200), ("/else", "GET", 404), ("/", "POST", 405)):
        async with aiohttp.ClientSession() as session:
            async with session.request(method, f"http://127.0.0.1:{hub.port}{path}") as answer:
                expect_equal(answer.status, wanted, f"{method} {path}")
                body = await answer.text()
    async with aiohttp.ClientSession(headers={"Host": "hub.example"}) as session:
        try:
            await session.ws_connect(f"http://127.0.0.1:{hub.port}/", protocols=[SUBPROTOCOL])
        except aiohttp.WSServerHandshakeError as refusal:
            expect_equal(refusal.status, 421, "the answer to a name that may be anybody's")
        else:
            raise Failed("a hub without tokens answers to a name that may be anybody's")

    token = scene.folder / "token"
    token.write_text("a1" * 32)
    token.chmod(0o600)
    locked = await Hub.start(scene, scene.folder / "locked", "--token-file", token)
    url, seen = f"ws://127.0.0.1:{locked.port}/", []
    for _ in range(7):
        result = await dial_websockets(scene, url, [SUBPROTOCOL], token=WRONG_TOKEN)
        seen.append(result["status"])
    # Five are free, the sixth is the first to cost, and the one after it finds the door shut.
    expect_equal(seen, [401] * 6 + [429], "the answers to wrong tokens")
    expect(int(result["headers"]["Retry-After"]) >= 1, "429 without a time")

    parts = ["HTTP", "Host", "429"]
    if has_ipv6():
        six = await Hub.start(scene, scene.folder / "six", listen="[::1]:0")
        for dial in (dial_websockets, dial_aiohttp, dial_node):
            expect_in(await dial(scene, f"ws://[::1]:{six.port}/", [SUBPROTOCOL]), "IPv6")
        peer = await Peer.start(scene, six.url, scene.folder / "peer")
        await peer.event("in-sync")
        await expect_alive(scene, six, peer)
        parts.append("IPv6")
    else:
        parts.append("(no IPv6 here)")
    return f"a hub asked in plain {', '.join(parts)}"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


CHECKS = {"websockets-hub": websockets_hub, "aiohttp-hub": aiohttp_hub, "ws-hub": ws_hub, "chromium-hub": chromium_hub,
          "http-hub": http_hub}
