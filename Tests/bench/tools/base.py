"""What the scenarios ask of a tool. Each of these may raise Unable: then the cell of the table is a dash."""
import os
import re
import shutil
import subprocess
from os.path import join

from common import Unable


class Tool:
    """One tool, on one pair of folders at a time."""

    name = title = ""
    programs = ()
    floor = False  # not a peer, but what no tool can be faster than
    by_hand = False  # does something only when it is told to
    local = False  # uses no link
    two_way = False
    looks_first = False  # reads all of the origin before anybody asks for a copy
    fans_out = False  # to more than one receiver
    own = False  # nosocks, so nothing that it is compared with

    def __init__(self, bench):
        self.bench, self.serial, self.running = bench, 0, []

    @classmethod
    def missing(cls, options):
        """What it needs and there is not, and where it is to be had."""
        return next((f"{program} on the PATH (make bench-tools installs it)" for program in cls.programs
                     if not shutil.which(program)), None)

    def version(self):
        said = subprocess.run([self.programs[0], "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\d+\.\d+[\w.]*", said)
        return found[0] if found else "?"

    @property
    def link(self):
        return self.bench.link

    def spawn(self, end, command, name, **options):
        """Starts a program that stays until `stop`."""
        self.running.append(self.once(end, command, name, **options))
        return self.running[-1]

    def once(self, end, command, name, environment=None, out=False, **options):
        """Starts a program that is to end by itself."""
        self.serial += 1
        base = join(self.bench.home, f"{self.name}-{name}-{self.serial}")
        return end.spawn(command, base + ".log", out=base + ".out" if out is True else out or None,
                         environment=dict(self.bench.environment, **environment or {}), **options)

    def must_run(self):
        for process in self.running:
            process.must_run()

    # ---- The first copy, into an empty folder

    def prepare(self, pair):
        """Everything that is up before somebody asks for a copy."""
        raise Unable

    def copy(self, pair, sizes):
        """Returns when the copy is there. `sizes` are those of all that is to come."""
        raise Unable

    # ---- A mirror that lives

    def launch(self, pair):
        """Starts both ends, on a pair that was in sync once or whose copy is empty, and does not wait for more."""
        raise Unable

    def settle(self, pair, sizes):
        """Returns when what there is has arrived, and changes are followed."""
        raise Unable

    def nudge(self):
        """Tells a tool to look now, if it has to be told, and returns when it has done so."""

    def stop(self):
        """Ends both ends, as a person would."""
        self.end_processes()

    def end_processes(self):
        running, self.running = self.running, []
        for process in reversed(running):
            process.terminate()

    def abandon(self):
        """After a failure: whatever still runs."""
        self.running.clear()
        self.bench.end_processes()

    def clean(self):
        for name in os.listdir(self.bench.home):
            if name.startswith(f"{self.name}-") and name.endswith((".log", ".out")):
                os.unlink(join(self.bench.home, name))
