"""node's `ws` as a client of the echo server; what it does is in node-client.mjs."""
import json
from pathlib import Path

import shapes
from python_clients import ALWAYS, expect_weight
from scene import Passage, expect_equal

ANSWERS = {
    "without deflate": None,
    "as it comes": f"{ALWAYS}; client_max_window_bits=13",
    "no takeover": f"{ALWAYS}; client_no_context_takeover; client_max_window_bits=13",
    "server window 9": f"{ALWAYS}; server_max_window_bits=9; client_max_window_bits=13",
    "client window 10": f"{ALWAYS}; client_max_window_bits=10",
    "everything small too": f"{ALWAYS}; server_max_window_bits=10; client_max_window_bits=12",
}


async def client(scene, *arguments):
    """What node-client.mjs saw."""
    # Debian's node looks there by itself, others don't.
    lines = await scene.run(
        "node", Path(__file__).with_name("node-client.mjs"), *arguments, NODE_PATH="/usr/share/nodejs")
    return json.loads(next(line for line in reversed(lines) if line and line[:1] in "{\""))


async def echo(scene):
    tap = await scene.tap(await scene.echo())
    seen = await client(scene, "echo", f"ws://127.0.0.1:{tap.port}")
    expect_equal(seen["answers"], ANSWERS, "ws: the extensions")
    for passage, (name, wanted) in zip(tap.passages, ANSWERS.items()):
        expect_equal(Passage.header(passage.answer, "sec-websocket-extensions"), wanted, f"ws, {name}: the extension")
        expect_weight(passage, shapes.TEXT_BYTES, shapes.TEXT_BYTES + shapes.BINARY_BYTES, wanted, f"ws, {name}")
    return (f"node's ws {seen['version']}: echo, {shapes.COUNT} messages by {len(ANSWERS)} offers of deflate,"
            f" fragments, pings, {shapes.FLIGHT} in flight, 4 closes, 1009")


CHECKS = {"ws-echo": echo}
