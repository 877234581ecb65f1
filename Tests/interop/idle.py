"""Connections that nobody uses: the server's pings are answered by each client, and keep them open."""
import asyncio

import aiohttp
from websockets.asyncio.client import connect

import chromium, node
from scene import expect, expect_equal

# More than the 45 s after which a server counts a silent client as dead; it asks after 15.
SECONDS = 50
PINGS = 3


async def hold_websockets(port):
    async with connect(f"ws://127.0.0.1:{port}", proxy=None, ping_interval=None) as socket:
        await asyncio.sleep(SECONDS)
        await socket.send("still there")
        return await socket.recv()


async def hold_aiohttp(port):
    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{port}/") as socket:
        # It answers only while somebody waits for a message.
        receiving = asyncio.create_task(socket.receive())
        await asyncio.sleep(SECONDS)
        await socket.send_str("still there")
        return (await receiving).data


async def idle(scene):
    port = await scene.echo()
    taps = [await scene.tap(port) for _ in range(4)]
    browser = await chromium.Browser.open(scene)
    await browser.load(f"{await chromium.serve(scene)}/page.html")

    async def hold_chromium():
        await browser.run("hold", f"ws://127.0.0.1:{taps[2].port}")
        await asyncio.sleep(SECONDS)
        return await browser.run("stillHeld()")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(holding) for holding in (
            hold_websockets(taps[0].port), hold_aiohttp(taps[1].port), hold_chromium(),
            node.client(scene, "hold", f"ws://127.0.0.1:{taps[3].port}", f"{SECONDS}"))]
    for who, tap, task in zip(("websockets", "aiohttp", "chromium", "ws"), taps, tasks):
        expect_equal(task.result(), "still there", f"{who}: what came back after {SECONDS} s")
        expect_equal(len(tap.passages), 1, f"{who}: connections")
        # An empty ping has 2 bytes, and its answer, masked, 6.
        heads = len(tap.last.request), len(tap.last.answer)
        expect(tap.last.down - heads[1] >= 2 * PINGS and tap.last.up - heads[0] >= 6 * PINGS, f"{who}: no pings")
    return f"four clients idle for {SECONDS} s, kept by the server's pings: websockets, aiohttp, ws, Chromium"


CHECKS = {"idle": idle}
