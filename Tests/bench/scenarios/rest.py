"""A mirror that starts again, and one that has nothing to do: S7 and S8."""
import time
from os.path import join

from arrival import Watch, sizes_below
from common import Unable, clock, write
from scenarios.copies import tree_pair
from scenarios.live import session

IDLE = 10  # seconds


def restart(bench, tool):
    """From the start of the first end until what changed meanwhile is there."""
    pair = tree_pair(bench, tool)
    with session(bench, tool, pair):  # so that the times before are those of a mirror at rest
        pass
    content = f"edited in run {bench.run}".encode().ljust(100 + bench.run)
    write(join(pair.origin, "edited"), content)
    with Watch(pair.copy) as watch:
        with bench.measured() as meter:
            start = clock()
            tool.launch(pair)
            tool.nudge()
            there = watch.arrival({join(pair.copy, "edited"): content}, bench.options.patience, tool.must_run)
    bench.record("S7", "time", tool, there - start)
    bench.record_meter("S7", tool, meter)
    tool.settle(pair, sizes_below(pair.origin))
    pair.compare()
    tool.stop()


def idle(bench, tool):
    if tool.by_hand:
        raise Unable
    pair = tree_pair(bench, tool)
    with session(bench, tool, pair):
        time.sleep(3)
        with bench.measured() as meter:
            time.sleep(IDLE)
        resident = [end.memory(b"VmRSS") for end in bench.link.ends]
        own = sum(end.memory(b"RssAnon") for end in bench.link.ends)
        bench.record_meter("S8", tool, meter)
        bench.record("S8", "memory", tool, sum(resident), "B")
        bench.record("S8", "memory-own", tool, own, "B")
        for end, size in zip("ab", resident):
            bench.record("S8", f"memory-{end}", tool, size, "B")
