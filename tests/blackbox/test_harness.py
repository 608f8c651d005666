"""The tests' own tools, before anything is concluded from them."""

import socket
import threading

import pytest

import ss
from counting import numbers_of_ss
from traffic import AnsweringApp, App, Requests, fill, send_syn
from world import CLIENT4, CLIENT6, NODE4, NODE6, POD4, POD6, SILENT4, World, until


@pytest.mark.parametrize(
    ("come_from", "peer", "target"),
    [
        ("client", CLIENT4, POD4),
        ("client", CLIENT6, POD6),
        ("node", NODE4, POD4),
        ("node", NODE6, POD6),
        ("pod", "127.0.0.1", "127.0.0.1"),
        ("pod", "::1", "::1"),
        ("pod", POD4, POD4),
        ("pod", POD6, POD6),
    ],
)
def test_peers_are_who_they_should_be(world, come_from, peer, target):
    """Scenarios about nodes, clients and the pod itself would test something else."""
    App(world.pod)
    getattr(world, come_from).connect(target, 8080)
    rows = ss.inbound(world.pod, [8080], loopback=True)
    assert [(str(row.peer), str(row.local), row.state) for row in rows] == [
        (peer, target, "ESTABLISHED")
    ]


def test_every_state_can_be_made(world):
    """Scenarios about a state would pass without that state."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=4)
    app.has_accepted(4)
    clients[0].close()
    app.connections[1].shutdown(socket.SHUT_WR)
    by_port = {connection.getpeername()[1]: connection for connection in app.connections[2:]}
    flooded = by_port[clients[2].getsockname()[1]]
    assert fill(flooded) > 10_000
    flooded.close()
    send_syn(world.client, SILENT4, POD4, 8080)
    expected = ["CLOSE_WAIT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "SYN_RECV"]
    until(
        lambda: sorted(row.state for row in ss.rows(world.pod)) == expected,
        lambda: f"states, not {ss.rows(world.pod)}",
    )
    assert numbers_of_ss(world) == {"open": 3, "close_wait": 1, "closing": 1, "half_open": 1}


def test_requests_run_without_a_pause(world):
    """The scenarios of an app that is still in use would be idle ones."""
    AnsweringApp(world.pod, delay=0.005)
    with Requests(world.client, POD4) as requests:
        until(lambda: requests.done >= 50, "50 requests")


def test_worlds_do_not_see_each_other():
    """Tests that run at the same time would count each other's connections."""
    with World() as one, World() as other:
        App(one.pod)
        one.client.connect(POD4, 8080)
        with pytest.raises(ConnectionRefusedError):
            other.client.connect(POD4, 8080)
        assert len(ss.rows(one.pod)) == 1 and ss.rows(other.pod) == []


def test_nothing_is_left_behind():
    """A developer's machine would fill up with threads and namespaces."""
    before = threading.active_count()
    with World() as world:
        app = App(world.pod)
        app.close()
        holder = world.pod.path.rpartition("/fd/")[0]
        assert open(f"{holder}/comm").read()
    with pytest.raises(FileNotFoundError):
        open(f"{holder}/comm")
    assert threading.active_count() == before
