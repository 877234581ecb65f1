"""When something is there on the other side."""
import ctypes
import os
import select
import stat
import time
from os.path import join

from common import LIBC, Broken, check_call, clock, read

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE = 0x2, 0x8, 0x80, 0x100
OWN = {".nosocks", ".stfolder", ".stignore", ".stversions"}  # what tools keep for themselves in a folder they mirror


class Watch:
    """Sleeps until one of some folders changes, by inotify, for what any polling is too coarse for."""

    def __init__(self, *folders):
        self.handle = open(check_call(LIBC.inotify_init1(os.O_CLOEXEC), "inotify_init1"), "rb", buffering=0)
        self.change = select.poll()
        self.change.register(self.handle, select.POLLIN)
        for folder in folders:
            if LIBC.inotify_add_watch(self.handle.fileno(), os.fsencode(folder),
                                      IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0:
                raise Broken(f"cannot watch {folder}: {os.strerror(ctypes.get_errno())}")

    def arrival(self, contents, patience, check=lambda: None):
        """When the last of the files, by path, can be read with its content. `check` may raise, and is asked now and
        then."""
        missing, until = dict(contents), clock() + patience
        while True:
            missing = {path: content for path, content in missing.items() if read(path) != content}
            if not missing:
                return clock()
            while not self.change.poll(200):
                check()
                if clock() > until:
                    raise Broken(f"a saved file was not on the other side within {patience:g} s")
            self.handle.read(1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.handle.close()


class Expected:
    """Files that are to arrive, each looked at until it has its size and never again: cheap enough to be asked for
    every millisecond. Every tool here names a file only when it is whole."""

    def __init__(self, root, sizes):
        self.root, self.missing = root, list(reversed(list(sizes.items())))

    def __call__(self):
        while self.missing:
            path, size = self.missing[-1]
            try:
                found = os.stat(join(self.root, path), follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return False
            if stat.S_ISREG(found.st_mode) and found.st_size != size:
                return False
            self.missing.pop()
        return True


def sizes_below(root):
    """Each path's size, for files, links and folders, and without what tools keep for themselves."""
    sizes = {}

    def walk(folder, prefix):
        with os.scandir(folder) as entries:
            for entry in entries:
                if prefix or entry.name not in OWN:
                    sizes[prefix + entry.name] = entry.stat(follow_symlinks=False).st_size
                    if entry.is_dir(follow_symlinks=False):
                        walk(entry.path, prefix + entry.name + "/")
    walk(root, "")
    return sizes


def same_content(left, right, size):
    with open(left, "rb", buffering=0) as one, open(right, "rb", buffering=0) as other:
        for offset in range(0, size + 1, 1 << 22):
            if one.read(1 << 22) != other.read(1 << 22):
                return False
    return True


def difference(left, right, prefix=""):
    """The first difference of two trees in a line, or None: names, kinds, permissions, targets and every byte."""
    names = [{entry.name: entry for entry in os.scandir(join(side, prefix)) if prefix or entry.name not in OWN}
             for side in (left, right)]
    if alone := set(names[0]) ^ set(names[1]):
        name = min(alone)
        return f"{prefix}{name} is only {'there' if name in names[1] else 'here'}"
    for name, entry in names[0].items():
        path, other = prefix + name, names[1][name]
        here, there = (found.stat(follow_symlinks=False) for found in (entry, other))
        if stat.S_IFMT(here.st_mode) != stat.S_IFMT(there.st_mode):
            return f"{path} is of another kind"
        if stat.S_ISLNK(here.st_mode):
            if os.readlink(entry.path) != os.readlink(other.path):
                return f"{path} leads elsewhere"
            continue
        if here.st_mode != there.st_mode:
            return f"{path} has mode {here.st_mode:o} here, {there.st_mode:o} there"
        if stat.S_ISDIR(here.st_mode):
            if found := difference(left, right, path + "/"):
                return found
        elif here.st_size != there.st_size or not same_content(entry.path, other.path, here.st_size):
            return f"{path} has other content"
    return None


def compare(left, right, patience=10):
    """Fails unless both are the same to the byte. What is on its way has a few seconds to arrive."""
    until = clock() + patience
    while True:
        try:
            found = difference(left, right)
        except FileNotFoundError as gone:
            found = str(gone)
        if not found:
            return
        if clock() > until:
            raise Broken(f"the trees differ: {found}")
        time.sleep(0.25)
