"""The rows of the table, each with its goal.

A goal was set on one machine, in figures of that machine, beside what the best of the peers took there. On any other
machine the ratio of the two is what holds, so a row with such a peer is judged by nosocks : best of the peers in the
same run; one without is judged as it stands, and only at the full scale if it depends on the scale.
"""
from collections import namedtuple

from common import KIB, MIB

# goal and best are in the row's unit; `scaled`: the goal as it stands means the full scale.
Row = namedtuple("Row", "scenario key label goal best scaled", defaults=(None, None, True))

TITLES = {
    "S1": "20,000 small source files, 114 MiB, to an empty peer",
    "memory": "memory of both ends, peak in S1",
    "S2": "one incompressible file of 1 GiB to an empty peer",
    "home": "a home folder: photographs, a film, documents, sources, logs",
    "S2b": "one log of 512 MiB to an empty peer",
    "S3": "one saved file of 4 KiB, until it can be read on the other side",
    "S4": "2,000 files untarred into the live tree",
    "S5a": "1 MiB appended to the 512 MiB log",
    "S5b": "4 KiB overwritten in its middle",
    "S6": "a directory of 5,000 files renamed",
    "S7": "both ends restarted, 20,000 files, one changed meanwhile",
    "S8": "idle for 10 s, both ends, with the S1 tree",
    "S9": "one change to the last of 8 receivers",
    "slow": "50 Mbit/s and 40 ms there and back",
    "busy": "saved files while a file of 5 GiB is being sent",
    "files": "how cost grows with the number of files",
    "sizes": "how cost grows with the size of a file",
    "peers": "how cost grows with the number of peers",
}

ROWS = [
    Row("S1", "time", "time", 1.0, 1.20),
    Row("S1", "look", "before it, the origin's first look"),
    Row("S1", "bytes", "on the link"),
    Row("S1", "cpu", "CPU, both ends"),
    Row("memory", "peak", "both ends", 60 * MIB, 22 * MIB),
    Row("memory", "peak-own", "of it not from files"),
    Row("memory", "peak-a", "the origin's"),
    Row("memory", "peak-b", "the copy's"),
    Row("S2", "time", "time", 2.6, 2.7),
    Row("S2", "bytes", "on the link"),
    Row("S2", "cpu", "CPU, both ends"),
    Row("S2", "peak", "memory, both ends"),
    Row("S2b", "time", "time", 0.9, 0.92),
    Row("S2b", "bytes", "on the link"),
    Row("S2b", "cpu", "CPU, both ends"),
    Row("home", "time", "time"),
    Row("home", "bytes", "on the link"),
    Row("home", "cpu", "CPU, both ends"),
    Row("S3", "median", "median", 0.003, 0.096, False),
    Row("S3", "p99", "99th percentile", 0.015, None, False),
    Row("S3", "cpu", "CPU, both ends, for one", 0.001, None, False),
    Row("S3", "bytes", "on the link, for one"),
    Row("S3", "median-in-place", "in place, median"),
    Row("S3", "p99-in-place", "in place, 99th percentile"),
    Row("S3", "median-back", "at the copy, median"),
    Row("S3", "p99-back", "at the copy, 99th percentile"),
    Row("S4", "time", "time", 0.2, 0.50),
    Row("S4", "untar", "of it the untar itself"),
    Row("S4", "bytes", "on the link"),
    Row("S4", "cpu", "CPU, both ends"),
    Row("S5a", "time", "time", 0.6, 0.83),
    Row("S5a", "bytes", "on the link", 0.5 * MIB, 436 * KIB),
    Row("S5a", "cpu", "CPU, both ends"),
    Row("S5b", "time", "time", 0.6, 0.80),
    Row("S5b", "bytes", "on the link", 60 * KIB, 172 * KIB),
    Row("S5b", "cpu", "CPU, both ends"),
    Row("S6", "time", "time", 0.2, 0.67),
    Row("S6", "bytes", "on the link", 0.3 * MIB, 1.3 * MIB),
    Row("S6", "cpu", "CPU, both ends"),
    Row("S7", "time", "time", 0.14, 0.16),
    Row("S7", "bytes", "on the link", 3 * KIB, 4.4 * KIB),
    Row("S7", "cpu", "CPU, both ends"),
    Row("S8", "cpu", "CPU, both ends", 0.01, None, False),
    Row("S8", "memory", "memory, both ends", 40 * MIB, 8 * MIB),
    Row("S8", "memory-own", "of it not from files"),
    Row("S8", "memory-a", "the origin's"),
    Row("S8", "memory-b", "the copy's"),
    Row("S8", "bytes", "on the link"),
    Row("S9", "median", "median", 0.006, 0.165, False),
    Row("S9", "p99", "99th percentile"),
    Row("S9", "bytes", "on the link, for one", 10 * KIB, 37 * KIB, False),
    Row("S9", "cpu", "CPU, all ends, for one"),
    Row("slow", "time", "S1"),
    Row("slow", "bytes", "S1, on the link"),
    Row("slow", "ten", "10 changes in a row, until the last is there", 0.4, None, False),
    Row("slow", "ten-awaited", "10 changes, each awaited"),
    Row("slow", "ten-bytes", "10 changes in a row, on the link"),
    Row("slow", "median", "a saved file while a large one is on its way, median"),
    Row("slow", "p99", "99th percentile"),
    Row("busy", "median", "median"),
    Row("busy", "p99", "99th percentile", 0.030, None, False),
    Row("busy", "worst", "the longest"),
    Row("busy", "time", "the large file's time"),
]
# Figures that are no tool's doing, so that no ratio says anything.
UNCOMPARED = {("S4", "untar")}
# The slow link's S1 is judged against one tool, not the best of all.
AGAINST = {("slow", "time"): ("rsync-z", 1.0), ("slow", "bytes"): ("rsync-z", 1.0)}
