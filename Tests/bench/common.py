"""What every part of the bench uses: its errors, its clock, files, and figures as people read them."""
import ctypes
import os
import time

LIBC = ctypes.CDLL(None, use_errno=True)
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
clock = time.perf_counter


class Broken(Exception):
    """Something did not do what it must, in one line."""


class Unable(Exception):
    """Something that this tool, or this machine, has no way to do: no failure."""


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


def check_call(result, what):
    """A system call's result, or its error."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def brief(value):
    """Three digits."""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


SCALES = {
    "s": ((1, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "B": ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "B")),
}


def scale(value, unit):
    """By what to divide a value of this unit, and the name of the result's unit."""
    scales = SCALES.get(unit, ((1, unit),))
    return next(((size, name) for size, name in scales if abs(value) >= 0.9995 * size), scales[-1])


def human(value, unit):
    size, name = scale(value, unit)
    return f"{brief(value / size)} {name}".strip()
