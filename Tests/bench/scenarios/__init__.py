"""What is measured. A group is what one set-up of a tool can tell; it may record several scenarios' figures."""
from collections import namedtuple

from scenarios import copies, grow, live, load, logs, rest

Group = namedtuple("Group", "scenarios measure everyday")

# S1 leaves the pair that those after it live on; S7 and S8 come before what makes it larger.
GROUPS = [
    Group(("S1", "memory"), copies.small_files, True),
    Group(("S7",), rest.restart, True),
    Group(("S8",), rest.idle, True),
    Group(("S3",), live.saves, True),
    Group(("S4",), live.untar, True),
    Group(("S6",), live.rename, True),
    Group(("S2",), copies.big_file, True),
    Group(("S2b", "S5a", "S5b"), logs.log, True),
    Group(("S9",), live.fan_out, True),
    Group(("home",), copies.home, True),
    Group(("busy",), load.busy, True),
    Group(("slow",), load.slow, True),
    Group(("grow",), grow.grow, False),
]
ORDER = ["S1", "memory", "S2", "S2b", "S3", "S4", "S5a", "S5b", "S6", "S7", "S8", "S9", "home", "slow", "busy", "grow"]
EVERYDAY = [name for name in ORDER if any(group.everyday and name in group.scenarios for group in GROUPS)]
SCENARIOS = [name for name in ORDER if any(name in group.scenarios for group in GROUPS)]
