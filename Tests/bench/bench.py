"""The folders, the link and the figures of one run of the bench, and how something is measured on it."""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from os.path import exists, join

import arrival
import data
from common import GIB, KIB, Broken, clock, read
from plots import CHARTS
from processes import end_orphans


class Pair:
    """A folder at one end, what mirrors it at the other, and a place for what the tool keeps."""

    def __init__(self, root, receivers=1):
        self.root, self.origin, self.state = root, join(root, "origin"), join(root, "state")
        self.copies = [join(root, f"copy{number}") for number in range(receivers)]
        self.copy = self.copies[0]

    def make(self):
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.origin)
        os.mkdir(self.state)
        for copy in self.copies:
            os.mkdir(copy)

    def compare(self, **options):
        for copy in self.copies:
            arrival.compare(self.origin, copy, **options)


class Meter:
    """What both ends use between `start` and `stop`: bytes on the link, processor time, and memory if asked."""

    def __init__(self, bench, memory=False):
        self.link, self.memory, self.looked, self.peaks, self.own = bench.link, memory, 0.0, [0, 0], 0
        self.bytes = self.cpu = None

    def __enter__(self):
        if self.memory:
            for end in self.link.ends:
                end.forget_peaks()
        self.before = self.link.bytes(), [end.cpu() for end in self.link.ends]
        return self

    def tick(self):
        if self.memory and clock() - self.looked > 0.02:
            self.looked = clock()
            self.peaks = [max(seen, end.memory(b"VmHWM")) for seen, end in zip(self.peaks, self.link.ends)]
            self.own = max(self.own, sum(end.memory(b"RssAnon") for end in self.link.ends))

    def __exit__(self, failed, *_):
        if failed:
            return
        self.looked = 0.0
        self.tick()
        self.cpu = [end.cpu() - used for end, used in zip(self.link.ends, self.before[1])]
        if self.before[0]:
            self.bytes = [now - then for now, then in zip(self.link.bytes(), self.before[0])]


class Bench:
    def __init__(self, options, home, link):
        self.options, self.home, self.link = options, home, link
        self.run, self.scenario, self.meter = 0, "", None
        self.figures, self.samples, self.failures, self.curves, self.remarks = {}, [], [], [], []
        # A build meanwhile changes nothing.
        self.program = shutil.copy(options.program, self.path("nosocks"))
        self.isal = options.isal and shutil.copy(options.isal, self.path("nosocks-isal"))
        self.environment = {key: value for key, value in os.environ.items()
                            if key[:6] not in ("NOSOCK", "RSYNC_", "UNISON") and not key.lower().endswith("_proxy")}
        self.environment.update(HOME=self.home, LC_ALL="C.UTF-8")

    def path(self, *names):
        return join(self.home, *names)

    def count(self, full, least=20):
        return max(least, round(full * self.options.scale))

    # ---- Data, made when first asked for

    def original(self, name, make):
        """A folder of data that is made once; tools get copies of it."""
        folder = self.path("data", name)
        if not exists(folder):
            os.makedirs(folder + ".new")
            make(folder + ".new")
            os.rename(folder + ".new", folder)
        return folder

    def tree(self):
        return self.original("tree", lambda folder: data.source_tree(folder, self.count(20_000), seed=1))

    def fill(self, pair, original):
        subprocess.run(["cp", "-a", original + "/.", pair.origin], check=True)

    def pair(self, tool, name, receivers=1):
        return Pair(self.path("pairs", tool.name, name), receivers)

    # ---- Waiting and measuring

    @staticmethod
    def expected(pair, sizes):
        """A condition: all that is to come has come, to every receiver."""
        waiting = [arrival.Expected(copy, sizes) for copy in pair.copies]
        return lambda: all(all_there() for all_there in waiting)

    def until(self, condition, what, tool=None, pause=0.001):
        """Gives the time when the condition came true."""
        start = clock()
        while not condition():
            if clock() - start > self.options.patience:
                raise Broken(f"{what}: not within {self.options.patience:g} s")
            if tool:
                tool.must_run()
            self.tick()
            time.sleep(pause)
        return clock()

    def tick(self):
        if self.meter:
            self.meter.tick()

    @contextlib.contextmanager
    def measured(self, memory=False):
        self.meter = Meter(self, memory)
        try:
            with self.meter as meter:
                yield meter
        finally:
            self.meter = None

    def record(self, scenario, key, tool, value, unit="s"):
        """One figure of this run. None stands for what cannot be told here."""
        if value is not None:
            figure = self.figures.setdefault((scenario, key), {"unit": unit, "tools": {}})
            figure["tools"].setdefault(tool.name, []).append(value)

    def record_meter(self, scenario, tool, meter, memory=None):
        if meter.bytes and not tool.local:
            self.record(scenario, "bytes", tool, sum(meter.bytes), "B")
        for end, used in zip("ab", meter.cpu):
            self.record(scenario, f"cpu-{end}", tool, used)
        self.record(scenario, "cpu", tool, sum(meter.cpu))
        if meter.memory:
            for end, peak in zip("ab", meter.peaks):
                self.record(memory or scenario, f"peak-{end}", tool, peak, "B")
            self.record(memory or scenario, "peak", tool, sum(meter.peaks), "B")
            self.record(memory or scenario, "peak-own", tool, meter.own, "B")

    def sample(self, scenario, key, tool, values):
        """What a figure was made of, for the JSON file."""
        self.samples.append(dict(scenario=scenario, key=key, tool=tool.name, run=self.run, values=values))

    def curve(self, chart, series, x, y):
        """A point of a plot: one figure of this run."""
        found = next((curve for curve in self.curves if (curve["chart"], curve["series"]) == (chart, series)), None)
        if not found:
            found = dict(CHARTS[chart], chart=chart, series=series, points=[])
            self.curves.append(found)
        found["points"].append([x, y])

    def unable(self, scenarios, tool, reason):
        """A dash in the table; why, if there is a reason that is not the tool's nature, is told once."""
        if reason and (scenarios, reason) not in self.remarks:
            self.remarks.append((scenarios, reason))

    def note(self, text):
        """Progress, for who watches."""
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    # ---- The end

    def end_processes(self):
        for end in self.link.ends:
            end.end_all()

    def close(self):
        self.link.close()
        end_orphans()


def room(folder):
    """What may be written there. A file system in memory says how much it would take, not how much there is."""
    free = shutil.disk_usage(folder).free
    if os.path.realpath(folder).startswith("/dev/shm"):
        free = min(free, int(re.search(rb"MemAvailable:\s*(\d+)", read("/proc/meminfo"))[1]) * KIB * 4 // 5)
    return free


def roomy_folder(scale):
    """A file system in memory if what is needed fits in there, else None: wherever temporary files go."""
    need = round((6 * scale + 0.5) * GIB)
    return "/dev/shm" if exists("/dev/shm") and room("/dev/shm") > need else None
