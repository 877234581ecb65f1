"""How cost grows with the number of files, and with the size of one: for the plots."""
import os
import shutil
import statistics
import time
from os.path import join

import data
from arrival import sizes_below
from bench import room
from common import GIB, KIB, MIB, Unable, clock, human
from scenarios.copies import timed_copy
from scenarios.live import Saver, make_folder
from scenarios.logs import timed_edit

FILES = 1_000, 10_000, 100_000, 1_000_000
SIZES = 4 * KIB, 64 * KIB, MIB, 16 * MIB, 256 * MIB, GIB, 8 * GIB
FOOTPRINT = 7 * KIB  # of a small file in memory: its pages and what the kernel and a tool keep of it


def grow(bench, tool):
    """nosocks alone, unless tools were asked for by name: this takes long."""
    if tool.floor or not (tool.name == "nosocks" or bench.options.tool):
        raise Unable
    for files in [bench.count(files) for files in FILES]:
        if has_room(bench, 2 * files * FOOTPRINT, f"{files:,} files"):
            many_files(bench, tool, files)
    for size in sorted({max(4 * KIB, round(size * bench.options.scale)) for size in SIZES}):
        if has_room(bench, 3 * size, f"a file of {human(size, 'B')}"):
            one_file(bench, tool, size)


def has_room(bench, need, what):
    if room(bench.home) > need:
        return True
    bench.unable(["grow"], None, f"there is no room for {what}")
    return False


def many_files(bench, tool, files):
    bench.note(f"{files:,} files, {tool.title}")
    pair = bench.pair(tool, "grow")
    pair.make()
    data.monorepo(pair.origin, files, 9)
    try:
        took, look, meter = timed_copy(bench, tool, pair)
        if look:
            bench.curve("files-look", tool.title, files, look)
        bench.curve("files-copy", tool.title, files, took)
        bench.curve("files-rate", tool.title, files, files / took)
        for end, peak in zip(("origin", "copy"), meter.peaks):
            bench.curve("files-memory", f"{tool.title}, {end}", files, peak)
        tool.stop()
        sizes = sizes_below(pair.origin)  # of a million files this takes seconds
        start = clock()
        tool.launch(pair)
        tool.settle(pair, sizes)
        bench.curve("files-restart", tool.title, files, clock() - start)
        make_folder(bench, tool, pair, "saved")
        saver = Saver(bench, tool, "file", pair.origin, pair.copies)
        saver.latencies(saves=1)
        bench.curve("files-change", tool.title, files, statistics.median(saver.latencies(saves=20)))
        for end, side in zip(("origin", "copy"), bench.link.ends):
            bench.curve("files-resident", f"{tool.title}, {end}", files, side.memory(b"VmRSS"))
        pair.compare()
        tool.stop()
    finally:
        shutil.rmtree(pair.root)


def one_file(bench, tool, size):
    bench.note(f"one file of {human(size, 'B')}, {tool.title}")
    pair = bench.pair(tool, "grow")
    pair.make()
    data.noise(join(pair.origin, "file"), size, 10)
    try:
        took, _, meter = timed_copy(bench, tool, pair)
        bench.curve("size-copy", tool.title, size, took)
        for end, peak in zip(("origin", "copy"), meter.peaks):
            bench.curve("size-memory", f"{tool.title}, {end}", size, peak)
        tool.stop()
        tool.launch(pair)
        tool.settle(pair, sizes_below(pair.origin))
        time.sleep(1.2)  # rsync looks at times to the second only
        took, meter = timed_edit(bench, tool, pair, "file", size // 2 // KIB * KIB, os.urandom(KIB))
        bench.curve("size-edit", tool.title, size, took)
        if meter.bytes:
            bench.curve("size-edit-bytes", tool.title, size, sum(meter.bytes))
        tool.stop()
    finally:
        shutil.rmtree(pair.root)
