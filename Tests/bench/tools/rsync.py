"""rsync from a daemon: one run each time that somebody asks for it."""
import os

from common import write
from tools.base import Tool


def daemon_settings(modules, writable):
    """One module for each folder, by name."""
    settings = "use chroot = no\nreverse lookup = no\nmunge symlinks = no\n" + "uid = 0\ngid = 0\n" * (os.getuid() == 0)
    settings += f"read only = {'no' if writable else 'yes'}\n"
    return (settings + "".join(f"[{name}]\npath = {path}\n" for name, path in modules.items())).encode()


def start_daemon(tool, end, modules, state, writable=False):
    """Gives the URL of the modules."""
    settings, port = os.path.join(state, "rsyncd.conf"), tool.link.port(end)
    write(settings, daemon_settings(modules, writable))
    daemon = tool.spawn(end, ["rsync", "--daemon", "--no-detach", f"--address={end.address}", f"--port={port}",
                              f"--config={settings}"], "rsyncd")
    tool.link.wait_for(daemon, port)
    return f"rsync://{end.address}:{port}/"


class Rsync(Tool):
    name, title = "rsync", "rsync daemon"
    programs = ("rsync",)
    by_hand = True
    options = ("-a", "--delete")

    def prepare(self, pair):
        self.pair = pair
        self.modules = start_daemon(self, self.link.a, {"origin": pair.origin}, pair.state)

    def copy(self, pair, sizes):
        command = ["rsync", *self.options, self.modules + "origin/", pair.copy + "/"]
        return self.once(self.link.b, command, "rsync").finish(self.bench.options.patience, self.bench.tick)

    def launch(self, pair):
        self.prepare(pair)

    def settle(self, pair, sizes):
        self.nudge()

    def nudge(self):
        self.copy(self.pair, None)


class RsyncZ(Rsync):
    name, title = "rsync-z", "rsync -z (zstd)"
    options = ("-az", "--compress-choice=zstd", "--delete")
