"""A mirror under conditions that are not the best: a slow link, and one large file on its way."""
import os
import shutil
import time
from contextlib import contextmanager
from os.path import exists, join

import data
from arrival import Watch, sizes_below
from bench import room
from common import MIB, Unable, clock, human
from link import slow_link
from scenarios.copies import first_copy
from scenarios.live import Saver, make_folder, record_latencies, session


@contextmanager
def slowly(bench):
    """Everything within goes over a slow link."""
    fast, bench.link = bench.link, slow_link()
    try:
        yield
    finally:
        slow, bench.link = bench.link, fast
        slow.close()


def slow(bench, tool):
    """The S1 tree, then ten changes: in a row, and each when the one before has arrived."""
    if tool.floor:
        raise Unable
    with slowly(bench):
        pair = bench.pair(tool, "slow")
        pair.make()
        bench.fill(pair, bench.tree())
        first_copy(bench, tool, pair, "slow")
        tool.stop()
        with session(bench, tool, pair):
            make_folder(bench, tool, pair, "saved")
            Saver(bench, tool, "file0", pair.origin, pair.copies).latencies(saves=1)
            ten_in_a_row(bench, tool, pair)
            time.sleep(1)
            took = Saver(bench, tool, "file", pair.origin, pair.copies).latencies(saves=10, seconds=60)
            bench.record("slow", "ten-awaited", tool, sum(took))
            if not tool.by_hand:
                overtake(bench, tool, pair)
    shutil.rmtree(pair.root)


def overtake(bench, tool, pair):
    """Saved files, while one is on its way that takes the link ten seconds."""
    large = join(pair.root, "noise")
    data.noise(large, bench.count(64, least=16) * MIB, 9)
    copied = join(pair.copy, "noise")
    saver = Saver(bench, tool, "beside", pair.origin, pair.copies)
    saver.latencies(saves=1, seconds=60)
    os.rename(large, join(pair.origin, "noise"))
    time.sleep(1)
    took = latencies_until(saver, lambda: exists(copied))
    record_latencies(bench, tool, "slow", took)


def ten_in_a_row(bench, tool, pair):
    """Far enough apart that each is a change of its own, and too close for one answer each."""
    savers = [Saver(bench, tool, f"file{number}", pair.origin, pair.copies) for number in range(10)]
    with Watch(join(pair.copy, "saved")) as watch, bench.measured() as meter:
        start, contents = clock(), {}
        for saver in savers:
            _, contents[saver.targets[0]] = saver.save()
            time.sleep(0.005)
        tool.nudge()
        there = watch.arrival(contents, bench.options.patience, tool.must_run)
    bench.record("slow", "ten", tool, there - start)
    if meter.bytes:
        bench.record("slow", "ten-bytes", tool, sum(meter.bytes), "B")


def busy(bench, tool):
    """The large file is lent to each tool in turn, and saved files overtake it or wait."""
    if tool.floor or tool.by_hand:
        raise Unable
    original = bench.original("large", lambda folder: make_large(bench, folder))
    pair = bench.pair(tool, "busy")
    pair.make()
    bench.fill(pair, bench.original("little", lambda folder: data.source_tree(folder, 200, seed=5)))
    os.mkdir(join(pair.origin, "saved"))
    lent, copied = join(pair.origin, "large"), join(pair.copy, "large")
    try:
        with session(bench, tool, pair):
            bench.until(bench.expected(pair, sizes_below(pair.origin)), "the little tree", tool)
            saver = Saver(bench, tool, "file", pair.origin, pair.copies)
            saver.latencies(saves=1)
            start = time.time()
            os.rename(join(original, "large"), lent)
            took = latencies_until(saver, lambda: exists(copied))
            # When it got its name, whatever this was waiting for just then.
            bench.record("busy", "time", tool, os.stat(copied).st_ctime - start)
            record_latencies(bench, tool, "busy", took)
            bench.record("busy", "worst", tool, max(took))
    finally:
        if exists(lent):
            os.rename(lent, join(original, "large"))
        shutil.rmtree(pair.root)


def latencies_until(saver, is_over):
    """Of saves that began before it was over."""
    took = []
    while not is_over():
        took += saver.latencies(saves=1)
    return took


def make_large(bench, folder):
    size = bench.count(5 * 1024, least=64) * MIB
    if size > (least := room(folder) // 3):  # there are two of them, and a tool may write one more
        size = least
        bench.unable(["busy"], None, f"there is room for a file of {human(size, 'B')} only")
    data.noise(join(folder, "large"), size, 8)
