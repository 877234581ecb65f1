"""Changes to a mirror that lives: S3, S4, S6 and S9."""
import math
import os
import shutil
import statistics
import subprocess
import time
from contextlib import contextmanager
from os.path import join

import data
from arrival import Expected, Watch, sizes_below
from common import Unable, clock
from scenarios.copies import tree_pair

SAVES, SECONDS, LEAST = 100, 8, 5  # at most so many, for at most so long, but at least so many


@contextmanager
def session(bench, tool, pair):
    """The tool mirrors while this lasts; the trees are the same after it."""
    tool.launch(pair)
    tool.settle(pair, sizes_below(pair.origin))
    yield
    pair.compare()
    tool.stop()


class Saver:
    """Saves small files at one side, one after the other, and waits for each at the others."""

    serial = 0

    def __init__(self, bench, tool, name, top, others):
        self.bench, self.tool = bench, tool
        self.path, self.targets = join(top, "saved", name), [join(other, "saved", name) for other in others]

    def save(self, renamed=True):
        Saver.serial += 1
        content, start = data.saved(Saver.serial), clock()
        target = self.path + ".new" if renamed else self.path
        with open(target, "wb") as file:
            file.write(content)
        if renamed:
            os.rename(target, self.path)
        return start, content

    def latencies(self, renamed=True, saves=SAVES, seconds=SECONDS):
        took, began = [], clock()
        with Watch(*{os.path.dirname(target) for target in self.targets}) as watch:
            while len(took) < saves and (clock() - began < seconds or len(took) < LEAST):
                time.sleep(0.01 + len(took) % 7 / 200)
                start, content = self.save(renamed)
                self.tool.nudge()
                took.append(self.arrival(watch, content) - start)
        return took

    def arrival(self, watch, content):
        return watch.arrival(dict.fromkeys(self.targets, content), self.bench.options.patience, self.tool.must_run)


def percentile(values, part):
    return sorted(values)[math.ceil(part * len(values)) - 1]


def make_folder(bench, tool, pair, name):
    """A folder that is on all sides before anything is saved in it."""
    os.makedirs(join(pair.origin, name), exist_ok=True)
    tool.nudge()
    bench.until(lambda: all(os.path.isdir(join(copy, name)) for copy in pair.copies), "a new folder", tool)


def record_latencies(bench, tool, scenario, took, ending=""):
    bench.record(scenario, "median" + ending, tool, statistics.median(took))
    bench.record(scenario, "p99" + ending, tool, percentile(took, 0.99))
    bench.sample(scenario, "latency" + ending, tool, took)


def record_shares(bench, tool, scenario, meter, count):
    """What one change cost, of all that a meter saw."""
    bench.record(scenario, "cpu", tool, sum(meter.cpu) / count)
    if meter.bytes:
        bench.record(scenario, "bytes", tool, sum(meter.bytes) / count, "B")


def saves(bench, tool):
    pair = tree_pair(bench, tool)
    count = bench.count(SAVES, least=10)
    with session(bench, tool, pair):
        make_folder(bench, tool, pair, "saved")
        there, back = (Saver(bench, tool, "file", *sides) for sides in ((pair.origin, [pair.copy]),
                                                                        (pair.copy, [pair.origin])))
        there.latencies(saves=1)  # the first one pays for what others need not
        with bench.measured() as meter:
            took = there.latencies(saves=count)
        record_latencies(bench, tool, "S3", took)
        record_shares(bench, tool, "S3", meter, len(took))
        record_latencies(bench, tool, "S3", there.latencies(renamed=False, saves=count), "-in-place")
        if tool.two_way:
            record_latencies(bench, tool, "S3", back.latencies(saves=count), "-back")


def untar(bench, tool):
    pair = tree_pair(bench, tool)
    original = bench.original("burst", lambda folder: data.source_tree(folder, bench.count(2000), seed=3))
    archive, sizes = bench.path("data", "burst.tar"), sizes_below(original)
    if not os.path.exists(archive):
        subprocess.run(["tar", "-C", original, "-cf", archive, "."], check=True)
    with session(bench, tool, pair):
        name = f"burst{bench.run}"
        os.mkdir(join(pair.origin, name))
        with bench.measured() as meter:
            start = clock()
            subprocess.run(["tar", "-C", join(pair.origin, name), "-xf", archive], check=True)
            untarred = clock()
            tool.nudge()
            there = bench.until(Expected(join(pair.copy, name), sizes), "untarred files", tool)
        bench.record("S4", "time", tool, there - start)
        bench.record("S4", "untar", tool, untarred - start)
        bench.record_meter("S4", tool, meter)


def rename(bench, tool):
    pair = tree_pair(bench, tool)
    original = bench.original("library", lambda folder: data.source_tree(folder, bench.count(5000), seed=4))
    sizes = sizes_below(original)
    before, after = f"library{bench.run}", f"library{bench.run}-renamed"
    subprocess.run(["cp", "-a", original, join(pair.origin, before)], check=True)
    with session(bench, tool, pair):
        bench.until(Expected(join(pair.copy, before), sizes), "the files to rename", tool)
        time.sleep(2)  # so that nobody is still busy with their arrival
        here, gone = Expected(join(pair.copy, after), sizes), join(pair.copy, before)
        with bench.measured() as meter:
            start = clock()
            os.rename(join(pair.origin, before), join(pair.origin, after))
            tool.nudge()
            there = bench.until(lambda: here() and not os.path.exists(gone), "what was renamed", tool)
        bench.record("S6", "time", tool, there - start)
        bench.record_meter("S6", tool, meter)


def fan_out(bench, tool):
    if not tool.fans_out:
        raise Unable
    pair = bench.pair(tool, "fan", receivers=8)
    pair.make()
    bench.fill(pair, bench.original("little", lambda folder: data.source_tree(folder, 200, seed=5)))
    os.mkdir(join(pair.origin, "saved"))
    with session(bench, tool, pair):
        bench.until(bench.expected(pair, sizes_below(pair.origin)), "8 copies", tool)
        saver = Saver(bench, tool, "file", pair.origin, pair.copies)
        saver.latencies(saves=1)
        with bench.measured() as meter:
            took = saver.latencies(saves=bench.count(50, least=10))
        record_latencies(bench, tool, "S9", took)
        record_shares(bench, tool, "S9", meter, len(took))
    shutil.rmtree(pair.root)


