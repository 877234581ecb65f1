#!/usr/bin/env python3
"""Carries packets between two TUN devices, each way after a delay: relay.py HANDLE HANDLE SECONDS.

Ends when a device is gone. What waits is bounded by the devices' token buckets and the delay.
"""
import collections
import os
import select
import sys
import time


def main():
    devices, delay = [int(word) for word in sys.argv[1:3]], float(sys.argv[3])
    waiting = {device: collections.deque() for device in devices}  # what goes out there, by when
    other = dict(zip(devices, reversed(devices)))
    poller = select.epoll()
    for device in devices:
        os.set_blocking(device, False)
        poller.register(device, select.EPOLLIN)
    while True:
        due = min((packets[0][0] for packets in waiting.values() if packets), default=None)
        # epoll counts in milliseconds, rounding up; the last of them is waited for by polling.
        timeout = -1 if due is None else max(0.0, due - time.monotonic() - 0.0005)
        for device, _ in poller.poll(timeout):
            try:
                while True:
                    packet = os.read(device, 65536)
                    waiting[other[device]].append((time.monotonic() + delay, packet))
            except BlockingIOError:
                pass
            except OSError:
                return
        now = time.monotonic()
        for device, packets in waiting.items():
            while packets and packets[0][0] <= now:
                try:
                    os.write(device, packets.popleft()[1])
                except OSError:
                    pass  # a device that is not up yet drops packets, as a real one does


if __name__ == "__main__":
    main()
