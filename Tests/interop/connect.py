"""A forward proxy, which peers are told of by the environment, and pass with CONNECT."""
import asyncio, base64

from between import Tinyproxy, free_port
from replicas import Hub, Peer, expect_same, join_once, meet, pin_of
from scene import Passage, expect, expect_equal, version_of

# 127.1 is 127.0.0.1, spelt so that neither a hub nor a peer takes it for loopback, which may have rules of its own.
HOST = "127.1"


class Stage:
    """A hub over TLS, one without, a proxy, and a tap in front of the proxy that hears what it is asked."""

    @classmethod
    async def open(cls, scene, *rules):
        stage = cls()
        stage.scene, stage.number = scene, 0
        stage.secure = await Hub.start(scene, scene.folder / "secure", listen=f"{HOST}:0")
        stage.plain = await Hub.start(scene, scene.folder / "plain", "--insecure", listen=f"{HOST}:0")
        for hub in (stage.secure, stage.plain):
            (hub.folder / "file").write_text(f"of {hub.url}\n")
        stage.proxy = await Tinyproxy.open(scene, *rules)
        stage.tap = await scene.tap(stage.proxy.port)
        return stage

    @property
    def url(self):
        return f"http://127.0.0.1:{self.tap.port}"

    def options(self, hub):
        if hub is self.plain:
            return ["--insecure", "--token-file", hub.token]
        return ["--pin", pin_of(hub.certificate), "--token-file", hub.token]

    async def once(self, hub, **variables):
        """How `join --once` of a new folder ends: status, what it said, and what the proxy was asked."""
        self.number += 1
        folder, before = self.scene.folder / f"once-{self.number}", len(self.tap.passages)
        status, said = await join_once(self.scene, hub.url, folder, *self.options(hub), **variables)
        if status == 0:
            expect_equal((folder / "file").read_text(), f"of {hub.url}\n", "what was joined")
        return status, said, [passage.request for passage in self.tap.passages[before:]]

    async def expect_through(self, hub, credentials=None, **variables):
        status, said, asked = await self.once(hub, **variables)
        expect_equal(status, 0, f"join with {variables} ended with ({said})")
        expect(len(asked) == 1, f"join with {variables} asked the proxy {len(asked)} times, not once")
        expect_connect(asked[0], hub, credentials)

    async def expect_around(self, hub, **variables):
        status, said, asked = await self.once(hub, **variables)
        expect_equal(status, 0, f"join with {variables} ended with ({said})")
        expect(not asked, f"join with {variables} asked the proxy")

    async def expect_unreachable(self, hub, *words, secret=None, **variables):
        """It ends with 7, and one line says why."""
        status, said, _ = await self.once(hub, **variables)
        expect_equal(status, 7, f"join with {variables} ended with ({said})")
        wrong = [line for line in said if line.startswith("error")]
        expect(len(wrong) == 1 and all(word in wrong[0] for word in words), f"{said}, without {words} in one line")
        expect(secret is None or not any(secret in line for line in said), f"a password is told to everybody: {said}")


def expect_connect(head, hub, credentials=None):
    """The proxy is asked for the name as it was given, and told nothing that is the hub's alone."""
    lines = head.decode("latin-1").split("\r\n")
    expect_equal(lines[0], f"CONNECT {HOST}:{hub.port} HTTP/1.1", "what the proxy was asked")
    expect_equal(Passage.header(head, "host"), f"{HOST}:{hub.port}", "the Host of what the proxy was asked")
    expect(Passage.header(head, "authorization") is None, "the proxy was told the hub's token")
    wanted = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()
    expect_equal(Passage.header(head, "proxy-authorization"), wanted, "the credentials for the proxy")


def dead():
    return f"http://127.0.0.1:{free_port()}"


async def https(scene):
    """A peer that lives behind a proxy, and outlives the proxy's restart."""
    stage = await Stage.open(scene)
    hub = stage.secure
    peer = await Peer.start(scene, hub.url, scene.folder / "peer", *stage.options(hub), HTTPS_PROXY=stage.url)
    await peer.event("in-sync")
    (peer.folder / "large").write_bytes(bytes(range(256)) * 20_000)
    await meet(hub, peer)
    await expect_same(scene, hub, peer)
    expect(stage.tap.passages, "the proxy was not asked")
    since = peer.now
    await stage.proxy.stop()
    (hub.folder / "meanwhile").write_text("of the hub\n")
    await peer.event("disconnected", since=since)
    await stage.proxy.start()
    await peer.event("connected", since=since)
    await meet(hub, peer)
    await expect_same(scene, hub, peer)
    for passage in stage.tap.passages:
        # While the proxy was away, a peer came no further than the tap.
        if passage.answer:
            expect_connect(passage.request, hub)
    await peer.end()
    await stage.expect_through(hub, https_proxy=stage.url)
    await stage.expect_through(hub, HTTPS_PROXY=stage.url + "/")
    await stage.expect_around(stage.plain, HTTPS_PROXY=dead())
    version = version_of(await scene.run("tinyproxy", "-v"))
    return f"tinyproxy {version}, HTTPS_PROXY: a peer lives behind it, and outlives its restart; not for ws://"


async def every(scene):
    stage = await Stage.open(scene)
    for hub in (stage.secure, stage.plain):
        await stage.expect_through(hub, ALL_PROXY=stage.url)
        await stage.expect_through(hub, all_proxy=stage.url)
    await stage.expect_through(stage.secure, HTTPS_PROXY=stage.url, ALL_PROXY=dead())
    return "ALL_PROXY, for ws:// and wss://; HTTPS_PROXY goes before it"


async def none(scene):
    stage = await Stage.open(scene)
    for hub in (stage.secure, stage.plain):
        for around in (HOST, "*", f"hub.example, {HOST} ,other.example"):
            await stage.expect_around(hub, ALL_PROXY=stage.url, NO_PROXY=around)
        await stage.expect_around(hub, ALL_PROXY=stage.url, no_proxy=HOST)
        await stage.expect_through(hub, ALL_PROXY=stage.url, NO_PROXY="hub.example,7.1,127.11")
    await stage.expect_around(stage.secure, HTTPS_PROXY=dead(), NO_PROXY=HOST)
    await stage.expect_around(stage.secure, HTTPS_PROXY="", ALL_PROXY="")
    return "NO_PROXY, by name, by a list and by *; empty variables say nothing"


async def password(scene):
    # tinyproxy takes letters and digits alone, and in a URL each of them may be written as its number.
    stage = await Stage.open(scene, "BasicAuth somebody password")
    address = stage.url.removeprefix("http://")
    for given in (f"http://somebody:password@{address}", f"http://some%62ody:pass%77ord@{address}"):
        await stage.expect_through(stage.secure, "somebody:password", HTTPS_PROXY=given)
        await stage.expect_through(stage.plain, "somebody:password", ALL_PROXY=given)
    for hub in (stage.secure, stage.plain):
        await stage.expect_unreachable(hub, "proxy", "407", ALL_PROXY=stage.url)
        # Where others say 407 once more, tinyproxy says 401.
        await stage.expect_unreachable(
            hub, "proxy", "401", secret="s3cret", ALL_PROXY=f"http://somebody:s3cret@{address}")
    return "a proxy with name and password: with them, without them (407), and with wrong ones"


async def refuses(scene):
    # To port 1 alone, where there is nobody.
    stage = await Stage.open(scene, "ConnectPort 1")
    for hub in (stage.secure, stage.plain):
        await stage.expect_unreachable(hub, "proxy", "403", ALL_PROXY=stage.url)
        await stage.expect_unreachable(hub, "proxy", ALL_PROXY=dead())

    async def hang_up(reader, writer):
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    scene.endings.append(server.close)
    port = server.sockets[0].getsockname()[1]
    await stage.expect_unreachable(stage.secure, "proxy", HTTPS_PROXY=f"http://127.0.0.1:{port}")
    return "a proxy that does not want (403), is not there, or hangs up: status 7, and a line that says so"


CHECKS = {"proxy-https": https, "proxy-all": every, "proxy-none": none, "proxy-password": password,
          "proxy-refuses": refuses}
