"""What is measured. A group is what one set-up of a tool can tell; it may record several scenarios' figures."""
from collections import namedtuple

from scenarios import copies

Group = namedtuple("Group", "scenarios measure everyday")

GROUPS = [
    Group(("S1", "memory"), copies.small_files, True),
    Group(("S2",), copies.big_file, True),
    Group(("home",), copies.home, True),
]
SCENARIOS = [name for group in GROUPS for name in group.scenarios]
EVERYDAY = [name for group in GROUPS if group.everyday for name in group.scenarios]
