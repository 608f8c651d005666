"""The preStop hooks: the app's /prestop and the agent's own /terminating."""

import contextlib
import time

import pytest

from agent import PORT
from test_http import Later
from traffic import App, close_all
from world import POD4


def took(hook, least, most):
    answer = hook.result()
    assert answer.status == 200
    assert least <= hook.seconds < most, hook.seconds


def test_floor(world, launch):
    """Nodes that still route to the pod would find it gone."""
    App(world.pod)
    agent = launch(prestop_min="2s", prestop_timeout="20s")
    agent.get("/terminating")
    took(Later(agent, "/prestop"), 2, 3)


def test_waits_for_connections_to_close(world, launch):
    """Clients would be cut off although there was time for them."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    agent = launch(prestop_min="500ms", prestop_timeout="20s")
    agent.wait_for(lambda status: status["connections"]["open"] == 2)
    agent.get("/terminating")
    hook = Later(agent, "/prestop")
    agent.never(lambda _: hook.answer, during=2)
    close_all(app.connections)
    close_all(clients)
    took(hook, 2, 4)


def test_waits_until_none_came_for_five_seconds(world, launch):
    """A client that was on its way would find the pod gone."""
    app = App(world.pod)
    agent = launch(prestop_min="0s", prestop_timeout="20s")
    agent.wait_for(lambda status: status["connections"]["by_port"] is not None)
    agent.get("/terminating")
    client = world.client.connect(POD4, 8080)[0]
    app.has_accepted(1)
    came = time.monotonic()
    agent.wait_for(lambda status: status["connections"]["opened_total"] == 1)
    hook = Later(agent, "/prestop")
    close_all(app.connections)
    client.close()
    hook.result()
    assert 4.9 <= time.monotonic() - came < 7


def test_deadline(world, launch):
    """The pod would be killed by the kubelet in the middle of its shutdown."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="500ms", prestop_timeout="2s")
    agent.get("/terminating")
    took(Later(agent, "/prestop"), 2, 3)


def test_a_repeated_call_shares_the_deadline(world, launch):
    """A restarted kubelet runs the hook again: each time the pod would wait in full."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="500ms", prestop_timeout="3s")
    agent.get("/terminating")
    first = Later(agent, "/prestop")
    agent.never(lambda _: first.answer, during=1.5)
    second = Later(agent, "/prestop")
    took(first, 3, 4)
    took(second, 1, 2)
    took(Later(agent, "/prestop"), 0, 0.5)  # long after: at once


def test_a_vanished_client_changes_nothing(world, launch):
    """The kubelet's own end would start the wait afresh."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="500ms", prestop_timeout="3s")
    agent.get("/terminating")
    started = time.monotonic()
    with agent.connection() as vanishing:
        vanishing.sendall(b"GET /prestop HTTP/1.1\r\nHost: a\r\n\r\n")
        agent.never(lambda _: False, during=1)
    hook = Later(agent, "/prestop")
    hook.result()
    assert 3 <= time.monotonic() - started < 4


def test_container_restart(world, launch):
    """An app that fails its liveness probe would take the whole deadline to be restarted."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="10s", prestop_timeout="25s")
    took(Later(agent, "/prestop"), 5, 6)
    took(Later(agent, "/prestop"), 5, 6)  # and again with the next restart


def test_terminating_after_prestop(world, launch):
    """The hooks start together in any order: a real end would be taken for a restart."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="500ms", prestop_timeout="7s")
    hook = Later(agent, "/prestop")
    agent.never(lambda _: hook.answer, during=2)
    assert agent.get("/terminating").status == 200
    assert agent.status()["terminating"] is True
    took(hook, 7, 8)


def test_unknown_is_not_zero(world, launch):
    """A pod whose connections cannot be counted would end at once."""
    agent = launch(prestop_min="0s", prestop_timeout="2s")  # no listener
    agent.get("/terminating")
    took(Later(agent, "/prestop"), 2, 3)


def test_threshold(world, launch):
    """A few stragglers that are given up would still hold the hook."""
    App(world.pod)
    world.client.connect(POD4, 8080, count=2)
    agent = launch(prestop_min="500ms", prestop_timeout="20s", threshold=2)
    agent.get("/terminating")
    took(Later(agent, "/prestop"), 0.5, 2)


@pytest.mark.parametrize("selection", ["selected", "deselected"])
def test_does_not_depend_on_the_selection(world, launch, selection):
    """An evicted pod, still selected, would get no drain at all."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="0s", prestop_timeout="1s")
    agent.select(selection)
    agent.get("/terminating")
    took(Later(agent, "/prestop"), 1, 2)


def test_terminating_is_not_kept_over_a_restart(world, launch):
    """After a restart of the agent alone, container restarts would wait for the whole deadline."""
    agent = launch()
    agent.get("/terminating")
    agent.kill()
    agent.start()
    assert agent.status()["terminating"] is False


def test_a_crowd_at_the_hook(world, launch):
    """Whoever calls the hook often would make the kubelet's own call fail: no drain at all."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch(prestop_min="500ms", prestop_timeout="4s")
    agent.get("/terminating")
    crowd = agent.namespace.connect("127.0.0.1", PORT, count=200)
    for one in crowd:
        one.sendall(b"GET /prestop HTTP/1.1\r\nHost: a\r\n\r\n")
    hook = Later(agent, "/prestop")
    took(hook, 3, 5)


def test_hooks_and_sigterm(world, launch):
    """An agent that gets SIGTERM while a hook waits would be killed instead of ending."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = launch()
    agent.get("/terminating")
    with contextlib.closing(agent.connection()) as plain:
        plain.sendall(b"GET /prestop HTTP/1.1\r\nHost: a\r\n\r\n")
        agent.status()
        assert agent.stop(within=1) == 0
