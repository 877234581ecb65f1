"""nosocks itself: a hub with the origin at one end, a peer at the other."""
import os
import re

from common import Broken, read, write
from tools.base import Tool


class Nosocks(Tool):
    """Its talk is what tells how far it is: with --json it would tell of every file, too, which nobody asks it for."""

    name = title = "nosocks"
    two_way = fans_out = looks_first = own = True
    TOKEN = "5" * 64
    IN_SYNC = rb' cursor="'

    def __init__(self, bench):
        super().__init__(bench)
        self.program = self.built(bench)
        self.programs = (self.program,)
        self.token = bench.path("token")
        write(self.token, self.TOKEN.encode())
        os.chmod(self.token, 0o600)

    @staticmethod
    def built(bench):
        return bench.program

    def wait_for(self, process, pattern, what):
        self.bench.until(lambda: re.search(pattern, read(process.log)), f"{process.title}: {what}", self)
        return re.search(pattern, read(process.log))

    def start_hub(self, pair):
        address = self.link.a.address
        self.insecure = [] if address.startswith("127.") else ["--insecure"]
        self.hub = self.spawn(self.link.a, [self.program, "hub", "--token-file", self.token, *self.insecure,
                                            "--listen", f"{address}:0", pair.origin], "hub")
        self.hub.title = "the hub"
        self.url = self.wait_for(self.hub, rb'listening.* url="([^"]+)"', "listening")[1].decode()

    def joining(self, *options):
        return [self.program, "join", *options, "--token-file", self.token, *self.insecure, self.url]

    def prepare(self, pair):
        self.start_hub(pair)
        self.wait_for(self.hub, self.IN_SYNC, "the first look")

    def copy(self, pair, sizes):
        command = [*self.joining("--once", "--quiet"), pair.copy]
        return self.once(self.link.b, command, "join").finish(self.bench.options.patience, self.bench.tick)

    def launch(self, pair):
        self.start_hub(pair)
        self.peers = []
        for number, copy in enumerate(pair.copies):
            command = [*self.joining("--name", f"peer{number}"), copy]
            self.peers.append(self.spawn(self.link.b, command, f"peer{number}"))
            self.peers[-1].title = f"peer {number}"

    def settle(self, pair, sizes):
        for process in [self.hub, *self.peers]:
            self.wait_for(process, self.IN_SYNC, "in sync")

    def stop(self):
        """Warned of anything, it has not done what it must, even if the trees are the same."""
        running, self.running = self.running, []
        for process in reversed(running):
            if (status := process.terminate()) != 0:
                raise Broken(f"{process.title} ended with {status} on SIGTERM: {read(process.log)[-200:]!r}")
            if bad := re.search(rb"^\S+ (?:warning|error) (.*)$", read(process.log), re.MULTILINE):
                raise Broken(f"{process.title} told of what cannot be: {bad[1].decode(errors='replace')}")


class NosocksISAL(Nosocks):
    """Built with the trait ISAL, at both ends."""

    name, title = "nosocks-isal", "with ISA-L"

    @classmethod
    def missing(cls, options):
        return None if options.isal else "build with ISA-L (--isal)"

    @staticmethod
    def built(bench):
        return bench.isal
