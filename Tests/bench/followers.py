#!/usr/bin/env python3
"""What many followers of one hub cost it: half of them by Server-Sent Events, half by WebSocket.

Saves files one after the other and tells, a change: the hub's processor time in all its threads, when the last follower
had it (in this process, which is slower than what it measures), and what a follower takes of memory.
"""
import argparse, os, re, resource, selectors, signal, socket, statistics, subprocess, sys, tempfile, threading, time
from pathlib import Path

HELLO = {
    "sse": "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "websocket": "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Protocol: nosocks.events.1\r\n\r\n",
}

# A hub has not more than 128 in its anteroom, from one address.
ABREAST = 100


class Hub:
    def __init__(self, program, folder):
        self.folder = folder
        self.process = subprocess.Popen([program, "hub", folder, "--listen", "127.0.0.1:0", "--json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(re.search(r":(\d+)\"", self.wait("listening"))[1])
        self.wait("in-sync")
        # What it tells from now on is read, and of no interest.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def wait(self, event):
        for line in self.process.stdout:
            if f'"event":"{event}"' in line:
                return line
        sys.exit("the hub has ended")

    @property
    def cpu(self):
        """Seconds."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    @property
    def memory(self):
        """KiB that are resident."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1])

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Crowd:
    def __init__(self, port, counts):
        self.selector = selectors.DefaultSelector()
        self.seen = {}
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        for start in range(0, len(kinds), ABREAST):
            fresh = set()
            for kind in kinds[start:start + ABREAST]:
                follower = socket.create_connection(("127.0.0.1", port))
                follower.sendall(HELLO[kind].encode())
                self.seen[follower] = b""
                self.selector.register(follower, selectors.EVENT_READ)
                fresh.add(follower)
            self.wait(b'"event":"in-sync"', fresh)

    def wait(self, mark, followers=()):
        """Until each of them was sent these bytes, as they are: nobody here asks for compression."""
        missing = set(followers or self.seen)
        deadline = time.monotonic() + 60
        while missing:
            if time.monotonic() > deadline:
                sys.exit(f"{len(missing)} followers never heard {mark}")
            for key, _ in self.selector.select(timeout=1):
                follower = key.fileobj
                data = follower.recv(1 << 16)
                if not data:
                    sys.exit("a follower was dropped")
                if follower in missing:
                    self.seen[follower] += data
                    if mark in self.seen[follower]:
                        missing.discard(follower)
        for follower in self.seen:
            self.seen[follower] = b""

    def close(self):
        for follower in self.seen:
            follower.close()


def measure(arguments, counts):
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        hub = Hub(arguments.program, folder)
        try:
            before = hub.memory
            crowd = Crowd(hub.port, counts)
            costs, delays = [], []
            for number in range(arguments.changes + 3):
                cpu, began = hub.cpu, time.monotonic()
                Path(folder, f"file-{number}").write_text(f"{number}\n")
                crowd.wait(f'"path":"file-{number}"'.encode())
                delays.append(1e3 * (time.monotonic() - began))
                time.sleep(0.3)
                costs.append(1e3 * (hub.cpu - cpu))
            followers = sum(counts.values())
            memory = (hub.memory - before) / followers if followers else 0
            crowd.close()
            return statistics.median(costs[3:]), statistics.median(delays[3:]), memory
        finally:
            hub.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the nosocks program")
    parser.add_argument("--followers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=20)
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = arguments.followers
    base = None
    for name, counts in (("one", {"sse": 1}), ("SSE", {"sse": many}), ("WebSocket", {"websocket": many}),
                         ("both", {"sse": many // 2, "websocket": many - many // 2})):
        cost, delay, memory = measure(arguments, counts)
        base = cost if base is None else base
        total = sum(counts.values())
        each = f", {1e3 * (cost - base) / total:.1f} µs and {memory:.1f} KiB of memory a follower" if total > 1 else ""
        print(f"{name:9}  {total:5} followers: {cost:.2f} ms of processor a change{each};"
              f" the last has it after {delay:.1f} ms", flush=True)


if __name__ == "__main__":
    main()
