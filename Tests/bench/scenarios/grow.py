"""How cost grows with the number of files, with the size of one, and with the number of peers: for the plots."""
import contextlib
import json
import os
import shutil
import statistics
import tempfile
import time
from os.path import join

import data
from arrival import sizes_below
from bench import Pair, room
from common import GIB, KIB, MIB, Unable, clock, human, read
from scenarios.copies import timed_copy
from scenarios.live import Saver, make_folder
from scenarios.logs import timed_edit

FILES = 1_000, 10_000, 100_000, 1_000_000
SIZES = 4 * KIB, 64 * KIB, MIB, 16 * MIB, 256 * MIB, GIB, 8 * GIB
PEERS = 1, 10, 100, 1_000
FOOTPRINT = 7 * KIB  # of a small file in memory: its pages and what the kernel and a tool keep of it


def must_be_wanted(bench, tool):
    """nosocks alone, unless tools were asked for by name: this takes long."""
    if tool.floor or not (tool.name == "nosocks" or bench.options.tool):
        raise Unable


def files(bench, tool):
    must_be_wanted(bench, tool)
    for count in [bench.count(count) for count in FILES]:
        if has_room(bench, bench.home, 2 * count * FOOTPRINT, "files", f"{count:,} files"):
            many_files(bench, tool, count)


def sizes(bench, tool):
    """All of them in one place, so that a line tells of one: on a disk if memory is too small for the largest."""
    must_be_wanted(bench, tool)
    sizes = sorted({max(4 * KIB, round(size * bench.options.scale)) for size in SIZES})
    with roomy_place(bench, 3 * sizes[-1]) as place:
        for size in sizes:
            if has_room(bench, place, 3 * size, "sizes", f"a file of {human(size, 'B')}"):
                one_file(bench, tool, size, place)


@contextlib.contextmanager
def roomy_place(bench, need):
    if bench.options.folder or room(bench.home) > need:
        yield bench.home
        return
    place = tempfile.mkdtemp(prefix="nosocks-bench-")
    bench.unable(["sizes"], None, f"on a disk, as memory has no room for {human(need, 'B')}")
    try:
        yield place
    finally:
        shutil.rmtree(place)


def has_room(bench, place, need, scenario, what):
    if room(place) > need:
        return True
    bench.unable([scenario], None, f"there is no room for {what}")
    return False


def peers(bench, tool):
    """Peers of one hub, all in one process that keeps what it gets in memory; over loopback."""
    if tool.name != "nosocks":
        raise Unable
    if not bench.options.load:
        raise Unable("not without --load")
    for count in [max(1, round(count * bench.options.scale)) for count in PEERS]:
        bench.note(f"{count:,} peers, {tool.title}")
        told = bench.path("peers.json")
        load = tool.once(bench.link.a, [bench.options.load, bench.program, "--peers", str(count), "--scenario", "fanout,reconnect",
                               "--directory", bench.home, "--json", told], "load")
        load.finish(2 * bench.options.patience)
        figures = json.loads(read(told))
        bench.curve("peers-change", tool.title, count, figures["fanout"]["latency"]["median"] / 1e3)
        bench.curve("peers-cpu", tool.title, count, figures["fanout"]["cpu"]["median"] / 1e3)
        bench.curve("peers-memory", tool.title, count, figures["joining"]["resident"] * KIB)
        bench.curve("peers-return", tool.title, count, figures["reconnect"]["seconds"]["median"])


def many_files(bench, tool, count):
    bench.note(f"{count:,} files, {tool.title}")
    pair = bench.pair(tool, "grow")
    pair.make()
    data.monorepo(pair.origin, count, 9)
    try:
        took, look, meter = timed_copy(bench, tool, pair)
        if look:
            bench.curve("files-look", tool.title, count, look)
        bench.curve("files-copy", tool.title, count, took)
        bench.curve("files-rate", tool.title, count, count / took)
        for end, peak in zip(("origin", "copy"), meter.peaks):
            bench.curve("files-memory", f"{tool.title}, {end}", count, peak)
        tool.stop()
        sizes = sizes_below(pair.origin)  # of a million files this takes seconds
        start = clock()
        tool.launch(pair)
        tool.settle(pair, sizes)
        bench.curve("files-restart", tool.title, count, clock() - start)
        make_folder(bench, tool, pair, "saved")
        saver = Saver(bench, tool, "file", pair.origin, pair.copies)
        saver.latencies(saves=1)
        bench.curve("files-change", tool.title, count, statistics.median(saver.latencies(saves=20)))
        for end, side in zip(("origin", "copy"), bench.link.ends):
            bench.curve("files-resident", f"{tool.title}, {end}", count, side.memory(b"VmRSS"))
        pair.compare()
        tool.stop()
    finally:
        shutil.rmtree(pair.root)


def one_file(bench, tool, size, place):
    bench.note(f"one file of {human(size, 'B')}, {tool.title}")
    pair = Pair(join(place, "pairs", tool.name, "grow"))
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
