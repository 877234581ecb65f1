#!/usr/bin/env python3
"""nosocks beside what others wrote: WebSocket clients, a browser, reverse proxies and forward proxies, all real.

Started by run.sh. The exit status is 1 if a check failed, and what its processes said last is shown with it.
"""
import argparse, asyncio, contextlib, os, shutil, signal, sys, tempfile, time, traceback
from pathlib import Path

import chromium, connect, guests, idle, node, page, proxies, python_clients
from scene import Failed, Scene, expect

# In the order in which they begin: the long ones first, so that nothing is left to wait for at the end.
CHECKS = idle.CHECKS | proxies.CHECKS | page.CHECKS | chromium.CHECKS | node.CHECKS | python_clients.CHECKS | guests.CHECKS \
    | connect.CHECKS
CHECK_PATIENCE = 600  # seconds for one check


def chosen(words):
    """The checks with one of the words in their names: `nginx` is all of nginx's, `nginx-tls` is that one."""
    if not words:
        return CHECKS
    for word in words:
        expect(any(matches(word, name) for name in CHECKS), f'no check is called "{word}"; --list lists them')
    return {name: check for name, check in CHECKS.items() if any(matches(word, name) for word in words)}


def matches(word, name):
    return f"-{word}-" in f"-{name}-"


async def run(name, check, scene):
    """Whether the check passed; says so."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(CHECK_PATIENCE):
            seen = await check(scene)
        print(f"ok  {name}: {seen} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    except Exception as error:
        where = [] if isinstance(error, Failed) else traceback.format_exc().splitlines()
        what = "; ".join(said(error)) or type(error).__name__
        lines = [f"FAILED  {name}: {what} ({time.monotonic() - began:.1f} s)"]
        print("\n".join(lines + ["    " + line for line in where + scene.log()]), flush=True)
        return False
    finally:
        await scene.close()


def said(error):
    """Of a group of errors, each one's words."""
    if isinstance(error, TimeoutError):
        return ["it takes too long"]
    if isinstance(error, BaseExceptionGroup):
        return [word for inner in error.exceptions for word in said(inner)]
    return [str(error)] if str(error) else [type(error).__name__]


async def main(arguments):
    checks, lanes, began = chosen(arguments.only), asyncio.Semaphore(arguments.jobs), time.monotonic()

    async def lane(name, check, home):
        # What only waits is in nobody's way.
        async with contextlib.nullcontext() if name in idle.CHECKS else lanes:
            scene = Scene(home, arguments.binaries, name)
            passed = await run(name, check, scene)
        # Some file systems take their time for this, and nothing waits for it.
        await scene.remove()
        return passed

    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    home = tempfile.mkdtemp(prefix="nosocks-interop-")
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(lane(name, check, home)) for name, check in checks.items()]
    finally:
        # Threads don't end with the tasks that wait for them, and may be copying still.
        await asyncio.get_running_loop().shutdown_default_executor()
        shutil.rmtree(home, ignore_errors=True)
    passed = sum(task.result() for task in tasks)
    print(f"interop: {passed} of {len(tasks)} checks passed in {time.monotonic() - began:.0f} s")
    return 0 if passed == len(tasks) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=Path, help="the folder of nosocks and websocket-echo")
    parser.add_argument("only", nargs="*", metavar="word", help="only checks with this word in their name")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 2), help="how many checks at a time")
    parser.add_argument("--list", action="store_true", help="list the checks, and run none")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CHECKS))
        sys.exit(0)
    for program in ("nosocks", "websocket-echo"):
        if not os.access(arguments.binaries / program, os.X_OK):
            sys.exit(f"interop: there is no {program} in {arguments.binaries}")
    try:
        sys.exit(asyncio.run(main(arguments)))
    except Failed as failure:
        sys.exit(f"interop: {failure}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("interop: interrupted")
