"""The agent's HTTP door: whatever is sent, sampling and hooks go on."""

import contextlib
import json
import socket
import threading
import time

import pytest

from agent import PORT
from traffic import App, close_all
from world import CLIENT4, POD4, POD6, until


def answer_to(agent, data, timeout=10):
    """Everything the agent sends until it closes, for the bytes of `data`."""
    with agent.connection(timeout) as plain:
        plain.sendall(data)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := plain.recv(65536):
                received += chunk
        return received


def status_of(raw):
    return int(raw.split(b" ", 2)[1]) if raw.startswith(b"HTTP/1.1 ") else None


HOST = b"Host: a\r\nConnection: close\r\n"
MALFORMED = {
    "blank": b"\r\n\r\n\r\n",
    "nonsense": b"nonsense\r\n\r\n",
    "no target": b"GET\r\n" + HOST + b"\r\n",
    "no version": b"GET /status\r\n" + HOST + b"\r\n",
    "version": b"GET /status HTTP/9.9\r\n" + HOST + b"\r\n",
    "no host": b"GET /status HTTP/1.1\r\nConnection: close\r\n\r\n",
    "header": b"GET /status HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n",
    "length": b"GET /status HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\n",
    "lengths": b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "huge": b"GET /status HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "chunks": b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n\r\n",
    "zero byte": b"GET /status\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "url": b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n",
    "escape": b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n",
    "no slash": b"GET status HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "all bytes": bytes(range(256)) * 4 + b"\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests(world, launch, data):
    """One bad packet would end the agent."""
    agent = launch()
    assert status_of(answer_to(agent, data)) in (400, 404, 413, 501, 505)
    assert agent.get("/healthz").status == 200 and agent.running


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", (414, 431)),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000 + b"\r\n\r\n", (431,)),
        (b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 3000 + b"\r\n", (431,)),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", (413,)),
        (b"a" * 1_000_000, (400, 431, None)),
    ],
    ids=["target", "header", "headers", "body", "endless"],
)
def test_oversized_requests(world, launch, data, code):
    """A client could fill the agent's memory."""
    agent = launch()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        assert status_of(answer_to(agent, data)) in code
    assert agent.get("/healthz").status == 200 and agent.running


def test_a_slow_request_is_ended(world, launch):
    """Half-sent requests would hold their places for ever."""
    agent = launch()
    with agent.connection() as slow:
        slow.sendall(b"GET /status HTTP/1.1\r\n")
        started = time.monotonic()
        slow.settimeout(0.25)
        ended = False
        while not ended and time.monotonic() - started < 9:
            try:
                slow.send(b"A")
                ended = slow.recv(1000) is not None
            except TimeoutError:
                assert agent.get("/healthz").status == 200
            except OSError:
                ended = True
        assert ended and 4 < time.monotonic() - started < 7


def test_a_request_byte_by_byte(world, launch):
    """Clients on bad lines would get no answer."""
    agent = launch()
    with agent.connection() as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
            slow.send(bytes([byte]))
        assert slow.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests(world, launch):
    """Clients that do not wait would lose answers."""
    agent = launch()
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    received = answer_to(agent, one * 20 + last)
    assert received.count(b"HTTP/1.1 200 ") == 20 and received.count(b"HTTP/1.1 404 ") == 1


def test_keep_alive_and_close(world, launch):
    """Scrapers would open a connection for each scrape, or wait for the end of an answer."""
    agent = launch()
    with agent.connection() as kept:
        for _ in range(3):
            kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert kept.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert answer_to(agent, b"GET /healthz HTTP/1.0\r\n\r\n")  # returns: it was closed


def test_unknown_paths_and_methods(world, launch):
    """A typing error would read as an answer."""
    agent = launch()
    for path in ("/", "/Status", "/status/", "/drained2", "//", "/prestop/x", "/%2e%2e"):
        assert agent.get(path).status == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
        for path in ("/status", "/terminating", "/prestop"):
            answer = agent.get(path, method=method)
            assert answer.status == 405 and "GET" in answer.headers["Allow"], (method, path)
    assert agent.status()["terminating"] is False
    assert agent.get("/s%74atus").status == 200


@pytest.mark.parametrize("path", ["/status", "/metrics", "/healthz", "/drained", "/nowhere"])
def test_head(world, launch, path):
    """Checks by HEAD would hang, or get a body."""
    agent = launch()
    raw = answer_to(agent, f"HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert status_of(raw) == agent.get(path).status
    assert raw.endswith(b"\r\n\r\n") and b"Content-Length: " in raw


def test_answers_are_what_they_say(world, launch):
    """Prometheus and browsers would take an answer for something else, or for a fresh one."""
    agent = launch()
    for path, kind in (
        ("/status", "application/json"),
        ("/drained", "application/json"),
        ("/wait?for=drained&timeout=0s", "application/json"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
    ):
        headers = agent.get(path).headers
        assert headers["Content-Type"] == kind and headers["Cache-Control"] == "no-store", path


@pytest.mark.parametrize(
    "query",
    [
        "for=never",
        "for=",
        "fro=drained",
        "for=drained&timeout=",
        "for=drained&timeout=30",
        "for=drained&timeout=-1s",
        "for=drained&timeout=forever",
        "for=drained&timeout=999999h",
        "for=drained&timeout=1s%00",
    ],
)
def test_bad_values_in_a_query(world, launch, query):
    """A mistake would wait for something else, or for ever."""
    agent = launch()
    answer = agent.get(f"/wait?{query}")
    assert answer.status == 400
    assert len(answer.body.splitlines()) == 1 and len(answer.body) < 300


class Later:
    """A request whose answer comes later; `seconds` is how long it took."""

    def __init__(self, agent, target, timeout=40):
        self.answer, self.error, self.seconds = None, None, None
        self._started = time.monotonic()
        run = (agent, target, timeout)
        self._thread = threading.Thread(target=self._run, args=run, daemon=True)
        self._thread.start()

    def _run(self, agent, target, timeout):
        try:
            self.answer = agent.get(target, timeout=timeout)
        except OSError as error:
            self.error = error
        self.seconds = time.monotonic() - self._started

    def result(self, within=40):
        self._thread.join(within)
        assert self.answer is not None, f"no answer: {self.error}"
        return self.answer


def test_long_poll_is_reached(world, draining):
    """Scripts would have to poll, or notice late."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080)
    app.has_accepted(1)
    agent = draining()
    agent.wait_for_verdict("draining")
    polls = [Later(agent, "/wait?for=drained&timeout=30s") for _ in range(20)]
    time_closed = time.monotonic()
    close_all(app.connections)
    close_all(clients)
    for poll in polls:
        answer = poll.result()
        assert answer.status == 200 and answer.document["verdict"] == "drained"
    assert time.monotonic() - time_closed < 5
    answer = agent.get("/wait?for=drained&timeout=30s")  # at once
    assert answer.status == 200


def test_long_poll_times_out(world, draining):
    """A script would hang, or take the end of its wait for success."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = draining()
    for seconds in (1, 0):
        poll = Later(agent, f"/wait?for=drained&timeout={seconds}s")
        answer = poll.result()
        assert answer.status == 503 and answer.document["verdict"] == "draining"
        assert seconds <= poll.seconds < seconds + 0.8


def test_cancelled_long_polls_leave_nothing(world, draining):
    """Impatient clients would use up the agent's file descriptors."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = draining()
    before = agent.open_files()
    polls = [agent.connection() for _ in range(50)]
    for poll in polls:
        poll.sendall(b"GET /wait?for=drained&timeout=1h HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: agent.open_files() > 50, "the polls to be taken")
    close_all(polls)
    until(lambda: agent.open_files() <= before, lambda: f"{before} files, not {agent.open_files()}")


def test_a_long_poll_whose_client_half_closes(world, draining):
    """`nc` and similar clients would get no answer, or hold their place for ever."""
    App(world.pod)
    agent = draining()
    with agent.connection() as plain:
        plain.sendall(b"GET /wait?for=drained&timeout=20s HTTP/1.1\r\nHost: a\r\n\r\n")
        plain.shutdown(socket.SHUT_WR)
        plain.recv(100_000)  # an answer or the end, but not a hang
    assert agent.get("/healthz").status == 200


def half_sent(agent, count):
    made = agent.namespace.connect("127.0.0.1", PORT, count=count)
    for index, one in enumerate(made):
        if index % 2:
            one.sendall(b"GET /status HT")
    return made


def test_a_thousand_idle_clients_do_not_keep_hooks_out(world, draining):
    """Whoever opens connections to the agent would keep pods from ending in order."""
    app = App(world.pod)
    agent = draining(prestop_min="100ms", prestop_timeout="1s")
    crowd = half_sent(agent, 1000)
    started = time.monotonic()
    for path in ("/healthz", "/drained", "/terminating", "/metrics", "/status"):
        assert agent.get(path, timeout=3).status in (200, 503), path
    assert agent.get("/prestop", timeout=5).status == 200
    assert time.monotonic() - started < 5
    world.client.connect(POD4, 8080)
    app.has_accepted(1)
    agent.wait_for(lambda status: status["connections"]["open"] == 1)
    close_all(crowd)


def test_a_thousand_long_polls_do_not_keep_hooks_out(world, draining):
    """The same with complete requests: too many waits are turned away, hooks are not."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = draining(prestop_min="100ms", prestop_timeout="1s")
    crowd = agent.namespace.connect("127.0.0.1", PORT, count=1000)
    for one in crowd:
        with contextlib.suppress(OSError):
            one.sendall(b"GET /wait?for=drained&timeout=1h HTTP/1.1\r\nHost: a\r\n\r\n")
    assert agent.get("/terminating", timeout=3).status == 200
    assert agent.get("/prestop", timeout=5).status == 200
    assert agent.get("/drained", timeout=3).status == 503
    close_all(crowd)


def test_clients_that_do_not_read_their_answers(world, draining):
    """Whoever asks without reading would fill the agent's memory, or stop its loop."""
    App(world.pod)
    agent = draining()
    crowd = agent.namespace.connect("127.0.0.1", PORT, count=20)
    for one in crowd:
        one.setblocking(False)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                one.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert agent.get("/healthz", timeout=3).status == 200
    before = agent.status()["sample"]["age"]
    assert before < 1
    assert memory_of(agent.pid) < 50_000
    close_all(crowd)


def memory_of(pid):
    """Resident memory in KiB."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_reachable_from_everywhere(world, launch):
    """The cleanup asks by pod IP, kubelet from the node: they would get no answer."""
    launch()
    for namespace in (world.client, world.node, world.pod):
        for address in (POD4, POD6):
            with namespace.connect(address, PORT)[0] as plain:
                plain.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert plain.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_its_own_clients_do_not_count(world, draining):
    """Asking whether a pod is drained would keep it from being so."""
    App(world.pod)
    agent = draining()
    askers = world.client.connect(POD4, PORT, count=5)
    agent.wait_for_verdict("drained")
    status = agent.status()
    assert status["connections"]["open"] == 0 and str(PORT) not in status["connections"]["by_port"]
    assert status["connections"]["opened_total"] == 0
    close_all(askers)
    assert CLIENT4 not in json.dumps(status["connections"]["peers"])
