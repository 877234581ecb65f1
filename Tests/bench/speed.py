#!/usr/bin/env python3
"""How fast nosocks is on this machine, beside an rsync daemon in the same run.

It needs Linux and rsync, nothing else. Every tree is compared in full after it was measured. The exit status is 1 if
something broke, never because something is slow.
"""
import argparse, contextlib, ctypes, json, math, os, platform, random, re, select, shutil, signal, socket, statistics
import subprocess, sys, tempfile, time
from os.path import basename, exists, join

PATIENCE = 120  # seconds, for anything: what takes longer is stuck
TICKS = os.sysconf("SC_CLK_TCK")  # a second
MIB = 1 << 20
clock = time.perf_counter


class Broken(Exception):
    """Something did not do what it must, in one line."""


# ---- Data, the same for the same seed

SHAPES = ["if ({0}.{1} != {2}->{1}) {{", "return {0}_{1}({2}, {3});", "}}", "", "// The {0} has its {1}, and no {2}",
          "static int {0}_{1}(struct {2} *{3})", "{0}->{1} = {2}_{3}[{4}];", "for (int {0} = 0; {0} < {1}.{2}; {0}++)",
          '#include "{0}/{1}_{2}.h"', "assert({0}_{1} == 0x{5:08x});", 'const {0}_{1} = await {2}.{3}("{0}-{4}");']


def source_tree(root, files, seed):
    """Source-like text, most files small and a few large, in nested folders; gives each file's size by its path."""
    rng, sizes, folders = random.Random(seed), {}, [""]
    names = ["".join(rng.choices("acdeilmnoprstu", k=rng.randrange(3, 9))) for _ in range(100)]
    lines = [" " * rng.randrange(0, 20, 4) + rng.choice(SHAPES).format(*rng.choices(names, k=4), rng.randrange(1000),
             rng.getrandbits(32)) + "\n" for _ in range(20_000)]
    for serial in range(files):
        if serial % 12 == 0:
            above = rng.choice(folders[-40:] if rng.random() < 0.2 else folders)
            folders.append(join(above, f"{rng.choice(names)}{len(folders)}"))
            os.makedirs(join(root, folders[-1]))
        path = join(rng.choice(folders[-100:]), f"{rng.choice(names)}_{serial}.{rng.choice(['c', 'h', 'js', 'md'])}")
        sizes[path] = min(int(rng.lognormvariate(7.83, 1.3)), 500_000)
        near = rng.randrange(len(lines) - 1000)  # a file is more like itself than like the next
        text = "".join(rng.choices(lines[near : near + 1000], k=sizes[path] // 15 + 20)).encode()
        write(join(root, path), text[: sizes[path]])
    return sizes


# ---- Files and processes, as the kernel shows them

def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def last_line(path):
    return (read(path).decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


def cpu(pid):
    """Seconds used by a process and by those children that it has waited for."""
    return sum(map(int, read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:15])) / TICKS


def memory(pid, field):
    found = re.search(rb"%s:\s*(\d+) kB" % field, read(f"/proc/{pid}/status"))
    return int(found[1]) / 1024 if found else 0


def children(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def wait_until(condition, what):
    """Gives the time when it came true, to half a millisecond."""
    end = clock() + PATIENCE
    while not condition():
        if clock() > end:
            raise Broken(f"{what}: not within {PATIENCE} s")
        time.sleep(0.0005)
    return clock()


class Watch:
    """Sleeps until a folder changes, by inotify, for what half a millisecond is too coarse for."""

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, folder):
        self.handle, self.change = open(self.libc.inotify_init1(os.O_CLOEXEC), "rb", buffering=0), select.poll()
        self.change.register(self.handle, select.POLLIN)
        kinds = 0x2 | 0x8 | 0x80 | 0x100  # IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE
        if self.libc.inotify_add_watch(self.handle.fileno(), os.fsencode(folder), kinds) < 0:
            raise Broken(f"cannot watch {folder}: {os.strerror(ctypes.get_errno())}")

    def arrival(self, path, content):
        """When the file can be read with that content."""
        while read(path) != content:
            if not self.change.poll(PATIENCE * 1000):
                raise Broken(f"a saved file was not on the other side within {PATIENCE} s: {path}")
            self.handle.read(1 << 16)
        return clock()


class Run:
    """A command run to its end against a server: wall time from exec to exit; CPU and highest RSS, server first.

    The RSS is the kernel's high-water mark, looked at now and then: wait4's would begin at that of this script.
    """

    def __init__(self, bench, command, server):
        before, log, start = cpu(server.pid), bench.path("command.log"), clock()
        process = bench.spawn(command, log, log)
        peaks, ended = {server.pid: {}, process.pid: {}}, select.poll()
        with open(os.pidfd_open(process.pid), "rb", buffering=0) as handle:
            ended.register(handle, select.POLLIN)
            while not ended.poll(20):
                for end, seen in peaks.items():
                    seen.update((pid, max(memory(pid, b"VmHWM"), seen.get(pid, 0))) for pid in [end, *children(end)])
                if clock() - start > PATIENCE:
                    raise Broken(f"{basename(command[0])} did not end within {PATIENCE} s")
        self.wall = clock() - start
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Broken(f"{basename(command[0])} ended with {process.returncode}: {last_line(log)}")
        wait_until(lambda: not children(server.pid), "the end of the server's side")
        self.cpu = cpu(server.pid) - before, usage.ru_utime + usage.ru_stime
        self.peak = [sum(seen.values()) for seen in peaks.values()]


class Service:
    """A program in the background; nosocks tells in JSON lines what it does."""

    def __init__(self, bench, name, command):
        self.name, self.out, self.log, self.start = name, bench.path(name + ".out"), bench.path(name + ".log"), clock()
        self.process = bench.spawn(command, self.out, self.log)
        self.pid = self.process.pid

    def told(self, event):
        if self.process.poll() is not None:
            raise Broken(f"{self.name} ended by itself with {self.process.returncode}: {last_line(self.log)}")
        return re.findall(rb'^.*"event": ?"(?:%s)".*$' % event, read(self.out), re.MULTILINE)

    def wait_for(self, event, count=1):
        return wait_until(lambda: len(self.told(event)) >= count, f"{self.name}'s event {event.decode()}")

    def stop(self):
        if bad := self.told(b"problem|conflict|held"):
            raise Broken(f"{self.name} told of what cannot be: {bad[0].decode(errors='replace')}")
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(6)
        if self.process.returncode != 0:
            raise Broken(f"{self.name} ended with {self.process.returncode} on SIGTERM: {last_line(self.log)}")


class Bench:
    """The folders and processes of one run, and the figures."""

    def __init__(self, options, home):
        self.scale, self.runs, self.home, self.processes, self.rows = options.scale, options.runs, home, [], []
        self.program = shutil.copy(options.program, self.path("nosocks"))  # a build meanwhile changes nothing
        self.environment = {key: value for key, value in os.environ.items()
                            if key[:6] not in ("NOSOCK", "RSYNC_") and not key.lower().endswith("_proxy")}

    def setting(self):
        said = [subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()
                for program in (self.program, "rsync")]
        return dict(nosocks=said[0][1], rsync=said[1][2], kernel=platform.release(), cpus=os.cpu_count(),
                    load=round(os.getloadavg()[0], 1), folder=self.home, scale=self.scale, runs=self.runs)

    def path(self, name):
        return join(self.home, name)

    def fresh(self, name):
        shutil.rmtree(self.path(name), ignore_errors=True)
        return self.path(name)

    def count(self, full):
        return max(20, round(full * self.scale))

    def tree(self):
        if not exists(self.path("tree")):
            source_tree(self.path("tree"), self.count(20_000), seed=1)
        return self.path("tree")

    def spawn(self, command, out, log):
        with open(out, "wb") as out, open(log, "wb") as log:  # a session of its own: Ctrl-C reaches this script alone
            self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                                   env=self.environment, start_new_session=True))
        return self.processes[-1]

    def end_all(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()

    def serve_rsync(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        settings = "use chroot = no\nreverse lookup = no\n" + "uid = 0\ngid = 0\n" * (os.getuid() == 0)
        settings += "".join(f"[{name}]\npath = {self.path(name)}\nexclude = /.nosocks\n" for name in ("tree", "big"))
        write(self.path("rsyncd.conf"), settings.encode())
        self.rsyncd, self.modules = Service(self, "rsyncd", [
            "rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}",
            f"--config={self.path('rsyncd.conf')}"]), f"rsync://127.0.0.1:{port}/"
        listening = b" 0100007F:%04X 00000000:0000 0A " % port
        wait_until(lambda: self.rsyncd.told(b"") or listening in read("/proc/net/tcp"), "the rsync daemon's start")

    def rsync(self, name, target):
        return Run(self, ["rsync", "-a", f"{self.modules}{name}/", target + "/"], self.rsyncd)

    def hub(self, folder, new=False):
        """A hub that listens. A new one tells each thing that it finds and then nothing more: so they are counted."""
        if new:
            shutil.rmtree(join(folder, ".nosocks"), ignore_errors=True)
        entries = sum(len(folders) + len(files) for _, folders, files in os.walk(folder)) if new else 0
        hub = Service(self, "hub", [self.program, "hub", "--json", "--listen", "127.0.0.1:0", folder])
        hub.wait_for(b"listening")
        self.url = json.loads(hub.told(b"listening")[0])["url"]
        hub.wait_for(b"created", entries)
        return hub

    def peer(self, folder):
        peer = Service(self, "peer", [self.program, "join", "--json", self.url, folder])
        peer.in_sync = peer.wait_for(b"in-sync")
        return peer

    @contextlib.contextmanager
    def pair(self, folder, target, new=True):
        hub = self.hub(folder, new)
        peer = self.peer(target)
        yield hub, peer
        self.compare(folder, target)
        peer.stop()
        hub.stop()

    def compare(self, left, right):
        """Fails unless both are the same to the byte. What is on its way has a few seconds to arrive."""
        command = ["rsync", "-rlpcni", "--delete", "--exclude=/.nosocks", left + "/", right + "/"]
        for _ in range(20):
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=self.environment)
            differing = (done.stdout + done.stderr).splitlines()
            if done.returncode == 0 and not differing:
                return
            time.sleep(0.25)
        raise Broken(f"{basename(left)} and {basename(right)} differ in {len(differing)} entries, as {differing[0]!r}")

    def row(self, what, unit, ours, theirs=(), goal=""):
        """Prints what was measured. A goal bounds the value or, with a ×, the ratio."""
        ratio = statistics.median(ours) / statistics.median(theirs) if theirs else None
        value = ratio if "×" in goal else statistics.median(ours)
        met = goal and (value >= float(goal[1:]) if "≥" in goal else value <= float(goal.strip("≤ ×")))
        self.rows.append(dict(scenario=self.scenario, what=what, unit=unit, nosocks=list(ours), rsync=list(theirs),
                              ratio=ratio, goal=goal, met=met if goal else None))
        columns = [f"{brief(statistics.median(runs))} ({brief(min(runs))}–{brief(max(runs))})" if runs else "-"
                   for runs in (ours, theirs)] + [f"{ratio:.2f} ×" if ratio else "-"]
        print("  {:<42} {:>5} {:>20} {:>20} {:>8}".format(what, unit, *columns),
              f" {goal}, {'met' if met else 'missed'}" * bool(goal), flush=True)


def brief(value):
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


# ---- The scenarios

def first_copy(bench, folder):
    """Runs of nosocks and of rsync into an empty folder, by turns."""
    hub, ours, theirs = bench.hub(folder, new=True), [], []
    for _ in range(bench.runs):
        theirs.append(bench.rsync(basename(folder), bench.fresh("copy")))
        bench.compare(folder, bench.path("copy"))
        target = bench.fresh("peer")
        ours.append(Run(bench, [bench.program, "join", "--once", "--quiet", bench.url, target], hub))
        bench.compare(folder, target)
    hub.stop()
    return ours, theirs


def s1(bench):
    """20,000 small source files to an empty peer"""
    ours, theirs = first_copy(bench, bench.tree())
    bench.row("from exec to exit", "s", [run.wall for run in ours], [run.wall for run in theirs], "≤ 3 ×")
    for end, name in enumerate(("hub", "peer")):
        bench.row(f"CPU of the {name}", "s", [run.cpu[end] for run in ours], [run.cpu[end] for run in theirs])
        bench.row(f"peak RSS of the {name}", "MiB", [run.peak[end] for run in ours], [run.peak[end] for run in theirs])


def s2(bench):
    """one incompressible file of 1 GiB to an empty peer"""
    os.mkdir(bench.fresh("big"))
    rng, size = random.Random(2), bench.count(1024)
    with open(join(bench.path("big"), "noise"), "wb") as file:
        for _ in range(size):
            file.write(rng.randbytes(MIB))
    ours, theirs = ([run.wall for run in runs] for runs in first_copy(bench, bench.path("big")))
    bench.row("from exec to exit", "s", ours, theirs)
    bench.row("rate", "MB/s", [size * 1.048576 / wall for wall in ours], [size * 1.048576 / wall for wall in theirs],
              "≥ 150")
    bench.fresh("big")


def s3(bench):
    """one saved file of 4 KiB, from the start of the save until it can be read on the other side"""
    tree, copy, peer, theirs, serial = bench.tree(), bench.fresh("copy"), bench.fresh("peer"), [], 0
    os.makedirs(join(tree, "saved"), exist_ok=True)

    def save(top, ending=""):
        nonlocal serial
        serial += 1  # the size changes each time, because rsync looks at times to the second only
        path, start, content = join(top, "saved", "file"), clock(), b"save %d ".ljust(4090 + serial % 64, b".") % serial
        write(path + ending, content)
        if ending:
            os.rename(path + ending, path)
        return start, content

    for _ in range(bench.runs + 1):
        start, _ = save(tree)
        bench.rsync("tree", copy)
        theirs.append((clock() - start) * 1000)
    with bench.pair(tree, peer) as services:
        for side, top, other in (("hub", tree, peer), ("peer", peer, tree)):
            for how, ending in (("renamed over it", ".new"), ("in place", "")):
                watch, runs, before = Watch(join(other, "saved")), [], sum(cpu(end.pid) for end in services)
                for run in range(bench.runs):
                    took = []
                    for pause in range(bench.count(100)):
                        time.sleep(0.01 + pause % 7 / 200)
                        start, content = save(top, ending)
                        took.append((watch.arrival(join(other, "saved", "file"), content) - start) * 1000)
                    runs.append(sorted(took))
                used = sum(cpu(end.pid) for end in services) - before
                medians = [statistics.median(took) for took in runs]
                bench.row(f"at the {side}, {how}: median", "ms", medians, theirs[1:], "≤ 20")
                bench.row("    p99", "ms", [took[math.ceil(0.99 * len(took)) - 1] for took in runs])
                bench.row("    CPU of both ends for one", "ms", [used * 1000 / sum(map(len, runs))])


def s4(bench):
    """2,000 files untarred into the live tree, from tar's start until the last is whole on the other side"""
    tree, copy, peer, theirs = bench.tree(), bench.fresh("copy"), bench.fresh("peer"), []
    sizes, archive = source_tree(bench.fresh("burst"), bench.count(2000), seed=3), bench.path("burst.tar")
    subprocess.run(["tar", "-C", bench.path("burst"), "-cf", archive, "."], check=True)

    def untar(top):
        os.mkdir(top)
        start = clock()
        subprocess.run(["tar", "-C", top, "-xf", archive], check=True)
        return start

    bench.rsync("tree", copy)
    for run in range(bench.runs):
        start = untar(join(tree, f"rsync{run}"))
        bench.rsync("tree", copy)
        theirs.append(clock() - start)
        bench.compare(tree, copy)
    with bench.pair(tree, peer):
        for side, top, other in (("hub", tree, peer), ("peer", peer, tree)):
            ours = []
            for run in range(bench.runs):
                start, missing = untar(join(top, f"{side}{run}")), dict(sizes)
                def whole():
                    for path in list(missing):
                        target = join(other, f"{side}{run}", path)
                        if not exists(target) or os.stat(target).st_size != missing[path]:
                            return False
                        del missing[path]
                    return True
                ours.append(wait_until(whole, "2,000 untarred files") - start)
                bench.compare(top, other)
            bench.row(f"at the {side}", "s", ours, theirs)
    bench.fresh("tree")


def s7(bench):
    """both ends restarted with the S1 tree, from the hub's exec"""
    tree, copy, peer, ours, theirs = bench.tree(), bench.fresh("copy"), bench.fresh("peer"), ([], []), ([], [])
    bench.rsync("tree", copy)
    with bench.pair(tree, peer):
        pass
    for run in range(bench.runs):
        edit = b"%d" % run
        theirs[0].append(bench.rsync("tree", copy).wall)
        with bench.pair(tree, peer, new=False) as (hub, joined):
            ours[0].append(joined.in_sync - hub.start)
        write(join(tree, "edited"), edit.ljust(run + 10))
        theirs[1].append(bench.rsync("tree", copy).wall)
        with bench.pair(tree, peer, new=False) as (hub, _):
            there = wait_until(lambda: read(join(peer, "edited")).split() == [edit], "what was edited meanwhile")
            ours[1].append(there - hub.start)
    bench.row("nothing changed, until the peer is in sync", "s", ours[0], theirs[0], "≤ 1")
    bench.row("one file changed, until it is there", "s", ours[1], theirs[1])


def s8(bench):
    """hub and peer with the S1 tree and nothing to do, for 10 s"""
    with bench.pair(bench.tree(), bench.fresh("peer")) as services:
        time.sleep(3)
        runs = []
        for _ in range(bench.runs):
            before = [cpu(end.pid) for end in services]
            time.sleep(10)
            runs.append([round((cpu(end.pid) - used) * TICKS) for end, used in zip(services, before)])
        for end, ticks in zip(services, zip(*runs)):
            bench.row(f"CPU of the {end.name}", "ticks", ticks, goal="≤ 0")
            megabytes = memory(end.pid, b"VmRSS") * 1.048576
            bench.row(f"RSS of the {end.name}", "MB", [megabytes], goal="≤ 60" if end.name == "hub" else "")


SCENARIOS = {scenario.__name__.upper(): scenario for scenario in (s1, s2, s3, s4, s7, s8)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", metavar="NOSOCKS", help="a release build")
    parser.add_argument("--scenario", metavar="NAME[,NAME]", default=",".join(SCENARIOS), help="%(default)s")
    parser.add_argument("--scale", metavar="F", type=float, default=1, help="of sizes and counts; 0.1 for a quick run")
    parser.add_argument("--runs", metavar="N", type=int, default=3, help="of everything (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="every figure, for programs")
    options = parser.parse_args()
    names = options.scenario.upper().split(",")
    if not set(names) <= set(SCENARIOS) or options.runs < 1 or options.scale <= 0:
        parser.error(f"a scenario is one of {', '.join(SCENARIOS)}; F is above 0 and N at least 1")
    if missing := [program for program in (options.program, "rsync") if not shutil.which(program)]:
        parser.error(f"there is no {missing[0]}")
    report = open(options.json, "w") if options.json else None
    for interruption in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(interruption, signal.default_int_handler)
    roomy = exists("/dev/shm") and shutil.disk_usage("/dev/shm").free > (1 + 4 * options.scale) * 1024 * MIB
    home, failures = tempfile.mkdtemp(prefix="nosocks-bench-", dir="/dev/shm" if roomy else None), []
    bench = None
    try:
        bench = Bench(options, home)
        setting = bench.setting()
        print(*(f"{key} {value}" for key, value in setting.items()), sep=", ")
        for bench.scenario in names:
            print(f"{bench.scenario}: {SCENARIOS[bench.scenario].__doc__}")
            try:
                bench.serve_rsync()
                SCENARIOS[bench.scenario](bench)
            except (Broken, OSError, subprocess.SubprocessError) as problem:
                failures.append(f"{bench.scenario}: {problem}")
                print(f"speed: {failures[-1]}", file=sys.stderr)
                bench.fresh("tree")
            bench.end_all()
    except KeyboardInterrupt:
        failures.append("interrupted")
        print("speed: interrupted", file=sys.stderr)
    finally:
        for interruption in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(interruption, signal.SIG_IGN)
        if bench:
            bench.end_all()
        shutil.rmtree(home)
    if report:
        json.dump(dict(setting, rows=bench.rows, failures=failures), report, indent=1)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
