"""Unison over a socket, with its file-system monitor if there is one, else looking every second."""
import os
import re
import shutil
import subprocess

from common import read
from tools.base import Tool

DONE = b"Nothing to do", b"Synchronization complete", b"synchronization complete"


class Unison(Tool):
    name, title = "unison", "Unison"
    programs = ("unison",)
    two_way = True
    OPTIONS = ("-ui", "text", "-batch", "-times", "-confirmbigdel=false", "-log=false", "-dumbtty",
               "-fastcheck", "true")

    def version(self):
        return self.ask("-version") + (" with fsmonitor" if self.monitor() else ", -repeat 1")

    def ask(self, option):
        said = subprocess.run(["unison", option], capture_output=True, text=True, env=self.bench.environment).stdout
        return (re.findall(r"version ([\d.]+)", said) or ["?"])[0]

    @staticmethod
    def monitor():
        return shutil.which("unison-fsmonitor")

    def keeping(self, pair, end):
        """Where one end keeps its archives; both are the same machine, but must not share them."""
        folder = os.path.join(pair.state, end)
        os.makedirs(folder, exist_ok=True)
        return {"UNISON": folder, "UNISONLOCALHOSTNAME": f"bench-{end}"}

    def prepare(self, pair):
        self.server_port = self.link.port(self.link.b)
        server = self.spawn(self.link.b, ["unison", "-socket", str(self.server_port), "-listen", self.link.b.address],
                            "server", environment=self.keeping(pair, "b"))
        self.link.wait_for(server, self.server_port)

    def command(self, pair, *options):
        return ["unison", pair.origin, f"socket://{self.link.b.address}:{self.server_port}/{pair.copy}", *self.OPTIONS,
                *options]

    def copy(self, pair, sizes):
        client = self.once(self.link.a, self.command(pair), "client", environment=self.keeping(pair, "a"))
        return client.finish(self.bench.options.patience, self.bench.tick)

    def launch(self, pair):
        self.prepare(pair)
        repeat = "watch" if self.monitor() else "1"
        self.client = self.spawn(self.link.a, self.command(pair, "-repeat", repeat), "client",
                                 environment=self.keeping(pair, "a"))

    def settle(self, pair, sizes):
        self.bench.until(lambda: any(words in read(self.client.log) for words in DONE), "Unison's first look", self)
