"""lsyncd without a delay, pushing by rsync to a daemon at the other end."""
import re

from common import read, write
from tools.base import Tool
from tools.rsync import start_daemon


class Lsyncd(Tool):
    name = title = "lsyncd"
    programs = ("lsyncd", "rsync")
    fans_out = True

    def version(self):
        return (re.findall(r"[\d.]+", super().version()) or ["?"])[0]

    def prepare(self, pair):
        modules = {f"copy{number}": path for number, path in enumerate(pair.copies)}
        self.modules = start_daemon(self, self.link.b, modules, pair.state, writable=True)

    def start_lsyncd(self, pair):
        settings = "settings { nodaemon = true, insist = true }\n"
        for number, _ in enumerate(pair.copies):
            settings += (f"sync {{ default.rsync, source = '{pair.origin}', target = '{self.modules}copy{number}/',\n"
                         f"  delay = 0, rsync = {{ archive = true, compress = false }} }}\n")
        write(pair.state + "/lsyncd.conf", settings.encode())
        self.lsyncd = self.spawn(self.link.a, ["lsyncd", "-nodaemon", pair.state + "/lsyncd.conf"], "lsyncd")

    def copy(self, pair, sizes):
        self.start_lsyncd(pair)
        return self.finished(pair)

    def finished(self, pair):
        return self.bench.until(lambda: read(self.lsyncd.log).count(b"finished") >= len(pair.copies),
                                "lsyncd's first rsync", self)

    def launch(self, pair):
        self.prepare(pair)
        self.start_lsyncd(pair)

    def settle(self, pair, sizes):
        self.finished(pair)
