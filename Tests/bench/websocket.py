#!/usr/bin/env python3
"""How fast this project's WebSockets are, beside node's ws, Python's websockets and NIO's own codec in the same run.

Each server echoes what one and the same load sends over loopback, on one connection that always has messages in
flight; the load checks every byte that comes back. What counts is messages and bytes per second of the server's
processor time, over all its threads: on a busy machine the clock on the wall says little. The servers take turns
within each round. It needs Linux; ws and websockets are fetched if they are missing. The exit status is 1 if something
broke, never because something is slow.
"""
import argparse, contextlib, glob, json, os, platform, select, shutil, signal, statistics, struct, subprocess, sys, time
from os.path import abspath, dirname, exists, join

from common import Broken, brief, last_line, read

HERE = dirname(abspath(__file__))
CACHE = join(dirname(dirname(HERE)), ".build", "bench-websocket")
WEBSOCKETS = "17.4"
PATIENCE = 60  # seconds
SIZES = {"64 B": 64, "4 KiB": 4 << 10, "1 MiB": 1 << 20}

# What each server is told, by mode. With their defaults they do not do the same work; the last mode makes them.
ISAL = "with ISA-L"  # nosocks, built with the trait
MODES = {
    "none": ("no compression", {"nosocks": [], "ws": False, "websockets": None, "NIO": []}),
    "own": ("deflate, each server's own defaults, every message", {
        "nosocks": [], ISAL: [], "ws": {"threshold": 0}, "websockets": {}}),
    "same": ("deflate, level 1, windows of 32 KiB kept both ways, for all", {
        "nosocks": ["--level", "1", "--context-takeover"],
        ISAL: ["--level", "1", "--context-takeover"],
        "ws": {"threshold": 0, "zlibDeflateOptions": {"level": 1, "memLevel": 8}},
        "websockets": {"server_max_window_bits": 15, "client_max_window_bits": 15,
                       "compress_settings": {"level": 1, "memLevel": 8}}}),
}
DEFAULTS = ("own defaults: nosocks level 1, its window forgotten after each message; ws level 6, windows of 32 KiB kept;\n"
            "  websockets level 6, windows of 4 KiB kept")


# ---- The servers

def websockets_python():
    """A Python that has websockets, in an environment of its own."""
    python = join(CACHE, "venv", "bin", "python")
    has = [python, "-c", f"import websockets; assert websockets.__version__ == '{WEBSOCKETS}'"]
    if not exists(python) or subprocess.run(has, stderr=subprocess.DEVNULL).returncode:
        print(f"websocket: installing websockets {WEBSOCKETS} into {CACHE}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", join(CACHE, "venv")], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                        f"websockets=={WEBSOCKETS}"], check=True)
    return python


def node_path():
    """Where node finds Debian's ws, and ws its native addons. Those are packed with another library, whose package asks
    for Debian's own node: unpacked, not installed, they work with any."""
    addons = join(CACHE, "addons")
    if not exists(addons) and shutil.which("apt-get"):
        os.makedirs(addons)
        with contextlib.suppress(subprocess.SubprocessError):
            subprocess.run(["apt-get", "download", "-qq", "node-websocket"], cwd=addons, check=True,
                           stderr=subprocess.DEVNULL)
            subprocess.run(["dpkg", "-x", glob.glob(join(addons, "*.deb"))[0], addons], check=True)
    return os.pathsep.join(["/usr/share/nodejs", *glob.glob(join(addons, "usr/lib/*/nodejs")),
                            *glob.glob("/usr/lib/*/nodejs"), "/usr/lib/nodejs"])


class Server:
    """An echo that listens."""

    def __init__(self, bench, name, command, environment=()):
        self.name = name
        self.log = join(CACHE, f"{name}.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            env=dict(bench.environment, **dict(environment)), start_new_session=True)
        bench.processes.append(self.process)
        line = read_line(self.process, f"{name}'s port", self.log)
        self.port = int(line.rpartition(b":")[2])

    def cpu(self):
        """Seconds on a processor, of all threads."""
        threads = glob.glob(f"/proc/{self.process.pid}/task/*/schedstat")
        return sum(int((read(thread).split() or [0])[0]) for thread in threads) / 1e9


def read_line(process, what, log):
    if not select.select([process.stdout], [], [], PATIENCE)[0]:
        raise Broken(f"{what}: not within {PATIENCE} s")
    line = process.stdout.readline()
    if not line:
        raise Broken(f"{what}: {last_line(log)}")
    return line


class Load:
    """Sends while it is told to; nothing else happens on the connection."""

    def __init__(self, bench, server, size, mode):
        self.what = f"{server.name}, {size} bytes, {mode}"
        self.log = join(CACHE, "load.log")
        command = [bench.echo, "load", f"ws://127.0.0.1:{server.port}", "--size", str(size)]
        command += ["--deflate"] * (mode != "none") + ["--text"] * bench.text
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            bufsize=0, env=bench.environment, start_new_session=True)
        bench.processes.append(self.process)

    def run(self, seconds):
        self.process.stdin.write(b"%g\n" % seconds)
        return json.loads(read_line(self.process, self.what, self.log))

    def end(self):
        self.process.stdin.close()
        if self.process.wait(PATIENCE):
            raise Broken(f"{self.what}: {last_line(self.log)}")


class Bench:
    def __init__(self, options):
        self.echo, self.nio = abspath(options.echo), abspath(options.nio)
        self.isal = options.isal and abspath(options.isal)
        self.rounds, self.seconds, self.text = options.rounds, options.seconds, options.text
        self.processes = []
        os.makedirs(CACHE, exist_ok=True)
        self.python = websockets_python()
        self.environment = dict(os.environ, NODE_PATH=node_path())
        self.environment.pop("NODE_ENV", None)

    def servers(self, mode):
        return [name for name in MODES[mode][1] if name != ISAL or self.isal]

    def serve(self, name, mode, environment=()):
        told = MODES[mode][1][name]
        command = {"nosocks": [self.echo, "serve", "0"],
                   ISAL: [self.isal, "serve", "0"],
                   "NIO": [self.nio],
                   "ws": ["node", join(HERE, "echo-ws.js"), json.dumps(told)],
                   "websockets": [self.python, join(HERE, "echo-websockets.py"), json.dumps(told)]}[name]
        command += told if name in ("nosocks", ISAL) else []
        return Server(self, name, command, environment)

    def setting(self):
        def ask(*command):
            return subprocess.run(command, capture_output=True, text=True, env=self.environment, check=True).stdout.strip()
        addons = ask("node", "-p", """['bufferutil', 'utf-8-validate'].filter((name) => {
            try { return require(name); } catch { return false; } }).join(' and ') || 'no addons'""")
        return {"ws": ask("node", "-p", "require('/usr/share/nodejs/ws/package.json').version"), "with": addons,
                "node": ask("node", "-p", "process.versions.node"), "node's zlib": ask("node", "-p", "process.versions.zlib"),
                "websockets": WEBSOCKETS, "python": ask(self.python, "-c", "import platform; print(platform.python_version())"),
                "kernel": platform.release(), "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1),
                "rounds": self.rounds, "seconds": self.seconds, "messages": "text" if self.text else "binary"}

    def measure(self, server, size, mode):
        """One run: what came back in a second of the server's processor time."""
        load = Load(self, server, size, mode)
        load.run(self.seconds / 4)  # to warm up
        before = server.cpu()
        tally = load.run(self.seconds)
        used = server.cpu() - before
        load.end()
        if mode != "none" and tally["compressed"] < tally["messages"]:
            print(f"websocket: {load.what}: {tally['messages'] - tally['compressed']} of {tally['messages']} answers came "
                  "uncompressed", file=sys.stderr)
        return {"messages": tally["messages"] / used, "bytes": tally["messages"] * size / used,
                "wall": tally["messages"] / tally["seconds"], "cpus": used / tally["seconds"],
                "answered": tally["answered"] / (tally["messages"] * size)}

    def allocations(self, shim, name, mode, size):
        """How many of its own allocations the server makes for an echoed message, once it is warm."""
        counter = join(CACHE, "allocations")
        with contextlib.suppress(FileNotFoundError):
            os.remove(counter)
        server = self.serve(name, mode, {"LD_PRELOAD": shim, "ALLOCATIONS": counter})
        load = Load(self, server, size, mode)
        load.run(self.seconds / 4)
        count = lambda: struct.unpack("=Q", read(counter))[0]
        before = count()
        tally = load.run(self.seconds / 2)
        made = count() - before
        load.end()
        self.end(server.process)
        return made / tally["messages"]

    def end(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.remove(process)

    def end_all(self):
        for process in list(self.processes):
            self.end(process)


# ---- The report

def table(bench, sizes, modes):
    servers = {(name, mode): bench.serve(name, mode) for mode in modes for name in bench.servers(mode)}
    runs = {}
    for _ in range(bench.rounds):
        for label in sizes:
            for (name, mode), server in servers.items():
                runs.setdefault((label, mode), {}).setdefault(name, []).append(bench.measure(server, SIZES[label], mode))
    for server in servers.values():
        bench.end(server.process)

    rows = []
    for mode in modes:
        print(f"\n{MODES[mode][0]}\n  {'size':<7}{'server':<12}{'messages/s':>11}{'(range)':>19}{'MB/s':>9}"
              f"{'nosocks is':>13}{'answers':>9}{'wall msg/s':>12}")
        for label in sizes:
            results = runs[label, mode]
            ours = statistics.median(run["messages"] for run in results["nosocks"])
            for name, measured in results.items():
                messages = [run["messages"] for run in measured]
                middle = {key: statistics.median(run[key] for run in measured) for key in measured[0]}
                ratio = ours / middle["messages"]
                rows.append(dict(size=label, mode=mode, server=name, runs=measured, median=middle, nosocks_ratio=ratio))
                print(f"  {label:<7}{name:<12}{short(middle['messages']):>11}"
                      f"{'(' + short(min(messages)) + '–' + short(max(messages)) + ')':>19}"
                      f"{brief(middle['bytes'] / 1e6):>9}{'' if name == 'nosocks' else f'{ratio:.2f} ×':>13}"
                      f"{middle['answered']:>9.0%}{short(middle['wall']):>12}", flush=True)
    return rows


def short(number):
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.3g} k" if number >= 1e3 else brief(number)


def foot(bench, sizes, modes):
    print("\nper second of the server's processor time, medians and ranges; answers: their size beside the messages';\n"
          f"  {DEFAULTS}; NIO's codec has no compression")
    lines = [json.loads(line) for line in subprocess.run(
        [bench.isal or bench.echo, "measure"], capture_output=True, check=True,
        env=bench.environment).stdout.splitlines()]
    masking = [line for line in lines if "masking" in line]
    deflating = [line for line in lines if "deflating" in line]
    told = ", ".join(f"{short_size(line['bytes'])} {line['masking'] / 1e9:.1f} GB/s ({line['memcpy'] / 1e9:.1f})"
                     for line in masking)
    print(f"masking, and in brackets memcpy: {told}")
    print("deflating messages of 64 KiB, each with a window of its own, MB/s, and in brackets how many times smaller:")
    for engine, level in dict.fromkeys((line["engine"], line["level"]) for line in deflating):
        print(f"  {engine}, level {level}: " + ", ".join(
            f"{line['content']} {brief(line['deflating'] / 1e6)} ({line['ratio']:.2f})"
            for line in deflating if (line["engine"], line["level"]) == (engine, level)))

    shim = join(CACHE, "allocations.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, join(HERE, "allocations.c")], check=True)
    allocations = []
    for mode in modes:
        for name in ["nosocks", "NIO"]:
            if name in MODES[mode][1]:
                counts = {label: bench.allocations(shim, name, mode, SIZES[label]) for label in sizes}
                allocations.append(dict(server=name, mode=mode, per_message=counts))
                print(f"allocations per echoed message, {name}, {MODES[mode][0]}: "
                      + ", ".join(f"{label} {count:.4f}" for label, count in counts.items()), flush=True)
    return dict(masking=masking, deflating=deflating, allocations=allocations)


def short_size(size):
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("echo", metavar="WEBSOCKET-ECHO", help="a release build")
    parser.add_argument("nio", metavar="NIO-ECHO", help="a release build")
    parser.add_argument("--isal", metavar="WEBSOCKET-ECHO", help="one that was built with the trait ISAL, for rows of its own")
    parser.add_argument("--rounds", metavar="N", type=int, default=3, help="of everything (%(default)s)")
    parser.add_argument("--seconds", metavar="S", type=float, default=1.5, help="of each run (%(default)s)")
    parser.add_argument("--sizes", metavar="SIZE[,SIZE]", default=",".join(SIZES), help="%(default)s")
    parser.add_argument("--modes", metavar="MODE[,MODE]", default=",".join(MODES), help="%(default)s")
    parser.add_argument("--text", action="store_true", help="text messages, which a server must check to be UTF-8")
    parser.add_argument("--json", metavar="FILE", default=join(CACHE, "results.json"), help="every figure (%(default)s)")
    options = parser.parse_args()
    sizes, modes = options.sizes.split(","), options.modes.split(",")
    if not set(sizes) <= set(SIZES) or not set(modes) <= set(MODES) or options.rounds < 1 or options.seconds <= 0:
        parser.error(f"sizes are of {', '.join(SIZES)}; modes of {', '.join(MODES)}; numbers are above 0")
    if missing := [program for program in (options.echo, options.nio, options.isal or "cc", "node", "cc") if not shutil.which(program)]:
        parser.error(f"there is no {missing[0]}")
    for interruption in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(interruption, signal.default_int_handler)
    bench = Bench(options)
    try:
        setting = bench.setting()
        print(*(f"{key} {value}" for key, value in setting.items()), sep=", ")
        results = dict(setting, rows=table(bench, sizes, modes), **foot(bench, sizes, modes))
        with open(options.json, "w") as report:
            json.dump(results, report, indent=1)
    except (Broken, OSError, subprocess.SubprocessError) as problem:
        print(f"websocket: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        bench.end_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
