"""The data of the bench: the same for the same seed."""
import os
import random
from os.path import join

from common import KIB, MIB, write

SHAPES = ["if ({0}.{1} != {2}->{1}) {{", "return {0}_{1}({2}, {3});", "}}", "", "// The {0} has its {1}, and no {2}",
          "static int {0}_{1}(struct {2} *{3})", "{0}->{1} = {2}_{3}[{4}];", "for (int {0} = 0; {0} < {1}.{2}; {0}++)",
          '#include "{0}/{1}_{2}.h"', "assert({0}_{1} == 0x{5:08x});", 'const {0}_{1} = await {2}.{3}("{0}-{4}");']
REQUESTS = ["GET /api/items/{}", "GET /static/app.{}.js", "POST /api/orders/{}", "GET /feed?page={}",
            "PUT /users/{}/settings"]


def words(rng, count):
    return ["".join(rng.choices("acdeilmnoprstu", k=rng.randrange(3, 9))) for _ in range(count)]


def source_lines(rng, names, count):
    return [" " * rng.randrange(0, 20, 4) + rng.choice(SHAPES).format(*rng.choices(names, k=4), rng.randrange(1000),
            rng.getrandbits(32)) + "\n" for _ in range(count)]


def source_tree(root, files, seed):
    """Source-like text, most files small and a few large, in nested folders; gives each file's size by its path."""
    rng, sizes, folders = random.Random(seed), {}, [""]
    names = words(rng, 100)
    lines = source_lines(rng, names, 20_000)
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


def monorepo(root, files, seed):
    """Very many very small files, up to 40 in a folder, three folders deep; gives the path of one in the middle."""
    rng = random.Random(seed)
    names, endings = words(rng, 400), ["ts", "go", "py", "json", "md", "proto"]
    text = "".join(source_lines(rng, names, 5000)).encode()
    folder = middle = ""
    for serial in range(files):
        if serial % 40 == 0:
            package = serial // 40
            folder = join(root, f"{names[package // 600 % 400]}{package // 600}", f"{names[package // 20 % 400]}"
                          f"{package // 20}", f"{names[package % 400]}{package}")
            os.makedirs(folder)
        path = join(folder, f"{names[rng.randrange(400)]}_{serial}.{endings[serial % 6]}")
        size = min(int(rng.lognormvariate(6.6, 1.0)), 60_000)
        start = rng.randrange(len(text) - size)
        write(path, text[start : start + size])
        if serial == files // 2:
            middle = path
    return os.path.relpath(middle, root)


def log_text(size, seed):
    """Lines of a server's log, as pieces of some size."""
    rng, time, left = random.Random(seed), 1_700_000_000_000, size
    hosts = [f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}" for _ in range(300)]
    agents = [" ".join(words(rng, 5)) for _ in range(40)]
    while left > 0:
        lines = []
        for _ in range(5000):
            bits = rng.getrandbits(96)
            time += bits & 63
            request = REQUESTS[(bits >> 16) % 5].format(bits >> 20 & 0xFFFF)
            lines.append(f"{time} {hosts[(bits >> 6) % 300]} \"{request}\" "
                         f"{(200, 200, 200, 304, 404)[(bits >> 36) % 5]} {bits >> 40 & 0xFFFF} trace={bits >> 56:010x} "
                         f"\"{agents[(bits >> 58) % 40]}\"\n")
        piece = "".join(lines).encode()[:left]
        left -= len(piece)
        yield piece


def log(path, size, seed):
    with open(path, "wb") as file:
        for piece in log_text(size, seed):
            file.write(piece)


def noise(path, size, seed, head=b""):
    """What nothing compresses."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        file.write(head)
        for offset in range(0, size, MIB):
            file.write(rng.randbytes(min(MIB, size - offset)))


def home(root, scale, seed):
    """What a person has: photographs, a film, documents, some sources, logs, links, and names in several scripts."""
    rng, count = random.Random(seed), lambda full: max(2, round(full * scale))
    for folder in ("Pictures/2023 Été", "Pictures/2024", "Documents/Briefe", "Documents/報告", "Films", "logs", "bin"):
        os.makedirs(join(root, folder))
    for serial in range(count(40)):
        noise(join(root, "Pictures", ("2023 Été", "2024")[serial % 2], f"IMG_{serial:04}.JPG"),
              rng.randrange(MIB, 6 * MIB), seed * 1000 + serial, b"\xff\xd8\xff\xe1\x00\x18Exif\0\0")
    noise(join(root, "Films", "holiday.mp4"), count(64) * MIB, seed + 1, b"\0\0\0\x20ftypisom")
    names = words(rng, 300)
    for serial in range(count(500)):
        text = " ".join(rng.choices(names, k=rng.randrange(500, 15_000))).encode()
        write(join(root, "Documents", ("Briefe", "報告")[serial % 2], f"{rng.choice(names)} {serial}.txt"), text)
    source_tree(join(root, "src"), max(20, count(3000)), seed + 2)
    for serial in range(2):
        log(join(root, "logs", f"server.{serial}.log"), count(32) * MIB, seed + 3 + serial)
    write(join(root, "Documents", "empty"), b"")
    write(join(root, "bin", "tool"), b"#!/bin/sh\nexec true\n")
    os.chmod(join(root, "bin", "tool"), 0o755)
    os.symlink("../Documents", join(root, "bin", "documents"))


def saved(serial):
    """A file of 4 KiB as an editor saves it: its size changes too, for tools that look at times to the second only."""
    return b"save %d ".ljust(4 * KIB - 64 + serial % 64, b".") % serial
