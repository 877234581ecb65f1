"""One large log, copied, appended to, and overwritten in its middle: S2b, S5a and S5b."""
import os
import shutil
import time
from os.path import join

import data
from arrival import sizes_below
from common import KIB, MIB, clock
from scenarios.copies import first_copy


def has(path, offset, content, size):
    """Whether the file has that content there, and that size."""
    try:
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_size == size and os.pread(file.fileno(), len(content), offset) == content
    except FileNotFoundError:
        return False


def timed_edit(bench, tool, pair, name, offset, content):
    """Writes in place; gives the seconds until the copy has it, and the meter."""
    path, copy = join(pair.origin, name), join(pair.copy, name)
    with bench.measured(memory=True) as meter:
        start = clock()
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(content)
        size = os.stat(path).st_size
        tool.nudge()
        there = bench.until(lambda: has(copy, offset, content, size), "the edit", tool)
    pair.compare()
    return there - start, meter


def edit(bench, tool, pair, scenario, offset, content):
    took, meter = timed_edit(bench, tool, pair, "log", offset, content)
    bench.record(scenario, "time", tool, took)
    bench.record_meter(scenario, tool, meter)


def log(bench, tool):
    size = bench.count(512, least=4) * MIB
    original = bench.original("log", lambda folder: data.log(join(folder, "log"), size, 6))
    pair = bench.pair(tool, "log")
    pair.make()
    bench.fill(pair, original)
    try:
        first_copy(bench, tool, pair, "S2b")
        tool.stop()
        if tool.floor:
            return
        tool.launch(pair)
        tool.settle(pair, sizes_below(pair.origin))
        time.sleep(1.2)  # rsync looks at times to the second only
        edit(bench, tool, pair, "S5a", size, b"".join(data.log_text(MIB, 60 + bench.run)))
        time.sleep(1.2)
        edit(bench, tool, pair, "S5b", size // 2, b"".join(data.log_text(4 * KIB, 70 + bench.run)))
        tool.stop()
    finally:
        shutil.rmtree(pair.root)


