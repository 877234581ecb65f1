"""Processes of the bench: where they run, what they use, and that none of them outlives it."""
import contextlib
import os
import re
import select
import signal
import subprocess
import time
from os.path import basename, join

from common import LIBC, Broken, check_call, clock, last_line, read, write

TICKS = os.sysconf("SC_CLK_TCK")  # a second
CLONE_NEWNET, PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 0x40000000, 1, 36


def adopt_orphans():
    """Children of what ends before them become ours, so that they can be found and ended."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def enter_namespace(handle):
    check_call(LIBC.setns(handle, CLONE_NEWNET), "setns")


def die_with_parent():
    """To be called by a child: even SIGKILL of the bench leaves nothing running."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children(pid):
    with contextlib.suppress(OSError):
        return [int(child) for task in os.listdir(f"/proc/{pid}/task")
                for child in read(f"/proc/{pid}/task/{task}/children").split()]
    return []


def descendants(pid):
    found = children(pid)
    for child in found:
        found.extend(children(child))
    return found


def memory(pid, field):
    """In bytes; VmRSS is what it has now, VmHWM the most that it had, RssAnon what it has that is no file's."""
    found = re.search(rb"%s:\s*(\d+) kB" % field, read(f"/proc/{pid}/status"))
    return int(found[1]) * 1024 if found else 0


class Group:
    """A control group that counts the processor time of all that was ever in it, to the nanosecond. Memory is not taken
    from one: there it includes the page cache, and on tmpfs every file that was written."""

    def __init__(self, name):
        self.folder = None
        for parent, self.usage in self.hierarchies():
            with contextlib.suppress(OSError):
                os.mkdir(join(parent, name))
                self.folder = join(parent, name)
                self.cpu()
                break

    @staticmethod
    def hierarchies():
        """Where this process may make a group: below its own, whatever the version."""
        own = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in read("/proc/self/cgroup").decode().splitlines()}
        for line in read("/proc/self/mounts").decode().splitlines():
            _, folder, kind, flags = line.split()[:4]
            if kind == "cgroup" and "cpuacct" in flags.split(","):
                mine = next((path for names, path in own.items() if "cpuacct" in names.split(",")), "/")
                yield folder + mine.rstrip("/"), "cpuacct.usage"
            if kind == "cgroup2":
                yield folder + own.get("", "/").rstrip("/"), "cpu.stat"

    def cpu(self):
        with open(join(self.folder, self.usage), "rb") as file:
            words = file.read().split()
        if self.usage == "cpuacct.usage":
            return int(words[0]) / 1e9
        return int(words[words.index(b"usage_usec") + 1]) / 1e6

    def pids(self):
        return [int(pid) for pid in read(join(self.folder, "cgroup.procs")).split()]

    def remove(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)


class Process:
    """A program that the bench started at one end, with what it says in two files."""

    def __init__(self, end, command, log, out=None, environment=None, stdin=subprocess.DEVNULL, folder=None,
                 pass_fds=()):
        self.name, self.log, self.out, self.end = basename(command[0]), log, out or log, end
        keep = [stdin] if isinstance(stdin, int) and stdin >= 0 else []

        def place():
            die_with_parent()
            if end.group and end.group.folder:
                write(join(end.group.folder, "cgroup.procs"), b"0")
            if end.namespace is not None:
                enter_namespace(end.namespace)

        # A session of its own: Ctrl-C reaches the bench alone.
        with contextlib.ExitStack() as files:
            log_file = files.enter_context(open(log, "wb"))
            out_file = out if isinstance(out, int) else files.enter_context(open(out, "wb")) if out else log_file
            self.start = clock()
            self.popen = subprocess.Popen(command, stdin=stdin, stdout=out_file, stderr=log_file, cwd=folder,
                                          env=environment, start_new_session=True, preexec_fn=place,
                                          pass_fds=[*keep, *pass_fds])
        self.pid = self.popen.pid

    def ended(self):
        """Leaves it to `reap` to let go of what it used."""
        return self.popen.returncode is not None or bool(
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))

    def reap(self):
        """Its exit status, once it has ended."""
        if self.popen.returncode is None:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            self.end.gone += self.end.ticks(self.pid) / TICKS
        return self.popen.wait()

    def must_run(self):
        if self.ended():
            raise Broken(f"{self.name} ended by itself with {self.reap()}: {last_line(self.log)}")

    def finish(self, patience, meanwhile=lambda: None, expected=(0,)):
        """Waits for its end, which must be a good one, and gives the time of it."""
        ended = select.poll()
        with open(os.pidfd_open(self.pid), "rb", buffering=0) as handle:
            ended.register(handle, select.POLLIN)
            while not ended.poll(20):
                meanwhile()
                if clock() - self.start > patience:
                    raise Broken(f"{self.name} did not end within {patience:g} s")
        when = clock()
        if self.reap() not in expected:
            raise Broken(f"{self.name} ended with {self.popen.returncode}: {last_line(self.log)}")
        return when

    def terminate(self, patience=10):
        """Asks it to end; gives its exit status, or None if it had to be killed."""
        os.kill(self.pid, signal.SIGTERM)
        until = clock() + patience
        while not self.ended():
            if clock() > until:
                self.kill()
                return None
            time.sleep(0.005)
        return self.reap()

    def kill(self):
        for pid in [self.pid, *descendants(self.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.reap()


class End:
    """One of the two machines: its address, its network namespace if it has one, and its processes."""

    def __init__(self, name, address, namespace=None, group=None):
        self.name, self.address, self.namespace, self.group, self.processes = name, address, namespace, group, []
        self.gone = 0.0  # seconds that processes used which have ended

    def spawn(self, command, log, **options):
        process = Process(self, command, log, **options)
        self.processes.append(process)
        return process

    def pids(self):
        if self.group and self.group.folder:
            return self.group.pids()
        alive = [process.pid for process in self.processes if not process.ended()]
        return alive + [child for pid in alive for child in descendants(pid)]

    def cpu(self):
        """Seconds used so far by all that ever ran here. Without a group: to the tick, and of children that were not
        waited for, only while they run."""
        if self.group and self.group.folder:
            return self.group.cpu()
        return self.gone + sum(map(self.ticks, self.pids())) / TICKS

    @staticmethod
    def ticks(pid):
        return sum(map(int, read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:15]))

    def memory(self, field):
        """The sum over all processes that are alive. Pages that several have in common count in each."""
        return sum(memory(pid, field) for pid in self.pids())

    def forget_peaks(self):
        for pid in self.pids():
            with contextlib.suppress(OSError):
                write(f"/proc/{pid}/clear_refs", b"5")

    def end_all(self):
        """Kills what is left of its processes, and theirs."""
        for process in self.processes:
            if not process.ended():
                process.kill()
        self.processes.clear()
        for pid in self.group.pids() if self.group and self.group.folder else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def end_orphans():
    """Kills everything below this process, and waits for it."""
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
