"""The two ends of the bench and the link between them: two network namespaces and a veth pair where that may be, a pair
of TUN devices and a small relay where the link is to be slow, else loopback."""
import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from os.path import abspath, dirname, exists, join

from common import LIBC, Broken, Unable, check_call, clock, read, write
from processes import CLONE_NEWNET, End, Group, die_with_parent, enter_namespace

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000
DEVICE = "bench0"
SERIALS = itertools.count(1)
ADDRESSES = "10.77.0.1", "10.77.0.2"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class Namespace:
    """A network namespace without a name: gone when the last process in it is, so nothing is left to clean away."""

    def __init__(self):
        def leave():
            die_with_parent()
            check_call(LIBC.unshare(CLONE_NEWNET), "unshare")
            with contextlib.suppress(OSError):  # its chatter would be counted
                write("/proc/sys/net/ipv6/conf/default/disable_ipv6", b"1")

        self.holder = subprocess.Popen(["sleep", "infinity"], stdin=subprocess.DEVNULL, preexec_fn=leave,
                                       start_new_session=True)
        self.handle = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def run(self, *command):
        done = subprocess.run(command, preexec_fn=lambda: enter_namespace(self.handle), capture_output=True, text=True,
                              env=dict(os.environ, PATH=PATH))
        if done.returncode:
            raise Broken(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def counters(self):
        """Bytes received and sent, with headers, by the link's device."""
        line = next(line for line in read(f"/proc/{self.holder.pid}/net/dev").splitlines()
                    if line.strip().startswith(DEVICE.encode()))
        words = line.partition(b":")[2].split()
        return int(words[0]), int(words[8])

    def close(self):
        self.holder.kill()
        self.holder.wait()
        os.close(self.handle)


@contextlib.contextmanager
def inside(end):
    """This process within an end's network, to make a socket that stays there."""
    if end.namespace is None:
        yield
        return
    with open("/proc/self/ns/net") as home:
        enter_namespace(end.namespace)
        try:
            yield
        finally:
            enter_namespace(home.fileno())


class Link:
    """Loopback: both ends share this machine's network, and no bytes can be told from others' there."""

    kind, why = "loopback", ""

    def __init__(self):
        self.namespaces = []
        self.ends = [self.make_end(name, "127.0.0.1", None) for name in "ab"]

    @staticmethod
    def make_end(name, address, namespace):
        group = Group(f"nosocks-bench-{os.getpid()}-{next(SERIALS)}-{name}")
        return End(name, address, namespace and namespace.handle, group)

    @property
    def a(self):
        return self.ends[0]

    @property
    def b(self):
        return self.ends[1]

    def bytes(self):
        """What went from a to b so far and from b to a, or None."""
        if not self.namespaces:
            return None
        received, sent = self.namespaces[0].counters()
        return sent, received

    def port(self, end):
        """A port that is free there."""
        with inside(end), socket.socket() as probe:
            probe.bind((end.address, 0))
            return probe.getsockname()[1]

    def connect(self, end, address, timeout=60):
        with inside(end):
            connection = socket.socket()
        connection.settimeout(timeout)
        connection.connect(address)
        return connection

    def pipe(self):
        """A TCP connection over the link: the socket at a, and the one at b."""
        with inside(self.b), contextlib.closing(socket.socket()) as listener:
            listener.bind((self.b.address, 0))
            listener.listen(1)
            sender = self.connect(self.a, listener.getsockname())
            receiver, _ = listener.accept()
        for connection in (sender, receiver):
            connection.settimeout(None)
            connection.setblocking(True)
        return sender, receiver

    def is_listening(self, end, port):
        """Looks without connecting, which some servers would count."""
        table = f"/proc/{self.namespaces[self.ends.index(end)].holder.pid}" if self.namespaces else "/proc"
        return any(words[1].endswith(b":%04X" % port) and words[3] == b"0A" for name in ("tcp", "tcp6")
                   for words in (line.split() for line in read(f"{table}/net/{name}").splitlines()[1:]))

    def wait_for(self, process, port, patience=20):
        until = clock() + patience
        while not self.is_listening(process.end, port):
            process.must_run()
            if clock() > until:
                raise Broken(f"{process.name} does not listen after {patience} s")
            time.sleep(0.001)

    def close(self):
        for end in self.ends:
            end.end_all()
        for namespace in self.namespaces:
            namespace.close()
        for end in self.ends:
            until = clock() + 2
            while end.group.folder and end.group.pids() and clock() < until:  # they take a moment to be gone
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(-1, os.WNOHANG)
                time.sleep(0.01)
            if end.group.folder:
                end.group.remove()


class Veth(Link):
    """Two namespaces joined by a pair of veth devices: as fast as the machine."""

    kind = "veth"

    def __init__(self):
        self.ends, self.namespaces = [], []
        try:
            for _ in ADDRESSES:
                self.namespaces.append(Namespace())
            self.join()
            for namespace, address in zip(self.namespaces, ADDRESSES):
                namespace.run("ip", "address", "add", address + "/24", "dev", DEVICE)
                for device in ("lo", DEVICE):
                    namespace.run("ip", "link", "set", device, "up")
            self.introduce()
            self.ends = [self.make_end(name, address, namespace)
                         for name, address, namespace in zip("ab", ADDRESSES, self.namespaces)]
        except BaseException:
            self.close()
            raise

    def join(self):
        first, second = self.namespaces
        first.run("ip", "link", "add", DEVICE, "type", "veth", "peer", "name", DEVICE, "netns", str(second.holder.pid))

    def introduce(self):
        """Each end knows the other's hardware address, so that no ARP is counted."""
        hardware = [namespace.run("ip", "-o", "link", "show", DEVICE).split("link/ether ")[1].split()[0]
                    for namespace in self.namespaces]
        for namespace, address, other in zip(self.namespaces, reversed(ADDRESSES), reversed(hardware)):
            namespace.run("ip", "neighbour", "replace", address, "lladdr", other, "dev", DEVICE, "nud", "permanent")


class Slow(Veth):
    """Packets between two TUN devices are carried by a relay that lets each wait; a token bucket at each device holds
    the rate. Kernels without netem can do that as well, and handshakes and acknowledgements wait as on a real link."""

    kind = "TUN, relayed"
    RATE, ROUND_TRIP = 50_000_000, 0.040  # bits a second, each way; seconds

    def join(self):
        if not exists("/dev/net/tun"):
            raise Unable("there is no /dev/net/tun for a slow link here")
        handles = []
        for namespace in self.namespaces:
            with inside(End("", "", namespace.handle)):
                handles.append(os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC))
                fcntl.ioctl(handles[-1], TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
            namespace.run("tc", "qdisc", "add", "dev", DEVICE, "root", "tbf", "rate", f"{self.RATE}bit", "burst",
                          "32kb", "latency", "100ms")
        relay = join(dirname(abspath(__file__)), "relay.py")
        self.relay = subprocess.Popen(
            [sys.executable, relay, *map(str, handles), str(self.ROUND_TRIP / 2)],
            stdin=subprocess.DEVNULL, pass_fds=handles, preexec_fn=die_with_parent, start_new_session=True)
        for handle in handles:
            os.close(handle)

    def introduce(self):
        """TUN devices have no hardware addresses."""

    def close(self):
        super().close()
        if hasattr(self, "relay"):
            self.relay.send_signal(signal.SIGKILL)
            self.relay.wait()


def best_link():
    """A veth pair, or loopback and the reason why."""
    why = ("not root" if os.geteuid() else "" if shutil.which("ip", path=PATH) else "there is no ip(8)")
    if not why:
        try:
            return Veth()
        except (Broken, OSError, subprocess.SubprocessError) as problem:
            why = str(problem)
    link = Link()
    link.why = why
    return link


def slow_link():
    if os.geteuid() or not (shutil.which("ip", path=PATH) and shutil.which("tc", path=PATH)):
        raise Unable("a slow link needs root, ip(8) and tc(8)")
    try:
        return Slow()
    except (Broken, OSError, subprocess.SubprocessError) as problem:
        raise Unable(f"no slow link: {problem}") from None
