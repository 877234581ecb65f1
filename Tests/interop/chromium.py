"""Chromium, headless, as a client of the echo server; page.html is what it runs, and DevTools how it is told to."""
import asyncio, itertools, json, os, shutil
from pathlib import Path

from aiohttp import web
from websockets.asyncio.client import connect

import shapes
from python_clients import ALWAYS, expect_deflate
from scene import Failed, expect, expect_equal

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


class Browser:
    """One page in a browser of its own; `complaints` are what it has against it."""

    @classmethod
    async def open(cls, scene, *options):
        browser = cls()
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        expect(program, "there is no Chromium")
        browser.version = (await scene.run(program, "--version", "--no-sandbox"))[-1].strip()
        home = scene.folder / "browser"
        child = await scene.start(
            "chromium", program, "--headless", "--remote-debugging-port=0", f"--user-data-dir={home}",
            *["--no-sandbox"] * (os.geteuid() == 0), "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-breakpad", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
            *options, "about:blank", HOME=str(scene.folder))
        url = (await child.line(r"^DevTools listening on (ws://\S+)"))[1]
        browser.socket = await connect(url, proxy=None, max_size=None, ping_interval=None)
        browser.calls, browser.numbers = {}, itertools.count(1)
        browser.loaded, browser.complaints = asyncio.Event(), []
        reader = asyncio.create_task(browser.read())
        scene.endings.append(reader.cancel)
        return browser

    async def load(self, url):
        await self.attach()
        await self.navigate(url)
        expect(await self.run("isLoaded"), "the page does not work")

    async def attach(self):
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable", sessionId=self.session)

    async def navigate(self, url):
        self.loaded.clear()
        await self.call("Page.navigate", sessionId=self.session, url=url)
        await self.loaded.wait()

    async def read(self):
        try:
            async for text in self.socket:
                message = json.loads(text)
                if message.get("method") == "Page.loadEventFired":
                    self.loaded.set()
                elif message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                    self.complaints.append(complaint(message["params"]))
                elif call := self.calls.pop(message.get("id"), None):
                    call.set_result(message)
        finally:
            for call in self.calls.values():
                call.set_exception(Failed("the browser has ended"))

    async def call(self, method, sessionId=None, **parameters):
        number = next(self.numbers)
        self.calls[number] = answer = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self.socket.send(json.dumps(message | ({"sessionId": sessionId} if sessionId else {})))
        answer = await answer
        expect("error" not in answer, f"{method}: {answer.get('error')}")
        return answer["result"]

    async def run(self, script, *values):
        """What an expression of the page's gives, once it has."""
        if values:
            script += f"({', '.join(json.dumps(value) for value in values)})"
        result = await self.call(
            "Runtime.evaluate", sessionId=self.session, expression=script, awaitPromise=True, returnByValue=True)
        failure = result.get("exceptionDetails")
        expect(not failure, f"chromium: {failure and failure.get('exception', failure).get('description', failure)}")
        return result["result"].get("value")


def complaint(parameters):
    """What the browser has against a page, in a line."""
    if entry := parameters.get("entry"):
        return f"{entry['level']}: {entry['text']} {entry.get('url', '')}"
    details = parameters["exceptionDetails"]
    return f"exception: {details.get('exception', details).get('description', details['text'])}"


async def serve(scene):
    """Where a web server shows the page: an origin, as the browser will name it."""
    application = web.Application()
    here = Path(__file__).parent
    for name, kind in (("page.html", "text/html"), ("shapes.mjs", "text/javascript")):
        # Read at once: a page that changes while it is tested is another test.
        body = (here / name).read_bytes()
        application.router.add_get(
            f"/{name}", lambda _, body=body, kind=kind: answer(body, kind))
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scene.endings.append(lambda: asyncio.ensure_future(runner.cleanup()))
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def answer(body, kind):
    return web.Response(body=body, content_type=kind, charset="utf-8")


async def echo(scene):
    tap = await scene.tap(await scene.echo())
    origin = await serve(scene)
    browser = await Browser.open(scene)
    await browser.load(f"{origin}/page.html")
    seen = await browser.run("echo", f"ws://127.0.0.1:{tap.port}")
    # A browser always offers, and nobody can tell it how.
    wanted = f"{ALWAYS}; client_max_window_bits=13"
    expect_deflate(tap.passages[0], wanted, "chromium")
    expect("permessage-deflate" in seen["extensions"], f"chromium: it uses \"{seen['extensions']}\"")
    first = tap.passages[0]
    most = 2 * shapes.BINARY_BYTES + 0.3 * shapes.TEXT_BYTES
    expect(max(first.up, first.down) < most, f"chromium: {first.up} up, {first.down} down: not deflated")
    return (f"{browser.version}: echo, {shapes.COUNT} messages, bytes from a blob too, deflated, {shapes.FLIGHT} in"
            " flight, 3 closes, 1009")


CHECKS = {"chromium-echo": echo}
