"""The hub's page in Chromium, as people use it: what a peer saves shows by itself, by keyboard and on a phone, and
nothing that stands in the folder runs. With PICTURES=DIR it leaves pictures of itself there.
"""
import asyncio, base64, json, os, struct, zlib
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import chromium
from between import Nginx
from replicas import Hub, Peer
from scene import PATIENCE, Failed, Passage, expect, expect_equal, short

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
        "ArrowDown": 40}
# Resolves when something becomes true of the page: looks whenever anything in it changes.
UNTIL = """
window.until = (what) => new Promise((resolve) => {
    const look = () => {
        if (!what()) return;
        watcher.disconnect();
        resolve(true);
    };
    const watcher = new MutationObserver(look);
    watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
});
window.row = (label) => [...document.querySelectorAll(".row")].find(
    (row) => row.querySelector("bdi").textContent === label);
window.text = (id) => document.getElementById(id).textContent;
"""


class Page:
    """A hub's page in a browser of its own."""

    @classmethod
    async def open(cls, scene, url, *options):
        page = cls()
        page.browser = await chromium.Browser.open(scene, *options)
        await page.browser.attach()
        await page.resize(1280, 800)
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=UNTIL)
        await page.browser.navigate(url)
        return page

    async def call(self, method, **parameters):
        return await self.browser.call(method, sessionId=self.browser.session, **parameters)

    async def run(self, script, *values):
        return await self.browser.run(script, *values)

    async def reload(self):
        self.browser.loaded.clear()
        await self.call("Page.reload")
        await self.browser.loaded.wait()

    async def until(self, what, condition):
        """Waits until an expression of JavaScript is true."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.run(f"until(() => {condition})")
        except TimeoutError:
            seen = await self.run("document.body.innerText")
            raise Failed(f"the page never shows {what}; it shows {short(seen)}; {self.browser.complaints}") from None

    async def until_live(self):
        await self.until("that it is live", 'text("state") === "Live"')

    async def until_row(self, label):
        await self.until(f"a row {label!r}", f"row({json.dumps(label)})")

    async def until_content(self, part):
        await self.until(f"the content {part!r}", f'text("content").includes({json.dumps(part)})')

    async def press(self, *keys):
        for key in keys:
            word = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]} if key in KEYS else {
                "key": key, "text": key}
            if key == "Enter":
                word["text"] = "\r"
            await self.call("Input.dispatchKeyEvent", type="keyDown", **word)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **word)

    async def write(self, text):
        await self.call("Input.insertText", text=text)

    async def click(self, expression):
        """As a person: where it is seen."""
        place = await self.run(f"(() => {{ const seen = {expression}; seen.scrollIntoView({{ block: 'nearest' }});"
                               " const box = seen.getBoundingClientRect();"
                               " return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def choose(self, label):
        await self.until_row(label)
        await self.click(f"row({json.dumps(label)})")

    async def resize(self, width, height):
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                        mobile=width < 700)

    async def picture(self, name):
        if folder := os.environ.get("PICTURES"):
            shot = await self.call("Page.captureScreenshot", format="png")
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def expect_no_complaint(self, *allowed):
        others = [line for line in self.browser.complaints if not any(word in line for word in allowed)]
        expect(not others, f"the browser complains: {others}")


def png(width, height, color):
    rows = b"".join(b"\0" + bytes(part for x in range(width) for part in color(x, y)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def sunset(x, y):
    """Of 480 by 300: a sky, a sun, and the sea with its light on it."""
    glow = max(0, 120 - abs(x - 240) // (1 if y < 190 else 2 + (y % 7 == 0) * 3)) * (60 if y < 190 else 190) // 120
    if y < 190:
        if (x - 240) ** 2 + (y - 165) ** 2 < 52 ** 2:
            return 255, 214, 120
        return min(255, 88 + y * 5 // 6 + glow // 2), 58 + y // 2 + glow // 3, 120 - y // 3
    return min(255, 36 + glow), min(255, 52 + glow * 2 // 3), 96 - (y - 190) // 3 + glow // 6


def fill(folder):
    """What a folder of somebody's holds."""
    (folder / "letters/drafts").mkdir(parents=True)
    (folder / "letters/drafts/aunt.txt").write_text("Dear aunt,\n\nthe roses are out.\n")
    (folder / "photos").mkdir()
    (folder / "photos/sunset.png").write_bytes(png(480, 300, sunset))
    (folder / "recipes").mkdir()
    (folder / "recipes/bread.md").write_text("# Bread\n\nFlour, water, salt, time.\n")
    (folder / "recipes/soup.md").write_text("# Soup\n")
    (folder / "budget.csv").write_text("month,sum\n")
    (folder / "welcome.md").write_text("# Welcome\n")
    (folder / "latest").symlink_to("photos/sunset.png")


async def page(scene):
    """A hub and two peers, seen live."""
    folder = scene.folder / "hub"
    folder.mkdir()
    fill(folder)
    hub = await Hub.start(scene, folder, "--name", "desk")
    tap = await scene.tap(hub.port)
    laptop = await Peer.start(scene, hub.url, scene.folder / "laptop", name="laptop")
    await laptop.event("in-sync")
    page = await Page.open(scene, f"http://127.0.0.1:{tap.port}/")
    await page.until_live()
    await page.until("the hub's name", 'text("name") === "desk"')
    await page.until("who is connected", 'text("peers").includes("laptop") && text("peers").includes("in step")')
    studio = await Peer.start(scene, hub.url, scene.folder / "studio", name="studio")
    await page.until("who came", 'text("peers").includes("studio") && text("changes").includes("studio joined")')

    # A save on a peer, while nobody touches the page; then it is looked at, and saved again.
    (laptop.folder / "idea.md").write_text("# An idea\n\nFolders that are live.\n")
    await page.until_row("idea.md")
    await page.until("the change", '/idea\\.md by laptop/.test(text("changes"))')
    await page.choose("idea.md")
    await page.until_content("Folders that are live.")
    (laptop.folder / "idea.md").write_text("# An idea\n\nFolders that are live.\n\n- one port\n- nothing lost\n")
    await page.until_content("- nothing lost")

    # What is in a directory is listed when it is opened, and is live from then on.
    await page.choose("recipes")
    await page.until_row("bread.md")
    (laptop.folder / "recipes/jam.md").write_text("# Jam\n")
    await page.until_row("jam.md")
    (laptop.folder / "recipes/jam.md").unlink()
    await page.until("that it is gone", '!row("jam.md")')
    (laptop.folder / "recipes/bread.md").rename(laptop.folder / "recipes/rolls.md")
    await page.until_row("rolls.md")
    await page.until("that the old name is gone", '!row("bread.md")')

    await conflict(scene, page, hub, laptop)
    await picture(page)
    await keyboard(page)
    await phone(page)
    await back_after_a_while(scene, page, tap, hub, laptop)
    # A hub that is ending, or has ended, is no fault of the page's.
    page.expect_no_complaint("ERR_CONNECTION", "WebSocket connection to", "ERR_EMPTY_RESPONSE", "ERR_SOCKET", "503")
    return (f"{page.browser.version}: a peer's saves as they happen, pictures, keyboard, 360 px, back after the hub"
            " was away")


async def conflict(scene, page, hub, laptop):
    """Both sides change one file while they are apart."""
    await laptop.end()
    await page.until("who left", '!text("peers").includes("laptop") && text("changes").includes("laptop left")')
    (hub.folder / "budget.csv").write_text("month,sum\nMay,12\n")
    (laptop.folder / "budget.csv").write_text("month,sum\nMay,21\n")
    await page.until("the hub's version", '/budget\\.csv by desk/.test(text("changes"))')
    again = await Peer.start(scene, hub.url, laptop.folder, name="laptop")
    laptop.child = again.child
    await page.until("the conflict", 'text("attention").includes("budget.conflict-laptop-")')
    await page.until("the copy's row", '[...document.querySelectorAll(".row.conflict")].length === 1')
    await page.click('document.querySelector("#attention [data-key]")')
    await page.until_content("May,21")


async def picture(page):
    await page.choose("photos")
    await page.choose("sunset.png")
    await page.until("the picture", 'document.querySelector("#content img")?.naturalWidth === 480')
    # As the README has it.
    await page.resize(1100, 620)
    await page.picture("page")
    await page.resize(1280, 800)
    await page.choose("latest")
    await page.until_content("A link to photos/sunset.png")


async def keyboard(page):
    """From a directory to a file in it, and back to the tree, without a mouse."""
    await page.run("document.activeElement.blur()")
    await page.run('document.getElementById("tree").focus()')
    await page.press("End", "l", "ArrowRight")
    await page.until_row("drafts")
    await page.press("ArrowRight", "ArrowRight")
    await page.until_row("aunt.txt")
    await page.press("ArrowRight")
    marked = 'document.getElementById(document.getElementById("tree").getAttribute("aria-activedescendant"))'
    await page.until("the mark on a row", f'{marked}?.querySelector("bdi").textContent === "aunt.txt"')
    seen = await page.run(f"""(() => {{ const row = {marked}; return [row.getAttribute("role"),
        row.getAttribute("aria-level"), getComputedStyle(row).outlineStyle, row.className.includes("active")]; }})()""")
    expect_equal(seen, ["treeitem", "3", "solid", True], "the row that the keys are at")
    await page.press("Enter")
    await page.until_content("the roses are out")
    await page.press("ArrowLeft", "ArrowLeft")
    await page.until("that the directory is shut", '!row("aunt.txt")')
    await page.press("Escape")
    await page.until("that nothing is chosen", 'text("shown") === "Nothing is chosen"')
    expect_equal(await page.run("document.activeElement.id"), "tree", "where the focus is")
    # Everything that can be pressed is reached with Tab, and is seen to be.
    await page.press("Tab", "Tab")
    seen = await page.run("[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]")
    expect_equal(seen, ["BUTTON", "solid"], "what Tab leads to behind the tree and the content")
    await page.choose("idea.md")
    await page.until_content("nothing lost")
    await page.picture("desktop")
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    await page.picture("dark")
    await page.call("Emulation.setEmulatedMedia", features=[])
    await page.press("Escape")


async def phone(page):
    await page.resize(360, 740)
    for tab in ("files", "changes", "peers"):
        await page.click(f'document.querySelector("#tabs [data-tab={tab}]")')
        await expect_narrow(page, tab)
        await page.picture(f"phone-{tab}")
    await page.click('document.querySelector("#tabs [data-tab=files]")')
    height = await page.run('row("idea.md").getBoundingClientRect().height')
    expect(height >= 44, f"a row is {height} px high: too little for a finger")
    await page.choose("idea.md")
    await page.until_content("nothing lost")
    await expect_narrow(page, "a file")
    await page.picture("phone-file")
    await page.click('document.getElementById("back")')
    await page.until("the tree again", 'document.body.dataset.open === undefined')
    await page.resize(1280, 800)


async def expect_narrow(page, what):
    wide = await page.run("""[...document.querySelectorAll("body *")].filter((each) => each.getClientRects().length
        && each.getBoundingClientRect().right > 361).map((each) => each.outerHTML.slice(0, 80))""")
    width = await page.run("document.documentElement.scrollWidth")
    expect(not wide and width <= 360, f"{what}: wider than a phone: {width}, {wide}")


async def back_after_a_while(scene, page, tap, hub, laptop):
    """The hub goes and comes back where it was: the page says so, and goes on from its cursor."""
    cursor = await page.run("link.cursor")
    await hub.end()
    await page.until("that it is away", '/^Not connected since \\d/.test(text("state"))')
    expect_equal(await page.run('document.getElementById("state").getAttribute("aria-live")'), "polite", "aria-live")
    await page.picture("away")
    (hub.folder / "while-away.txt").write_text("saved meanwhile\n")
    again = await Hub.start(scene, hub.folder, "--name", "desk", listen=f"127.0.0.1:{hub.port}")
    await page.run('document.getElementById("again").click()')
    await page.until_live()
    await page.until_row("while-away.txt")
    asked = [passage.request for passage in tap.passages if b"GET /events?" in passage.request]
    expect(cursor.replace(":", "%3A").encode() in asked[-1], f"it went on from {cursor}: {asked[-1][:80]}")
    (hub.folder / "after.txt").write_text("and on\n")
    await page.until_row("after.txt")
    hub.child = again.child


async def hostile(scene):
    """Names and contents that would like to be more than that."""
    hub = await Hub.start(scene, scene.folder / "hub")
    script = "<script>window.ran = true;</script>"
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="50" height="40" onload="ran=1">{script}</svg>'
    files = {
        b"<img src=x onerror=ran=1>": b"x", b"page.html": f"<!doctype html>{script}<b>bold</b>".encode(),
        b"ran.svg": drawing.encode(), "invoice\u202egpj.exe".encode(): b"x", b"two\nlines": b"x",
        b"caf\xe9": b"latin name\n", b"percent %41?#": b"percent\n", "naïve ☂".encode(): b"umbrella\n",
        b"zeros": bytes(2000), b"empty": b"", b"__proto__": b"a prototype\n",
        b"long.log": b"".join(b"line %d of many\n" % number for number in range(40_000)),
    }
    for name, content in files.items():
        with open(os.fsencode(hub.folder) + b"/" + name, "wb") as file:
            file.write(content)
    many = hub.folder / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"file {number}").touch()
    peer = await Peer.start(scene, hub.url, scene.folder / "peer")
    await peer.event("in-sync")
    page = await Page.open(scene, f"http://127.0.0.1:{hub.port}/")
    await page.until_live()
    for label, content in (
            ("<img src=x onerror=ran=1>", "x"), ("page.html", script), ("invoice\\u{202e}gpj.exe", "x"),
            ("two\\u{a}lines", "x"), ("caf\\xe9", "latin name"), ("percent %41?#", "percent"),
            ("naïve ☂", "umbrella"),
            ("zeros", "000000  00 00 00"), ("empty", "This file is empty."), ("__proto__", "a prototype"),
            ("long.log", "These are the first 256.0 KiB of 731.3 KiB.")):
        await page.choose(label)
        await page.until_content(content)
    await page.click('document.querySelector("#content button")')
    await page.until_content("These are the first 512.0 KiB")
    await page.choose("ran.svg")
    await page.until("the drawing", 'document.querySelector("#content img")?.naturalWidth === 50')
    expect(not await page.run("window.ran"), "something that was only to be shown ran")
    # A page of the folder's, opened by itself: it is shown, and runs nothing.
    await page.choose("many")
    await page.until_row("file 1")
    await page.run('document.getElementById("tree").focus()')
    await page.press("End")
    # As numbers count: file 2999 is the last of the many, and there are files behind that directory.
    count = await page.run('document.querySelectorAll(".row").length')
    expect(count < 100, f"{count} rows are in the document")
    height = await page.run('document.getElementById("rows").scrollHeight')
    expect(height >= 3000 * 28, f"the rows are {height} px high")
    page.expect_no_complaint()
    await page.browser.navigate(f"http://127.0.0.1:{hub.port}/files/page.html")
    expect(not await page.run("window.ran"), "a page out of the folder ran")
    expect(page.browser.complaints, "nothing kept a page out of the folder from running")
    return f"{page.browser.version}: {len(files)} names and contents that do not run, 3,000 rows of which few are there"


async def token(scene):
    """A hub that wants a token; TLS is another check's."""
    right, other = (scene.folder / name for name in ("right", "other"))
    for file, digits in ((right, "a1"), (other, "b2")):
        file.write_text(digits * 32)
        file.chmod(0o600)
    hub = await Hub.start(scene, scene.folder / "hub", "--token-file", right)
    (hub.folder / "secret.txt").write_text("the secret\n")
    tap = await scene.tap(hub.port)
    page = await Page.open(scene, f"http://127.0.0.1:{tap.port}/")
    await page.until("the question", 'document.getElementById("ask").open')
    expect_equal(await page.run("document.activeElement.id"), "token", "where the focus is")
    await page.picture("token")
    await page.write("not a token")
    await page.press("Enter")
    await page.until("what a token is", 'text("wrong").includes("64 characters")')
    await page.write("c3" * 32)
    await page.press("Enter")
    await page.until("that it is wrong", 'text("wrong").includes("does not know this token")')
    expect(not await page.run('document.querySelector(".row .icon.file")'), "it shows files without a token")
    await page.write("a1" * 32)
    await page.press("Enter")
    await page.until_live()
    await page.until_row("secret.txt")
    expect(not await page.run('document.getElementById("ask").open'), "it goes on asking")
    await page.choose("secret.txt")
    await page.until_content("the secret")
    # In this tab it is known as long as that lives, and nowhere else. What was looked at is there again.
    await page.reload()
    await page.until_live()
    await page.until_content("the secret")
    # Whoever gets such an address, and has no token, sees it as soon as he has.
    await page.run("sessionStorage.clear()")
    await page.browser.navigate("about:blank")
    await page.browser.navigate(f"http://127.0.0.1:{tap.port}/#/secret.txt")
    await page.until("the question once more", 'document.getElementById("ask").open')
    await page.write("a1" * 32)
    await page.press("Enter")
    await page.until_content("the secret")
    kept = await page.run("[localStorage.length, document.cookie, location.href.includes('a1a1')]")
    expect_equal(kept, [0, "", False], "where the token is as well")
    lines = [passage.request.split(b"\r\n")[0] for passage in tap.passages]
    expect(not any(b"a1a1" in line for line in lines), f"the token stands in an address: {lines}")
    sockets = [passage for passage in tap.passages if Passage.header(passage.request, "upgrade")]
    expect(sockets, "there is no WebSocket")
    for passage in sockets:
        expect_equal(Passage.header(passage.answer, "sec-websocket-protocol"), "nosocks.events.1", "the subprotocol")
        expect(b"a1a1" not in passage.answer, "the hub says the token back")

    # Another page, of another origin: neither the feed nor a look.
    origin = await chromium.serve(scene)
    await page.browser.navigate(f"{origin}/page.html")
    offers = ["nosocks.events.1", "nosocks.token." + "a1" * 32]
    result = await page.run("dial", f"ws://127.0.0.1:{tap.port}/events", offers)
    expect_equal((result, tap.last.status), ({"opened": False, "code": 1006}, 403), "a page of another origin")
    seen = await page.run(f"fetch('http://127.0.0.1:{tap.port}/status', {{mode: 'no-cors'}}).then((each) => each.type)")
    expect_equal(tap.last.status, 403, f"the answer to a page of another origin ({seen})")

    # Whoever guesses waits, whichever way it comes.
    await page.browser.navigate(f"http://127.0.0.1:{tap.port}/")
    await page.until_live()
    await page.run("""(async () => { for (let number = 0; number < 7; number += 1) await new Promise((resolve) => {
        new WebSocket("events", ["nosocks.events.1", "nosocks.token." + "0".repeat(64)]).onclose = resolve; }) })()""")
    expect_equal([each.status for each in tap.passages[-7:]], [401] * 6 + [429], "the answers to wrong tokens")
    page.expect_no_complaint("401", "429", "403", "WebSocket connection to", "ERR_BLOCKED_BY_RESPONSE")
    return f"{page.browser.version}: asked once, kept in the tab, in no address; wrong ones are said and slowed down"


async def secure(scene):
    """Over TLS, with the hub's own certificate."""
    await (await Hub.start(scene, scene.folder / "hub", listen="127.1:0")).end()
    state = scene.folder / "hub/.nosocks"
    key = await scene.run("sh", "-c", f"openssl x509 -in {state}/certificate.pem -noout -pubkey"
                          " | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64")
    hub = await Hub.start(scene, scene.folder / "hub", listen="127.1:0")
    peer = await Peer.start(scene, f"wss://localhost:{hub.port}", scene.folder / "peer", "--trust-on-first-use",
                            "--token-file", hub.token)
    await peer.event("in-sync")
    page = await Page.open(scene, f"https://localhost:{hub.port}/", f"--ignore-certificate-errors-spki-list={key[-1]}")
    await page.until("the question", 'document.getElementById("ask").open')
    await page.write(hub.token.read_text().strip())
    await page.press("Enter")
    await page.until_live()
    (peer.folder / "over-tls.txt").write_text("safe\n")
    await page.choose("over-tls.txt")
    await page.until_content("safe")
    # Revoked, it is asked for again, at once.
    program = scene.binaries / "nosocks"
    first = (await scene.run(program, "token", "list", hub.folder))[0].split()[0]
    await scene.run(program, "token", "revoke", first, hub.folder)
    await page.until("the question again", 'document.getElementById("ask").open')
    page.expect_no_complaint("401", "WebSocket connection to")
    return f"{page.browser.version}: over TLS, and out at once when the token is revoked"


async def proxied(scene):
    """Behind a proxy, under a path: another origin than the one that the hub knows of."""
    hub = await Hub.start(scene, scene.folder / "hub")
    proxy = await Nginx.open(scene, "prefix", hub.port, None)
    origin = f"http://127.0.0.1:{proxy.port}"
    page = await Page.open(scene, f"{origin}/mirror/")
    await page.until("what is missing", f'text("state").includes("--allow-origin {origin}")')
    await hub.end()
    await Hub.start(scene, hub.folder, "--allow-origin", origin, listen=f"127.0.0.1:{hub.port}")
    await page.run('document.getElementById("again").click()')
    await page.until_live()
    (hub.folder / "notes.txt").write_text("through a proxy\n")
    await page.choose("notes.txt")
    await page.until_content("through a proxy")
    return f"{page.browser.version}: behind nginx, under a path; the page says so if --allow-origin is missing"


async def events(scene):
    """The same feed as the page's, by a client of another language: deflated and as it is, from anywhere on."""
    hub = await Hub.start(scene, scene.folder / "hub")
    tap = await scene.tap(hub.port)
    url, seen = f"ws://127.0.0.1:{tap.port}/events", {}

    async def follow(since, compression, until):
        lines = []
        async with asyncio.timeout(PATIENCE), connect(f"{url}?since={since}", subprotocols=["nosocks.events.1"],
                                                      compression=compression, proxy=None) as socket:
            expect_equal(socket.subprotocol, "nosocks.events.1", "the subprotocol")
            async for text in socket:
                expect(isinstance(text, str), "a binary message")
                lines.append(json.loads(text))
                if until(lines[-1]):
                    return lines

    for number in range(1000):
        (hub.folder / f"file with a long name that compresses well {number}").touch()
    await hub.event("created", path="file with a long name that compresses well 999")
    for compression in ("deflate", None):
        seen[compression] = await follow("0", compression, lambda line: line["event"] == "in-sync")
    changes = {key: [line["path"] for line in lines if line["event"] == "created"] for key, lines in seen.items()}
    expect_equal(changes["deflate"], changes[None], "what came deflated, beside what came as it is")
    expect_equal(len(set(changes[None])), 1000, "how many came")
    deflated, plain = (passage.down for passage in tap.passages)
    expect(deflated < 0.8 * plain, f"{deflated} bytes deflated, {plain} as they are")
    cursor = seen[None][-1]["cursor"]
    (hub.folder / "later").write_text("x")
    lines = await follow(cursor, "deflate", lambda line: line["event"] == "created")
    expect_equal([line.get("path") for line in lines if "revision" in line], ["later"], f"behind {cursor}")
    try:
        await follow("0000000000000001:1", None, lambda line: True)
        raise Failed("it goes on from another history")
    except ConnectionClosed as closed:
        expect_equal(closed.rcvd.code, 4410, "the close for another history")
    return f"1,000 events by websockets: {plain} bytes, {deflated} deflated; from a cursor, and not from a past history"


CHECKS = {"chromium-page": page, "nginx-chromium-page": proxied, "chromium-page-hostile": hostile,
          "chromium-page-token": token, "chromium-page-secure": secure, "websockets-events": events}
