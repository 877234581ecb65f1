"""What is measured. A group is what one set-up of a tool can tell; it may record several scenarios' figures.
`lent` is data that is too large to keep from one run to the next."""
from collections import namedtuple

from scenarios import copies, grow, live, load, logs, rest

Group = namedtuple("Group", "scenarios measure everyday lent", defaults=(True, ()))

# S1 leaves the pair that those after it live on; S7 and S8 come before what makes it larger.
GROUPS = [
    Group(("S1", "memory"), copies.small_files),
    Group(("S7",), rest.restart),
    Group(("S8",), rest.idle),
    Group(("S3",), live.saves),
    Group(("S4",), live.untar),
    Group(("S6",), live.rename),
    Group(("S2",), copies.big_file, lent=("big",)),
    Group(("S2b", "S5a", "S5b"), logs.log),
    Group(("S9",), live.fan_out),
    Group(("home",), copies.home),
    Group(("busy",), load.busy, lent=("large",)),
    Group(("slow",), load.slow),
    Group(("files",), grow.files, everyday=False),
    Group(("sizes",), grow.sizes, everyday=False),
    Group(("peers",), grow.peers, everyday=False),
]
ORDER = ["S1", "memory", "S2", "S2b", "S3", "S4", "S5a", "S5b", "S6", "S7", "S8", "S9", "home", "slow", "busy", "files",
         "sizes", "peers"]
EVERYDAY = [name for name in ORDER if any(group.everyday and name in group.scenarios for group in GROUPS)]
SCENARIOS = [name for name in ORDER if any(name in group.scenarios for group in GROUPS)]
