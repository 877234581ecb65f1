"""What a check works in: a folder of its own, processes that are ended by id, and taps that hear what passes."""
import asyncio, os, re, shutil, signal
from pathlib import Path

# For anything that is waited for. What takes longer on a machine ten times slower than a laptop is stuck.
PATIENCE = 200
LINES_SHOWN = 40


class Failed(Exception):
    """Something is not as it must be, in a line."""


def expect(condition, *what):
    if not condition:
        raise Failed(" ".join(str(word) for word in what))


def expect_equal(seen, wanted, what):
    if seen != wanted:
        raise Failed(f"{what}: {short(seen)}, and {short(wanted)} was expected")


def short(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:200]}… ({len(value) if hasattr(value, '__len__') else '?'} long)"


class Child:
    """A process whose lines are read as they come, both its outputs together."""

    def __init__(self, name, process):
        self.name, self.process, self.lines = name, process, []
        self.news = asyncio.Condition()
        self.readers = [asyncio.create_task(self._read(pipe)) for pipe in (process.stdout, process.stderr)]
        self.watcher = asyncio.create_task(self._watch())
        self.has_ended = False

    @classmethod
    async def start(cls, name, *command, **variables):
        pipe = asyncio.subprocess.PIPE
        # A session of its own, so that Ctrl-C reaches this program alone, which then ends the others.
        process = await asyncio.create_subprocess_exec(
            *[str(word) for word in command], stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
            env=environment(**variables), start_new_session=True, limit=1 << 24)
        return cls(name, process)

    async def _read(self, pipe):
        while line := await pipe.readline():
            await self._tell(line.decode(errors="replace").rstrip("\n"))

    async def _watch(self):
        await self.process.wait()
        await asyncio.wait(self.readers, timeout=5)
        self.has_ended = True
        await self._tell(f"(ended with {self.process.returncode})")

    async def _tell(self, line):
        async with self.news:
            self.lines.append(line)
            self.news.notify_all()

    async def find(self, what, look, since=0):
        """What `look` makes of the first line for which it makes anything, of those from `since` on."""
        place = since
        try:
            async with asyncio.timeout(PATIENCE), self.news:
                while True:
                    while place < len(self.lines):
                        if found := look(self.lines[place]):
                            return found
                        place += 1
                    expect(not self.has_ended, f"{self.name} ended with {self.process.returncode}, without {what}")
                    await self.news.wait()
        except TimeoutError:
            raise Failed(f"{self.name}: no {what} within {PATIENCE} s") from None

    async def line(self, pattern, since=0):
        return await self.find(f'line like "{pattern}"', re.compile(pattern).search, since)

    def signal(self, number):
        if self.process.returncode is None:
            os.kill(self.process.pid, number)

    async def end(self):
        """Asks it to end, and waits until it has; its exit status."""
        self.signal(signal.SIGTERM)
        return await self.status()

    async def status(self):
        try:
            await asyncio.wait_for(asyncio.shield(self.watcher), PATIENCE)
        except TimeoutError:
            raise Failed(f"{self.name} does not end") from None
        return self.process.returncode

    async def kill(self):
        """Ends it, and what it started, however little they want to."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            await asyncio.wait([self.watcher], timeout=15)
        for task in self.readers:
            task.cancel()


def environment(**variables):
    """Ours, without what would lead a client elsewhere."""
    kept = {name: value for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and not name.startswith("NOSOCKS_")}
    # Servers are where not everybody's PATH leads.
    kept["PATH"] = f"{kept.get('PATH', '')}:/usr/sbin"
    return kept | variables


class Passage:
    """One connection through a tap."""

    def __init__(self):
        self.up = self.down = 0
        self.request = self.answer = b""

    @property
    def status(self):
        words = self.answer.split(None, 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else None

    @staticmethod
    def header(head, name):
        """All values of a header, as one; `None` if it is not there."""
        lines = [line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line]
        values = [value.strip().decode("latin-1") for key, value in lines if key.lower() == name.encode()]
        return ", ".join(values) if values else None


class Tap:
    """Stands in front of a port: passes bytes on, counts them, and keeps the HTTP heads that begin a connection."""

    def __init__(self, host, port):
        self.target, self.passages, self.tasks = (host, port), [], set()

    @classmethod
    async def open(cls, port, host="127.0.0.1"):
        tap = cls(host, port)
        tap.server = await asyncio.start_server(tap._serve, "127.0.0.1", 0)
        tap.port = tap.server.sockets[0].getsockname()[1]
        return tap

    @property
    def last(self):
        expect(self.passages, "nothing came through the tap")
        return self.passages[-1]

    async def _serve(self, reader, writer):
        passage = Passage()
        self.passages.append(passage)
        self.tasks.add(asyncio.current_task())
        far = None
        try:
            far_reader, far = await asyncio.open_connection(*self.target)
            await asyncio.gather(self._pump(reader, far, passage, "up", "request"),
                                 self._pump(far_reader, writer, passage, "down", "answer"))
        except (OSError, asyncio.CancelledError):
            # An end is gone, or this tap is closed.
            pass
        finally:
            self.tasks.discard(asyncio.current_task())
            for end in (writer, far):
                if end is not None:
                    end.close()

    async def _pump(self, reader, writer, passage, count, head):
        while data := await reader.read(1 << 17):
            setattr(passage, count, getattr(passage, count) + len(data))
            begun = getattr(passage, head)
            if b"\r\n\r\n" not in begun and len(begun) < 1 << 16:
                setattr(passage, head, (begun + data)[: 1 << 16].split(b"\r\n\r\n")[0] + (
                    b"\r\n\r\n" if b"\r\n\r\n" in begun + data else b""))
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    def close(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()


class Scene:
    def __init__(self, home, binaries, name):
        self.folder = Path(home) / name
        self.folder.mkdir()
        self.binaries, self.children, self.endings = Path(binaries), [], []

    async def start(self, name, *command, **variables):
        child = await Child.start(name, *command, **variables)
        self.children.append(child)
        return child

    async def run(self, *command, **variables):
        """A command that must succeed; its lines."""
        child = await self.start(Path(str(command[0])).name, *command, **variables)
        status = await child.status()
        expect(status == 0, f"{child.name} ended with {status}:", *child.lines[-2:-1])
        return child.lines[:-1]

    async def tap(self, port, host="127.0.0.1"):
        tap = await Tap.open(port, host)
        self.endings.append(tap.close)
        return tap

    async def echo(self):
        """The port of an echo server."""
        child = await self.start("websocket-echo", self.binaries / "websocket-echo", "serve", "0")
        return int((await child.line(r"^listening on 127\.0\.0\.1:(\d+)$"))[1])

    def log(self):
        """What the processes said last."""
        return [f"{child.name}: {line}" for child in self.children for line in child.lines[-LINES_SHOWN:]]

    async def close(self):
        for child in reversed(self.children):
            await child.kill()
        for ending in reversed(self.endings):
            ending()

    async def remove(self):
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


async def eventually(what, condition):
    """Waits for what no line tells."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := await condition()):
                await asyncio.sleep(0.02)
            return found
    except TimeoutError:
        raise Failed(f"not within {PATIENCE} s: {what}") from None


def version_of(lines):
    """The first thing in a program's words on itself that looks like a version."""
    return next((found[0] for line in lines if (found := re.search(r"\d+(\.\d+)+", line))), "?")
