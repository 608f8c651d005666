"""The app in the pod, and its clients: real sockets, held open or kept busy by the tests."""

import contextlib
import socket
import struct
import threading
import time

from world import family_of, until


class App:
    """Listens, accepts, and does nothing more: each test decides what becomes of a connection."""

    def __init__(self, namespace, address="::", port=8080):
        self.port = port
        self.connections = []
        self._listener = namespace.listen(address, port)
        self._listener.settimeout(None)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        namespace.at_exit(self.close)

    def _accept(self):
        with contextlib.suppress(OSError):  # the listener was shut down
            while True:
                accepted, _ = self._listener.accept()
                self._on_accepted(accepted)

    def _on_accepted(self, accepted):
        self.connections.append(accepted)

    def has_accepted(self, count):
        until(lambda: len(self.connections) >= count, f"{count} connections to be accepted")
        return self

    def other_ends(self, clients):
        """The accepted connections of these clients, in their order."""
        by_peer = {endpoint(one.getpeername()): one for one in self.connections}
        return [by_peer[endpoint(client.getsockname())] for client in clients]

    def close_listener(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread up, which close() does not
        self._thread.join(10)
        self._listener.close()

    def close(self):
        self.close_listener()
        close_all(self.connections)


class AnsweringApp(App):
    """Takes one request a connection, answers it after `delay` seconds, and closes."""

    def __init__(self, namespace, delay, address="::", port=8080):
        self._delay = delay
        super().__init__(namespace, address, port)

    def _on_accepted(self, accepted):
        def answer():
            with accepted, contextlib.suppress(OSError):
                accepted.settimeout(10)
                accepted.recv(100)
                time.sleep(self._delay)
                accepted.sendall(b"answer\n")

        threading.Thread(target=answer, daemon=True).start()


class Requests(contextlib.AbstractContextManager):
    """Requests one after the other, without a pause, until the `with` block ends."""

    def __init__(self, namespace, address, port=8080):
        self._namespace = namespace
        self._target = (address, port)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done = 0
        self.error = None

    def __enter__(self):
        self._thread.start()
        until(lambda: self.done > 0 or self.error, "the first request")
        return self

    def _run(self):
        try:
            while not self._stop.is_set():
                with self._namespace.socket(family_of(self._target[0])) as connection:
                    connection.connect(self._target)
                    connection.sendall(b"request\n")
                    assert connection.recv(100) == b"answer\n"
                    self.done += 1
        except (OSError, AssertionError) as error:
            self.error = error

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(20)
        assert self.error is None, f"a request failed: {self.error}"


def endpoint(name):
    """The address and port of a getsockname(); IPv4 as such, also when seen through IPv6."""
    return name[0].removeprefix("::ffff:"), name[1]


def close_all(connections):
    while connections:
        connections.pop().close()


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def fill(connection):
    """Sends until the peer, who does not read, has its buffer full and ours is full too."""
    connection.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += connection.send(b"x" * 65536)
    return sent


def syn(source, target, target_port, source_port=40000):
    """An IPv4 TCP SYN segment without its IP header (RFC 9293, 3.1)."""

    def segment(checksum):
        return struct.pack(
            "!HHLLBBHHH", source_port, target_port, 1, 0, 5 << 4, 0x02, 65535, checksum, 0
        )

    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    pseudo_header = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20)
    words = struct.unpack("!16H", pseudo_header + segment(0))
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return segment(~total & 0xFFFF)


def send_syn(namespace, source, target, target_port, source_port=40000):
    """Half-opens a connection: `source` is an address that never answers the SYN-ACK."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0,
        socket.inet_aton(source), socket.inet_aton(target),
    )  # fmt: skip
    raw = namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)  # with IP_HDRINCL
    with raw:
        raw.sendto(header + syn(source, target, target_port, source_port), (target, 0))
