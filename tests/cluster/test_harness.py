"""The tests' own tools, before anything is concluded from them."""

import socket
import struct
import threading

import pytest

from traffic import Load, Sessions, all_live, ask_by_http, ask_by_line
from waiting import until


class Server:
    """Answers each connection with `line`, and keeps it."""

    def __init__(self, line=b"The color is #aabbcc\n"):
        self._line = line
        self.connections = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.sendall(self._line)
            self.connections.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def server():
    with Server() as made:
        yield made


def test_a_session_records_what_comes_and_how_it_ends(server, sessions):
    closed, reset, left, stays = sessions.open("127.0.0.1", server.port, count=4)
    until(lambda: len(server.connections) == 4, "four connections")
    other = {one.getpeername(): one for one in server.connections}
    other[stays.socket.getsockname()].sendall(b"The color is #112233\nThe col")
    other[closed.socket.getsockname()].shutdown(socket.SHUT_WR)
    reset_end = other[reset.socket.getsockname()]
    reset_end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset_end.close()
    sessions.leave(left)
    assert (closed.has_ended(), reset.has_ended()) == ("closed", "reset")
    until(lambda: stays.colors == {"aabbcc", "112233"}, "the second line")
    assert stays.open and not left.open
    with pytest.raises(AssertionError, match="1 of 1 sessions have ended: {'closed'}"):
        all_live([closed])
    with pytest.raises(AssertionError, match="a new line in 1 of 1 sessions"):
        all_live([stays], within=0.2)


def test_what_is_no_line_of_the_demo_is_an_error():
    with Server(b"hello\n") as server, Load(ask_by_line, "127.0.0.1", server.port, 1) as load:
        until(lambda: load.failures, "a failure")
        assert "not the demo's line: 'hello" in load.failures[0].error


def test_load_records_refusals_and_resets():
    server = Server()
    with Load(ask_by_line, "127.0.0.1", server.port, threads=1) as load:
        with server:
            load.has_only("aabbcc")
        until(lambda: load.failures, "a failure")
        assert "Refused" in load.failures[-1].error or "reset" in load.failures[-1].error
    assert not load.failures[0].color


def test_load_by_http_fails_where_there_is_no_http(server):
    with Load(ask_by_http, "127.0.0.1", server.port, threads=1) as load:
        until(lambda: load.failures, "a failure")


def test_five_hundred_sessions_at_once(server):
    with Sessions() as sessions:
        opened = sessions.open("127.0.0.1", server.port, count=500)
        assert all(session.open and len(session.lines) == 1 for session in opened)
