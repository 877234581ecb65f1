#!/usr/bin/env python3
"""How fast nosocks is on this machine, beside whichever of rsync, lsyncd, Unison and Syncthing are installed.

The tools take turns within each run, between two network namespaces joined by a veth pair if this is root, else over
loopback. All trees are compared in full after each measurement. The exit status is 1 if nosocks did not do what it
must, 130 after an interruption, and never tells that something is slow. It needs Linux and Python 3.9.
"""
import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

import bench as benches
from common import Broken, Unable
from link import best_link
from plots import draw
from processes import adopt_orphans
from report import Report
from scenarios import EVERYDAY, GROUPS, SCENARIOS
from tools import TOOLS

INTERRUPTIONS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def chosen(parser, text, known, what):
    """The names in a list with commas, however they are spelt, in their own order."""
    spelling = {name.lower(): name for name in known}
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in spelling:
            parser.error(f"there is no {what} {name!r}: they are {', '.join(known)}")
    return [name for name in known if name.lower() in names]


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line, without all of the usage before it."""
        self.exit(2, f"speed: {message}\n")


def arguments():
    parser = Parser(description=__doc__.splitlines()[0], usage="%(prog)s [OPTION]... NOSOCKS")
    parser.add_argument("program", metavar="NOSOCKS", help="a release build")
    parser.add_argument("--scenario", metavar="A,B", default=",".join(EVERYDAY),
                        help=f"of {', '.join(SCENARIOS)} (all but those that take long: %(default)s)")
    parser.add_argument("--tool", metavar="A,B", help=f"of {', '.join(TOOLS)} (all that are installed)")
    parser.add_argument("--scale", metavar="F", type=float, default=1, help="of sizes and counts; 0.05 for a quick run")
    parser.add_argument("--runs", metavar="N", type=int, default=3, help="of everything (%(default)s)")
    parser.add_argument("--patience", metavar="S", type=float, default=180,
                        help="seconds after which a tool counts as stuck (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="every figure, for programs")
    parser.add_argument("--markdown", action="store_true", help="the table as the README has it")
    parser.add_argument("--plots", metavar="DIR", help="how cost grows, as SVG")
    parser.add_argument("--isal", metavar="NOSOCKS", help="a build with the trait ISAL, to be measured as a tool of its own")
    parser.add_argument("--load", metavar="PEERS", help="a build of peers, for the scenario of that name")
    parser.add_argument("--folder", metavar="DIR", help="where the trees are made, and removed again (a file system in "
                        "memory if it has room, else where temporary files go)")
    options = parser.parse_args()
    options.scenarios = chosen(parser, options.scenario, SCENARIOS, "scenario")
    wanted = chosen(parser, options.tool, TOOLS, "tool") if options.tool else list(TOOLS)
    if options.folder and not os.path.isdir(options.folder):
        parser.error(f"there is no folder {options.folder}")
    if options.runs < 1 or options.scale <= 0 or options.patience <= 0:
        parser.error("F and S are above 0, and N is at least 1")
    for program in filter(None, (options.program, options.isal, options.load)):
        if not os.access(program, os.X_OK):
            parser.error(f"there is no program {program}")
    missing = {name: TOOLS[name].missing(options) for name in wanted}
    if options.tool and (lacking := [what for what in missing.values() if what]):
        parser.error(f"there is no {lacking[0]}")
    options.tools = [name for name in wanted if not missing[name]]
    return options


def setting(options, link, tools, home):
    return dict(versions={tool.title: version for tool in tools if (version := tool.version())},
                kernel=platform.release(), cpus=os.cpu_count(), load=round(os.getloadavg()[0], 1), link=link.kind,
                folder=home, scale=options.scale, runs=options.runs)


def introduce(about, link):
    print(", ".join(f"{title} {version}" for title, version in about["versions"].items()))
    print(", ".join(f"{key} {about[key]}" for key in ("kernel", "cpus", "load", "link", "folder", "scale", "runs")))
    if link.why:
        print(f"over loopback, so without counts of bytes: {link.why}")
    sys.stdout.flush()


def measure(bench, groups, tools):
    for bench.run in range(1, bench.options.runs + 1):
        for group in groups:
            for tool in tools[bench.run % len(tools):] + tools[: bench.run % len(tools)]:
                names = [name for name in group.scenarios if name in bench.options.scenarios]
                bench.note(f"run {bench.run} of {bench.options.runs}: {', '.join(names)}, {tool.title}")
                try:
                    group.measure(bench, tool)
                except Unable as reason:
                    bench.unable(names, tool, str(reason))
                    tool.abandon()
                except (Broken, OSError, subprocess.SubprocessError) as problem:
                    bench.failures.append(dict(scenarios=names, tool=tool.name, run=bench.run, reason=str(problem)))
                    tool.abandon()
                    shutil.rmtree(bench.path("pairs", tool.name), ignore_errors=True)
                tool.clean()
            for name in group.lent:
                shutil.rmtree(bench.path("data", name), ignore_errors=True)


def main():
    options = arguments()
    output = open(options.json, "w") if options.json else None
    for interruption in INTERRUPTIONS:
        signal.signal(interruption, signal.default_int_handler)
    adopt_orphans()
    bench, link, report, interrupted = None, None, None, False
    home = tempfile.mkdtemp(prefix="nosocks-bench-", dir=options.folder or benches.roomy_folder(options.scale))
    try:
        link = best_link()
        bench = benches.Bench(options, home, link)
        tools = [TOOLS[name](bench) for name in options.tools]
        about = setting(options, link, tools, home)
        introduce(about, link)
        report = Report(bench, options.scenarios, options.tools, about)
        measure(bench, [group for group in GROUPS if set(group.scenarios) & set(options.scenarios)], tools)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for interruption in INTERRUPTIONS:
            signal.signal(interruption, signal.SIG_IGN)
        if bench:
            bench.note("")
            bench.close()
        elif link:
            link.close()
        shutil.rmtree(home)
    if report:
        print(report.markdown() if options.markdown else report.text())
        if output:
            output.write(report.json() + "\n")
    if options.plots and bench:
        draw(bench.curves, options.plots)
    if interrupted:
        print("speed: interrupted", file=sys.stderr)
        return 130
    return 1 if any(TOOLS[failure["tool"]].own for failure in bench.failures) else 0


if __name__ == "__main__":
    sys.exit(main())
