"""nosocks itself: a hub with the origin at one end, a peer at the other."""
import json
import os
import re
from os.path import join

from common import Broken, read, write
from tools.base import Tool


class Nosocks(Tool):
    name = title = "nosocks"
    two_way = fans_out = True
    TOKEN = "5" * 64

    def __init__(self, bench):
        super().__init__(bench)
        self.programs = (bench.program,)
        self.token = bench.path("token")
        write(self.token, self.TOKEN.encode())
        os.chmod(self.token, 0o600)
        self.hub_port = None

    @classmethod
    def missing(cls, bench_options):
        return None

    def told(self, process, event):
        process.must_run()
        return re.findall(rb'^.*"event": ?"(?:%s)".*$' % event, read(process.out), re.MULTILINE)

    def wait_for(self, process, event):
        return self.bench.until(lambda: self.told(process, event), f"{process.log_name}'s event {event.decode()}")

    def start_hub(self, pair):
        address = self.link.a.address
        beyond = [] if address.startswith("127.") else ["--insecure"]
        self.hub = self.spawn(self.link.a, [
            self.bench.program, "hub", "--json", "--token-file", self.token, *beyond, "--listen",
            f"{address}:{self.hub_port or 0}", pair.origin], "hub", out=True)
        self.hub.log_name = "the hub"
        self.wait_for(self.hub, b"listening")
        self.url = json.loads(self.told(self.hub, b"listening")[0])["url"]
        self.insecure = beyond

    def joining(self, *options):
        return [self.bench.program, "join", *options, "--token-file", self.token, *self.insecure, self.url]

    def prepare(self, pair):
        self.start_hub(pair)
        self.wait_for(self.hub, b"in-sync")

    def copy(self, pair, sizes):
        command = [*self.joining("--once", "--quiet"), pair.copy]
        return self.once(self.link.b, command, "join").finish(self.bench.options.patience, self.bench.tick)

    def launch(self, pair):
        self.start_hub(pair)
        self.peers = []
        for number, copy in enumerate(pair.copies):
            command = [*self.joining("--json", "--name", f"peer{number}"), copy]
            self.peers.append(self.spawn(self.link.b, command, f"peer{number}", out=True))
            self.peers[-1].log_name = f"peer {number}"

    def settle(self, pair, sizes):
        for process in [self.hub, *self.peers]:
            self.wait_for(process, b"in-sync")

    def stop(self):
        """Told of a problem, it has not done what it must, even if the trees are the same."""
        for process in self.running:
            if process.out != process.log and (bad := self.told(process, b"problem|conflict|held")):
                raise Broken(f"{process.log_name} told of what cannot be: {bad[0].decode(errors='replace')}")
        running, self.running = self.running, []
        for process in reversed(running):
            if (status := process.terminate()) != 0:
                raise Broken(f"{process.log_name} ended with {status} on SIGTERM: {read(process.log)[-200:]!r}")

    def version(self):
        return super().version() if os.path.exists(join(self.bench.home, "nosocks")) else "?"
