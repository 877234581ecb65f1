"""First copies into an empty folder: S1, S2, home, and what memory they take."""
import os
import shutil
from os.path import join

import data
from arrival import sizes_below
from common import MIB, Unable, clock


def timed_copy(bench, tool, pair):
    """A tool's first copy: the seconds that it took, those of the origin's first look before it, and the meter. The
    tool stays as it is then."""
    sizes, began = sizes_below(pair.origin), clock()
    tool.prepare(pair)
    look = clock() - began if tool.looks_first else None
    with bench.measured(memory=True) as meter:
        start = clock()
        took = tool.copy(pair, sizes) - start
    pair.compare()
    return took, look, meter


def first_copy(bench, tool, pair, scenario, memory=None):
    took, look, meter = timed_copy(bench, tool, pair)
    bench.record(scenario, "time", tool, took)
    bench.record(scenario, "look", tool, look)
    bench.record_meter(scenario, tool, meter, memory)


def tree_pair(bench, tool):
    """A pair with the S1 tree that is in sync, or was when the tool stopped; made as S1 does it if it isn't there."""
    if tool.floor:
        raise Unable
    pair = bench.pair(tool, "tree")
    if not os.path.exists(join(pair.root, "in-sync")):
        pair.make()
        bench.fill(pair, bench.tree())
        tool.prepare(pair)
        tool.copy(pair, sizes_below(pair.origin))
        tool.stop()
        mark(pair)
    return pair


def mark(pair):
    with open(join(pair.root, "in-sync"), "w"):
        pass


def small_files(bench, tool):
    pair = bench.pair(tool, "tree")
    pair.make()
    bench.fill(pair, bench.tree())
    first_copy(bench, tool, pair, "S1", "memory")
    tool.stop()
    if tool.floor:
        shutil.rmtree(pair.root)
    else:
        mark(pair)


def big_file(bench, tool):
    """The one file is lent to each tool in turn, not copied: it is as large as memory allows."""
    original = bench.original("big", lambda folder: data.noise(join(folder, "noise"), bench.count(1024) * MIB, 2))
    pair = bench.pair(tool, "big")
    pair.make()
    os.rename(join(original, "noise"), join(pair.origin, "noise"))
    try:
        first_copy(bench, tool, pair, "S2")
        tool.stop()
    finally:
        os.rename(join(pair.origin, "noise"), join(original, "noise"))
        shutil.rmtree(pair.root)


def home(bench, tool):
    pair = bench.pair(tool, "home")
    pair.make()
    bench.fill(pair, bench.original("home", lambda folder: data.home(folder, bench.options.scale, 7)))
    try:
        first_copy(bench, tool, pair, "home")
        tool.stop()
    finally:
        shutil.rmtree(pair.root)
