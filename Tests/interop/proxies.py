"""nginx and HAProxy between a hub and a peer that keep a real tree the same while it is edited on both sides."""
import asyncio, itertools, os, random, shutil
from pathlib import Path

from between import HAProxy, Nginx, make_certificate
from replicas import Hub, Peer, expect_same, join_once, meet, pin_of
from scene import Passage, expect, expect_equal, version_of

# What a machine with a compiler, perl and Python has.
SOURCES = ("/usr/include", "/usr/share/perl", "/usr/lib/python3")
MOST_FILES, MOST_BYTES = 2_000, 40 << 20
LEAST_FILES = 500
DEFLATE = "permessage-deflate; server_no_context_takeover; client_max_window_bits=13"


# ---- A tree, and what people do to it

def real_files():
    """Paths of files and symlinks, within their source, the same for the same machine."""
    files, size = [], 0
    for source in SOURCES:
        for folder, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                size += path.lstat().st_size
                if len(files) == MOST_FILES or size > MOST_BYTES:
                    return files
                files.append((path, path.relative_to(source)))
    expect(len(files) >= LEAST_FILES, f"there are only {len(files)} files in {', '.join(SOURCES)}")
    return files


def copy_tree(hub, peer):
    """Most of it to the hub, in a half for each side to edit, and a part to the peer, which was a folder before."""
    files = real_files()
    for number, (path, relative) in enumerate(files):
        if number % 20 == 0:
            place = peer / "of-peer"
        else:
            place = hub / ("of-hub" if number < len(files) // 2 else "shared")
        target = place / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    return len(files), sum(path.lstat().st_size for path, _ in files)


def edit(folder, number):
    """What git, a compiler and a person with an editor do, all in one folder."""
    draw = random.Random(number)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    picked = draw.sample(files, 60)
    for path in picked[:20]:
        with path.open("ab") as file:
            file.write(b"appended\n")
    for path in picked[20:35]:
        # As editors save.
        draft = path.with_name(f".{path.name}.swp")
        draft.write_bytes(path.read_bytes().replace(b"the", b"THE") + b"saved\n")
        draft.replace(path)
    for path in picked[35:45]:
        path.unlink()
    for path in picked[45:50]:
        path.rename(path.with_name(f"{number}-{path.name}"))
    for path in picked[50:55]:
        path.chmod(0o600 if number % 2 else 0o755)
    for path in picked[55:]:
        path.unlink()
        path.symlink_to(f"elsewhere/{number}")
    made = folder / f"made-{number}"
    (made / "deep/er").mkdir(parents=True)
    (made / "empty").mkdir()
    for name in range(30):
        (made / "deep/er" / f"{name} é").write_bytes(draw.randbytes(draw.randrange(5_000)))
    (made / "large").write_bytes(draw.randbytes(3_000_000))
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("made-"))
    if folders:
        folders[0].rename(folder / f"renamed-{number}")


# ---- Through each kind, in each shape

async def through(scene, kind, shape):
    version = version_of(await scene.run(kind.name, kind.version_flag))
    hub_folder, peer_folder = scene.folder / "hub", scene.folder / "peer"
    count, size = await asyncio.to_thread(copy_tree, hub_folder, peer_folder)

    # 127.1 is 127.0.0.1, spelt so that a hub takes it for the open: it has tokens, and TLS unless told otherwise.
    in_the_open = shape in ("tls", "passthrough")
    hub = await Hub.start(
        scene, hub_folder, *["--insecure"] * (shape == "tls"), listen="127.1:0" if in_the_open else "127.0.0.1:0")
    behind = await scene.tap(hub.port)
    certificate = await make_certificate(scene) if shape == "tls" else None
    proxy = await kind.open(scene, shape, behind.port, certificate)
    url = f"{'wss' if in_the_open else 'ws'}://127.0.0.1:{proxy.port}{'/mirror/notes' if shape == 'prefix' else ''}"
    options = []
    if in_the_open:
        options = ["--token-file", hub.token]
        pin = pin_of(f"{certificate}.pem" if shape == "tls" else hub.certificate)
        await expect_distrust(scene, url, options)
        options += ["--pin", pin]
    if shape == "prefix":
        status, said = await join_once(scene, f"ws://127.0.0.1:{proxy.port}/else", scene.folder / "nothing")
        expect(status == 8 and "404" in said[-1], f"beside the prefix, join ends with {status}: {said}")

    peer = await Peer.start(scene, url, peer_folder, *options)
    await peer.event("in-sync")
    await meet(hub, peer)
    await expect_same(scene, hub, peer)
    if shape != "passthrough":
        expect_handshake(behind.last, kind, shape)

    numbers = itertools.count(1)
    sides = hub.folder / "of-hub", peer.folder / "of-peer"

    async def edit_both():
        await asyncio.gather(*(asyncio.to_thread(edit, side, next(numbers)) for side in sides))

    await edit_both()
    # Both sides' own halves of the same folders.
    await asyncio.to_thread(edit, peer.folder / "shared", next(numbers))
    await meet(hub, peer)
    await expect_same(scene, hub, peer)

    since, before = peer.now, len(behind.passages)
    if restarts := shape in ("plain", "passthrough"):
        await asyncio.gather(edit_both(), proxy.stop())
        await edit_both()
        await proxy.start()
    else:
        proxy.reload()
        await edit_both()
    await peer.event("disconnected", since=since)
    await peer.event("connected", since=since)
    await edit_both()
    await meet(hub, peer)
    await expect_same(scene, hub, peer)
    expect(len(behind.passages) > before, "the peer came back another way")

    for replica in (hub, peer):
        conflicts = [line for line in replica.child.lines if '"event":"conflict"' in line]
        expect(not conflicts, "conflicts where there were none:", *conflicts[:3])
    await peer.end()
    await hub.end()
    return (f"{kind.name} {version}, {WORDS[shape]}: {count} files of {size >> 20} MiB, edits on both sides,"
            f" {'restarted' if restarts else 'reloaded'} in between: the same")


WORDS = {"plain": "plain", "tls": "TLS ends at the proxy", "passthrough": "TLS passes through",
         "prefix": "under a path"}


async def expect_distrust(scene, url, options):
    """A certificate that no authority of this system vouches for, and that is not the pinned one."""
    for more in ([], ["--pin", f"sha256:{'0' * 64}"]):
        status, said = await join_once(scene, url, scene.folder / "distrustful", *options, *more)
        expect_equal(status, 6, f"join with {more} ended with")
        expect("NOT CONNECTED" in said[0], f"join with {more} said {said}")


def expect_handshake(passage, kind, shape):
    """What the proxy let through: the hub sees what the peer asks, and answers as if there were nothing between."""
    answer = passage.answer
    expect_equal(Passage.header(answer, "sec-websocket-protocol"), "nosocks.1", "the subprotocol behind the proxy")
    expect_equal(Passage.header(answer, "sec-websocket-extensions"), DEFLATE, "the extension behind the proxy")
    target = {"prefix": {"nginx": "/notes", "haproxy": "/mirror/notes"}[kind.name]}.get(shape, "/")
    expect_equal(passage.request.split()[1].decode(), target, "what is asked for behind the proxy")


def check(kind, shape):
    async def run(scene):
        return await through(scene, kind, shape)

    return run


CHECKS = {f"{kind.name}-{shape}": check(kind, shape) for shape in WORDS for kind in (Nginx, HAProxy)}
