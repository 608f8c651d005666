"""Three network namespaces in a row, as a pod sees the world:

    client  10.77.2.2, fd77:2::2
      |
    node    10.77.2.1, fd77:2::1   routes between the two
            10.77.1.1, fd77:1::1   the pod's default gateway, as with a bridge CNI
      |
    pod     10.77.1.2, fd77:1::2

Every test has a world of its own, so the addresses are always the same.
"""

import contextlib
import ipaddress
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

POD4, POD6 = "10.77.1.2", "fd77:1::2"
NODE4, NODE6 = "10.77.1.1", "fd77:1::1"
CLIENT4, CLIENT6 = "10.77.2.2", "fd77:2::2"
# An address of the client's network that nobody answers for: the node believes to know its hardware
# address, so what is sent to it vanishes without an ICMP error.
SILENT4 = "10.77.2.99"

HOLDER = pathlib.Path(__file__).with_name("namespace_holder.py")
# As root the namespaces are made directly, else in a user namespace in which we are root.
USER_NAMESPACE = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]
FDS_PER_MESSAGE = 250  # SCM_MAX_FD is 253 (include/net/scm.h)

# The IPv6 neighbours are given, since discovery can stall for a second after a link came up, until
# the kernel's link watch runs (net/core/link_watch.c).
NODE_COMMANDS = """
link set lo up
link add to-pod type veth peer name eth0 address 02:00:00:00:01:02 netns {pod}
link add to-client type veth peer name eth0 address 02:00:00:00:02:02 netns {client}
link set to-pod address 02:00:00:00:01:01
link set to-client address 02:00:00:00:02:01
address add 10.77.1.1/24 dev to-pod
address add fd77:1::1/64 dev to-pod nodad
address add 10.77.2.1/24 dev to-client
address add fd77:2::1/64 dev to-client nodad
link set to-pod up
link set to-client up
neighbour add fd77:1::2 lladdr 02:00:00:00:01:02 dev to-pod nud permanent
neighbour add fd77:2::2 lladdr 02:00:00:00:02:02 dev to-client nud permanent
neighbour add 10.77.2.99 lladdr 02:00:00:00:00:99 dev to-client nud permanent
"""
LEAF_COMMANDS = """
link set lo up
address add 10.77.{net}.2/24 dev eth0
address add fd77:{net}::2/64 dev eth0 nodad
link set eth0 up
route add default via 10.77.{net}.1
route add default via fd77:{net}::1
neighbour add fd77:{net}::1 lladdr 02:00:00:00:0{net}:01 dev eth0 nud permanent
"""


def family_of(address):
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


def until(holds, what, within=10, interval=0.05):
    """Polls until holds() is true; fails after `within` seconds, naming what was waited for."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within} s for {what() if callable(what) else what}")
        time.sleep(interval)


class Namespace:
    """One network namespace: sockets in it, and commands run in it."""

    def __init__(self, world, index, path):
        self._world = world
        self._index = index
        self.at_exit = world.at_exit.callback
        self.path = path  # for `ip link ... netns PATH` and nsenter

    def sockets(self, count, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        return self._world.sockets(self._index, count, family, kind, protocol)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        return self.sockets(1, family, kind, protocol)[0]

    def listen(self, address, port, backlog=1024):
        """A TCP listener; on "::" it takes IPv4 too."""
        listener = self.socket(family_of(address))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(backlog)
        return listener

    def connect(self, address, port, count=1, source=None):
        """`count` established TCP connections."""
        made = []
        for wanted in range(count, 0, -FDS_PER_MESSAGE):
            made += self.sockets(min(wanted, FDS_PER_MESSAGE), family_of(address))
        for connection in made:
            if source:
                connection.bind((source, 0))
            connection.connect((address, port))
        return made

    def command(self, *argv):
        """The command line that runs argv in here and lets it die with this process."""
        return [*self._world.enter, f"--net={self.path}", "setpriv", "--pdeathsig", "KILL", *argv]

    def run(self, *argv, stdin="", check=True, timeout=30):
        done = subprocess.run(
            self.command(*argv), input=stdin, capture_output=True, text=True, timeout=timeout
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
        return done


class World(contextlib.AbstractContextManager):
    def __init__(self):
        self.at_exit = contextlib.ExitStack()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(30)
        self._control_lock = threading.Lock()  # clients run in threads
        self._sockets = []
        with theirs:
            self._holder = subprocess.Popen(
                [*USER_NAMESPACE, sys.executable, HOLDER, str(theirs.fileno()), "3"],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        paths = self._control.recv(256).decode().split()
        if not paths:
            raise RuntimeError(f"no network namespaces: {self._holder.stderr.read().strip()}")
        pid = self._holder.pid
        self.enter = ["nsenter"]
        if USER_NAMESPACE:
            self.enter += [f"--user=/proc/{pid}/ns/user", "--preserve-credentials"]
        self.pod, self.node, self.client = (
            Namespace(self, index, f"/proc/{pid}/fd/{fd}") for index, fd in enumerate(paths)
        )
        try:
            self._connect_namespaces()
        except BaseException:
            self.__exit__()
            raise

    def _connect_namespaces(self):
        commands = NODE_COMMANDS.format(pod=self.pod.path, client=self.client.path)
        self.node.run("ip", "-batch", "-", stdin=commands)
        forwarding = "cd /proc/sys/net; echo 1 | tee ipv4/ip_forward ipv6/conf/all/forwarding"
        self.node.run("sh", "-ec", forwarding)
        self.pod.run("ip", "-batch", "-", stdin=LEAF_COMMANDS.format(net=1))
        self.client.run("ip", "-batch", "-", stdin=LEAF_COMMANDS.format(net=2))

    def sockets(self, namespace, count, family, kind, protocol):
        made = []
        for wanted in range(count, 0, -FDS_PER_MESSAGE):
            batch = min(wanted, FDS_PER_MESSAGE)
            with self._control_lock:
                self._control.send(f"{namespace} {family:d} {kind:d} {protocol} {batch}".encode())
                answer, fds, _, _ = socket.recv_fds(self._control, 256, FDS_PER_MESSAGE)
            if len(fds) != batch:
                raise RuntimeError(f"no socket in the namespace: {answer.decode()}")
            made += [socket.socket(fileno=fd) for fd in fds]
        for one in made:
            one.settimeout(20)  # nothing in these tests may hang for ever
        self._sockets += made
        return made

    def __exit__(self, *_):
        self.at_exit.close()
        for one in self._sockets:
            one.close()
        self._control.close()
        self._holder.stderr.close()
        try:
            self._holder.wait(10)
        except subprocess.TimeoutExpired:
            self._holder.send_signal(signal.SIGKILL)
            self._holder.wait()
