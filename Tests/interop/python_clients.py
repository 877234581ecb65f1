"""Python's `websockets` and `aiohttp` as clients of the echo server."""
import asyncio

import aiohttp, websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate

import shapes
from scene import Passage, expect, expect_equal, short

# The server's window is its own to forget, and it lets nobody have a larger one than 13 bits where it can say so.
ALWAYS = "permessage-deflate; server_no_context_takeover"
CLOSES = [(1000, ""), (1001, "going"), (3000, "a library's"), (4999, "☂" * 41)]
TOO_LARGE = (16 << 20) + 1


def expect_deflate(passage, wanted, what):
    expect_equal(passage.status, 101, f"{what}: the answer")
    expect_equal(Passage.header(passage.answer, "sec-websocket-extensions"), wanted, f"{what}: the extension")


def expect_weight(passage, text_bytes, all_bytes, deflates, what):
    """What went over the wire tells whether it was really compressed: what can shrink has, or nothing has."""
    for way, weight in (("up", passage.up), ("down", passage.down)):
        if deflates:
            expect(weight < all_bytes - 0.8 * text_bytes, f"{what}: {weight} bytes {way} for {all_bytes}: not deflated")
        else:
            expect(weight > all_bytes, f"{what}: {weight} bytes {way} for {all_bytes}: deflated")


# ---- websockets

WEBSOCKETS = {
    "without deflate": ({"compression": None}, None),
    "as it comes": ({}, f"{ALWAYS}; client_max_window_bits=13"),
    "server window 9": (
        {"extensions": [Deflate(server_max_window_bits=9)]},
        f"{ALWAYS}; server_max_window_bits=9; client_max_window_bits=13"),
    "client window 10": (
        {"extensions": [Deflate(client_max_window_bits=10)]}, f"{ALWAYS}; client_max_window_bits=10"),
    "client window untold": ({"extensions": [Deflate(client_max_window_bits=None)]}, ALWAYS),
    "no takeover": (
        {"extensions": [Deflate(server_no_context_takeover=True, client_no_context_takeover=True,
                                server_max_window_bits=12, client_max_window_bits=15)]},
        f"{ALWAYS}; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=13"),
    # zlib can keep no promise of 8, so this offer is declined, and the next one taken.
    "server window 8": ({"extensions": [Deflate(server_max_window_bits=8)]}, None),
    "server window 8, or any": (
        {"extensions": [Deflate(server_max_window_bits=8), Deflate()]}, f"{ALWAYS}; client_max_window_bits=13"),
}


async def websockets_echo(scene):
    tap = await scene.tap(await scene.echo())

    def dial(**options):
        options = {"compression": None if "extensions" in options else "deflate"} | options
        return connect(f"ws://127.0.0.1:{tap.port}", proxy=None, max_size=None, ping_interval=None, **options)

    for name, (options, wanted) in WEBSOCKETS.items():
        what = f"websockets, {name}"
        async with dial(**options) as socket:
            expect_deflate(tap.last, wanted, what)
            for message in shapes.messages():
                await socket.send(message)
                expect(await socket.recv() == message, f"{what}: not the same came back for {short(message)}")
            weights = tap.last.up, tap.last.down
        expect_weight(tap.last, shapes.TEXT_BYTES, shapes.TEXT_BYTES + shapes.BINARY_BYTES, wanted, what)
        expect(min(weights) > 0, "nothing was counted")

    for options in (WEBSOCKETS["without deflate"][0], {}):
        async with dial(**options) as socket:
            await websockets_fragments(socket)
            await websockets_flight(socket)
        for code, reason in CLOSES:
            socket = await dial(**options)
            await socket.close(code, reason)
            expect_equal(socket.close_code, code, "the close that came back")
        for message, wanted in ((b"\xff\xfe", 1007), (bytes(TOO_LARGE), 1009)):
            expect_equal(await websockets_fault(dial(**options), message), wanted, f"closed for {short(message)}")
    return (f"websockets {websockets.__version__}: echo, {shapes.COUNT} messages by {len(WEBSOCKETS)} offers of deflate,"
            f" fragments, pings, {shapes.FLIGHT} in flight, {len(CLOSES)} closes, 1007, 1009")


async def websockets_fragments(socket):
    whole = shapes.text(70_000).encode()
    # One byte a fragment, so within characters as well; and as large as comes.
    pieces = [whole[place : place + 1] for place in range(500)] + [whole[500:65_000], b"", whole[65_000:]]
    await socket.send(pieces, text=True)
    expect(await socket.recv() == whole.decode(), "a text in fragments is another")
    await socket.send([piece + b"\xff" for piece in pieces])
    expect(await socket.recv() == b"".join(piece + b"\xff" for piece in pieces), "bytes in fragments are others")

    # A control frame may stand between fragments (RFC 6455 §5.4).
    async def with_ping():
        yield "before "
        await (await socket.ping(b"in between"))
        yield "after"

    await socket.send(with_ping())
    expect_equal(await socket.recv(), "before after", "fragments around a ping")
    for payload in (b"", b"x", shapes.binary(125)):
        await (await socket.ping(payload))
    await socket.pong(b"that nobody asked for")


async def websockets_flight(socket):
    flight = shapes.flight()

    async def send():
        for message in flight:
            await socket.send(message)

    sending = asyncio.create_task(send())
    for number, message in enumerate(flight):
        expect(await socket.recv() == message, f"message {number} in flight is another")
    await sending


async def websockets_fault(dialing, message):
    """With what code the server ends it after a message that is not one."""
    socket = await dialing
    try:
        await socket.send(message, text=message == b"\xff\xfe")
        await socket.recv()
    except ConnectionClosed as closed:
        expect(closed.rcvd is not None, "no close frame came")
        expect(closed.rcvd.reason, "a close without a reason")
        return closed.rcvd.code


# ---- aiohttp

# Its `compress` is the window that it asks the server to keep to.
AIOHTTP = {0: None, 15: f"{ALWAYS}; client_max_window_bits=13",
           9: f"{ALWAYS}; server_max_window_bits=9; client_max_window_bits=13"}


async def aiohttp_echo(scene):
    tap = await scene.tap(await scene.echo())
    url = f"http://127.0.0.1:{tap.port}/"
    async with aiohttp.ClientSession() as session:
        for window, wanted in AIOHTTP.items():
            what = f"aiohttp, window {window}"
            async with session.ws_connect(url, compress=window, max_msg_size=0, autoping=False) as socket:
                expect_deflate(tap.last, wanted, what)
                expect_equal(bool(socket.compress), bool(window), f"{what}: it deflates")
                for message in shapes.messages():
                    await aiohttp_send(socket, message)
                    expect((await socket.receive()).data == message, f"{what}: not the same for {short(message)}")
                weight = tap.last
                expect_weight(weight, shapes.TEXT_BYTES, shapes.TEXT_BYTES + shapes.BINARY_BYTES, window, what)
                for payload in (b"", shapes.binary(125)):
                    await socket.ping(payload)
                    pong = await socket.receive()
                    expect_equal((pong.type, bytes(pong.data)), (aiohttp.WSMsgType.PONG, payload), f"{what}: a pong")
                await aiohttp_flight(socket)
            for code, reason in CLOSES:
                async with session.ws_connect(url, compress=window) as socket:
                    await socket.close(code=code, message=reason.encode())
                    expect_equal(socket.close_code, code, "the close that came back")
            async with session.ws_connect(url, compress=window) as socket:
                await socket.send_bytes(bytes(TOO_LARGE))
                ended = await socket.receive()
                expect_equal((ended.type, ended.data), (aiohttp.WSMsgType.CLOSE, 1009), "what a message too large gets")
    return (f"aiohttp {aiohttp.__version__}: echo, {shapes.COUNT} messages by {len(AIOHTTP)} offers of deflate, pings,"
            f" {shapes.FLIGHT} in flight, {len(CLOSES)} closes, 1009")


async def aiohttp_send(socket, message):
    await (socket.send_str if isinstance(message, str) else socket.send_bytes)(message)


async def aiohttp_flight(socket):
    flight = shapes.flight()

    async def send():
        for message in flight:
            await aiohttp_send(socket, message)

    sending = asyncio.create_task(send())
    for number, message in enumerate(flight):
        expect((await socket.receive()).data == message, f"message {number} in flight is another")
    await sending


CHECKS = {"websockets-echo": websockets_echo, "aiohttp-echo": aiohttp_echo}
