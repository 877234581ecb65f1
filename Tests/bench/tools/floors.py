"""What no tool can be faster than: the same files written with nothing kept, nothing checked and nothing flushed."""
import subprocess

from tools.base import Tool


class Cp(Tool):
    name, title, programs, floor = "cp", "cp -a", ("cp",), True
    local = True

    def prepare(self, pair):
        pass

    def copy(self, pair, sizes):
        command = ["cp", "-a", pair.origin + "/.", pair.copy]
        return self.once(self.link.b, command, "cp").finish(self.bench.options.patience, self.bench.tick)

    def version(self):
        return ""


class Tar(Tool):
    name, title, programs, floor = "tar", "tar | tar", ("tar",), True

    def prepare(self, pair):
        self.sockets = self.link.pipe()

    def copy(self, pair, sizes):
        sender, receiver = self.sockets
        with sender, receiver:
            unpack = self.once(self.link.b, ["tar", "-C", pair.copy, "-xpf", "-"], "untar", stdin=receiver.fileno())
            pack = self.once(self.link.a, ["tar", "-C", pair.origin, "-cf", "-", "."], "tar", out=sender.fileno(),
                             stdin=subprocess.DEVNULL)
        pack.finish(self.bench.options.patience, self.bench.tick)
        return unpack.finish(self.bench.options.patience, self.bench.tick)

    def version(self):
        return ""
