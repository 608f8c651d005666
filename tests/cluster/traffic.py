"""Clients of the demo, outside the cluster: long sessions, and a load of short ones."""

import collections
import contextlib
import http.client
import re
import selectors
import socket
import threading
import time
from typing import NamedTuple

from waiting import until

CONNECT_TIMEOUT = 5
COLOR_LINE = re.compile(r"The color is #([0-9a-f]{6})\n")


def color_in(text):
    match = COLOR_LINE.fullmatch(text)
    assert match, f"not the demo's line: {text!r}"
    return match[1]


class Line(NamedTuple):
    time: float
    color: str


class Session:
    """A TCP connection that stays, and what came over it: the demo sends its color at once and
    every 5 s."""

    def __init__(self, connection):
        self.socket = connection
        self.lines = []
        self.end = None  # "closed" (FIN), "reset", or what else the system says
        self.ended_at = None
        self._rest = ""

    def received(self):
        """Takes what has come; True while the connection is there."""
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            data, reason = b"", "reset" if isinstance(error, ConnectionResetError) else str(error)
        else:
            reason = "closed"
        if not data:
            self.end, self.ended_at = reason, time.monotonic()
            return False
        *whole, self._rest = (self._rest + data.decode()).split("\n")
        self.lines += [Line(time.monotonic(), color_in(f"{line}\n")) for line in whole]
        return True

    @property
    def open(self):
        return self.end is None

    @property
    def colors(self):
        return {line.color for line in self.lines}

    def has_ended(self, within=30):
        until(lambda: self.end, "the session's end", within)
        return self.end


def all_live(sessions, within=8):
    """Waits until each has a line that comes after now: proof that it lives."""
    before = [(session, len(session.lines)) for session in sessions]

    def waiting():
        return [one for one, seen in before if one.open and len(one.lines) == seen]

    until(
        lambda: not waiting(),
        lambda: f"a new line in {len(waiting())} of {len(before)} sessions",
        within,
    )
    ended = [session.end for session, _ in before if not session.open]
    assert not ended, f"{len(ended)} of {len(before)} sessions have ended: {set(ended)}"


class Sessions(contextlib.AbstractContextManager):
    """Long sessions, all read by one thread."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._all = []
        self._stop, self._wake = socket.socketpair()
        self._selector.register(self._stop, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def open(self, address, port, count=1):
        """`count` sessions, each of which has had its first line."""
        made = []
        for _ in range(count):
            connection = socket.create_connection((address, port), CONNECT_TIMEOUT)
            connection.setblocking(False)
            made.append(Session(connection))
            self._selector.register(connection, selectors.EVENT_READ, made[-1])
        self._all += made
        until(
            lambda: all(session.lines or session.end for session in made),
            lambda: f"{sum(not one.lines for one in made)} of {count} first lines",
        )
        return made

    def open_one(self, address, port):
        return self.open(address, port)[0]

    def leave(self, *sessions):
        """The clients go: FIN. The reading thread sees it too, and lets go of the socket."""
        for session in sessions:
            with contextlib.suppress(OSError):  # it had ended already
                session.socket.shutdown(socket.SHUT_RDWR)
        for session in sessions:
            session.has_ended()
            session.socket.close()

    def _read(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                if not key.data.received():
                    self._selector.unregister(key.fileobj)

    def __exit__(self, *_):
        self._wake.close()
        self._thread.join(10)
        for session in self._all:
            session.socket.close()
        self._stop.close()
        self._selector.close()


class HttpSession(contextlib.AbstractContextManager):
    """One HTTP connection that is kept and never made anew behind the caller's back. The demo
    closes it after 75 s without a request."""

    def __init__(self, address, port):
        self._client = http.client.HTTPConnection(address, port, timeout=CONNECT_TIMEOUT)
        self._client.connect()
        self._client.auto_open = 0

    def color(self):
        self._client.request("GET", "/", headers={"Accept": "text/plain"})
        response = self._client.getresponse()
        body = response.read().decode()
        assert response.status == 200, f"{response.status}: {body}"
        return color_in(body)

    def __exit__(self, *_):
        self._client.close()


def ask_by_line(address, port):
    with socket.create_connection((address, port), CONNECT_TIMEOUT) as connection:
        return color_in(connection.makefile().readline())


def ask_by_http(address, port):
    with HttpSession(address, port) as session:
        return session.color()


def wait_until_answering(address, port, color, within=20):
    """New connections reach this color: kube-proxy follows the API server after a moment."""

    def answers():
        try:
            return ask_by_line(address, port) == color
        except (OSError, AssertionError):
            return False

    until(answers, f"an answer of color {color} from {address}:{port}", within, interval=0.02)


class Try(NamedTuple):
    began: float
    color: str  # "" where it failed
    error: str  # "" where it did not


class Load(contextlib.AbstractContextManager):
    """New connections, one after the other in each thread, until the `with` block ends. Each asks
    for the color once. What fails is kept, and is for the test to judge."""

    def __init__(self, ask, address, port, threads=2, pause=0.01):
        self.tries = collections.deque()
        self._ask = lambda: ask(address, port)
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def _run(self):
        while not self._stop.wait(self._pause):
            began = time.monotonic()
            try:
                self.tries.append(Try(began, self._ask(), ""))
            except (OSError, AssertionError, http.client.HTTPException) as error:
                self.tries.append(Try(began, "", f"{type(error).__name__}: {error}"))

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * CONNECT_TIMEOUT)

    @property
    def failures(self):
        return [one for one in list(self.tries) if one.error]

    def since(self, moment):
        return [one for one in list(self.tries) if one.began >= moment]

    def has_only(self, color, count=20, within=20):
        """Waits until the last `count` answers were of this color alone."""

        def settled():
            last = [one for one in list(self.tries) if not one.error][-count:]
            return len(last) == count and {one.color for one in last} == {color}

        until(settled, f"{count} answers in a row of color {color}", within)
