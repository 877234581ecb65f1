"""Hubs and peers, told by their event lines, and rsync as the judge between them."""
import asyncio, hashlib, itertools, json, re, ssl
from pathlib import Path

from scene import expect, expect_equal


class Replica:
    """A folder and the process that keeps it."""

    def __init__(self, name, folder, child):
        self.name, self.folder, self.child = name, Path(folder), child

    async def event(self, kind, since=0, **values):
        """The first event line of a kind that has these values."""
        def look(line):
            if not line.startswith("{"):
                return None
            event = json.loads(line)
            fits = event["event"] in kind.split("|") and all(event.get(key) == value for key, value in values.items())
            return event if fits else None

        return await self.child.find(f"event {kind} {values or ''}", look, since)

    @property
    def now(self):
        """For `since`."""
        return len(self.child.lines)

    async def end(self):
        expect_equal(await self.child.end(), 0, f"{self.name} ended with")


class Hub(Replica):
    @classmethod
    async def start(cls, scene, folder, *options, listen="127.0.0.1:0"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        child = await scene.start(
            "hub", scene.binaries / "nosocks", "hub", folder, "--json", "--name", "hub", "--listen", listen, *options)
        hub = cls("hub", folder, child)
        hub.url = (await hub.event("listening"))["url"]
        hub.port = int(re.search(r":(\d+)$", hub.url)[1])
        await hub.event("in-sync")
        return hub

    @property
    def certificate(self):
        return self.folder / ".nosocks/certificate.pem"

    @property
    def token(self):
        return self.folder / ".nosocks/token"


class Peer(Replica):
    @classmethod
    async def start(cls, scene, url, folder, *options, name="peer", **variables):
        child = await scene.start(
            name, scene.binaries / "nosocks", "join", url, folder, "--json", "--name", name, *options, **variables)
        return cls(name, folder, child)


async def join_once(scene, url, folder, *options, **variables):
    """How `join --once` ends: its status, and what it said on stderr."""
    child = await scene.start(
        "join", scene.binaries / "nosocks", "join", "--once", url, folder, *options, **variables)
    status = await child.status()
    return status, [line.split(" ", 1)[1] for line in child.lines[:-1] if not line.startswith("{")]


def pin_of(certificate):
    """How nosocks names the first certificate in a file."""
    first = Path(certificate).read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    return "sha256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


marks = itertools.count(1)


async def meet(one, other):
    """Returns when what each had on its disk before has come to the other: marks made after it have, both ways."""
    for here, there in ((one, other), (other, one)):
        since, number = there.now, next(marks)
        (here.folder / f"mark-{here.name}").write_text(f"{number}")
        while True:
            await there.event("created|modified", since=since, path=f"mark-{here.name}")
            since = there.now
            if (there.folder / f"mark-{here.name}").read_text() == f"{number}":
                break


async def expect_same(scene, one, other):
    """rsync, comparing every byte, finds nothing to do. What is on its way when the marks have met gets a while."""
    command = ["rsync", "-rlpcn", "--delete", "--itemize-changes", "--exclude", "/.nosocks",
               f"{one.folder}/", f"{other.folder}/"]
    for attempt in range(100):
        # What vanishes under its hands makes rsync fail, and is a difference like any other.
        child = await scene.start("rsync", *command)
        status, differences = await child.status(), child.lines[:-1]
        if status == 0 and not differences:
            return
        await asyncio.sleep(0.1)
    expect(False, f"{one.name} and {other.name} differ:", *differences[:10])
