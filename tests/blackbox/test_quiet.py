"""The quiet clock: which connections show that a color is still in use."""

import json
import signal
import time

import pytest

from agent import codes, is_drained
from counting import agrees_with_ss
from traffic import AnsweringApp, App, Requests, close_all, reset
from world import NODE4, NODE6, POD4, POD6

DELAYS = [pytest.param(0.005, id="5ms"), pytest.param(0.2, id="200ms")]


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("target", [POD4, POD6])
def test_requests_of_clients_that_never_stop(world, draining, delay, target):
    """A color that serves one short request after the other would be taken away under them."""
    AnsweringApp(world.pod, delay)
    with Requests(world.client, target):
        agent = draining()
        agent.never(is_drained, during=4)
        assert agent.status()["quiet_for"] < 1
        assert "not_quiet" in codes(agent.status())
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0)


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("target", [POD4, POD6])
def test_short_requests_of_the_node_do_not_matter(world, draining, delay, target):
    """kubelet's probes would keep every color for ever."""
    AnsweringApp(world.pod, delay)
    with Requests(world.node, target):
        agent = draining(quiet_period="2s")
        episode = agent.wait_for_verdict("drained", within=6)["episode"]
        agent.never(lambda status: status["episode"] != episode, during=2)
        assert agent.wait_for_verdict("drained")["quiet_for"] > 4


def test_drained_holds_while_the_node_asks(world, draining):
    """The verdict would flap under probes: a cleanup that wants to see it twice never could."""
    AnsweringApp(world.pod, 0.005)
    with Requests(world.node, POD4):
        agent = draining()
        agent.wait_for_verdict("drained")
        agent.never(lambda status: not is_drained(status), during=3)
        assert agent.status()["drained_for"] >= 3  # nor was it anything else between two looks


@pytest.mark.parametrize(("target", "node"), [(POD4, NODE4), (POD6, NODE6)])
def test_a_lasting_connection_of_the_node_resets(world, draining, target, node):
    """Clients behind a NodePort have the node's address: they would be cut off."""
    app = App(world.pod)
    agent = draining()
    agent.wait_for_verdict("drained")
    episode = agent.status()["episode"]
    clients = world.node.connect(target, 8080)
    app.has_accepted(1)
    status = agrees_with_ss(agent, world, open=1)
    assert status["verdict"] == "draining" and status["quiet_for"] < 1
    assert status["connections"]["peers"][0]["address"] == node
    assert status["episode"] != episode
    close_all(app.connections)
    close_all(clients)
    agent.wait_for_verdict("drained")


def test_a_pause_of_the_agent_makes_no_request_old(world, draining):
    """An agent short of CPU would show probes as open connections, and restart the quiet clock."""
    AnsweringApp(world.pod, 0.2)
    agent = draining(tick="1s")
    with Requests(world.node, POD4):
        for _ in range(4):
            agent.wait_for(lambda status: status["connections"]["transient"] > 0)
            with agent.connection() as asking:
                agent.signal(signal.SIGSTOP)
                asking.sendall(b"GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                time.sleep(1.1)  # the pause itself: longer than a tick and --transient-age
                agent.signal(signal.SIGCONT)
                answer = b"".join(iter(lambda: asking.recv(65536), b""))
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["connections"]["open"] == 0


def test_a_gateway_that_comes_later(world, draining):
    """On pods whose route is set after the agent's start, probes would keep the color."""
    world.pod.run("ip", "route", "del", "default")
    AnsweringApp(world.pod, 0.005)
    with Requests(world.node, POD4):
        agent = draining()
        agent.never(is_drained, during=2)
        world.pod.run("ip", "route", "add", "default", "via", NODE4)
        agent.wait_for_verdict("drained")


def test_node_ips_names_more_nodes(world, draining):
    """On networks whose gateway is not the node, kubelet's probes would keep every color."""
    AnsweringApp(world.pod, 0.005)
    with Requests(world.client, POD4):
        agent = draining(node_ips="10.77.2.2")
        agent.wait_for_verdict("drained")


def test_young_connections_are_transient(world, draining):
    """Probes would make the count flap."""
    app = App(world.pod)
    agent = draining(transient_age="2s", quiet_period="2s")
    clients = world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    status = agent.wait_for(lambda status: status["connections"]["transient"] == 2)
    assert status["connections"]["open"] == 0
    agrees_with_ss(agent, world, open=2)
    assert agent.status()["connections"]["transient"] == 0
    assert len(clients) == 2


def test_what_was_there_before_the_agent_counts_at_once(world, launch):
    """An agent that restarts would not see the clients for its first second."""
    App(world.pod)
    world.client.connect(POD4, 8080, count=2)
    agent = launch(transient_age="60s", quiet_period="60s")
    agent.deselect()
    agrees_with_ss(agent, world, open=2)


def test_a_close_does_not_reset_quiet(world, draining):
    """The wait would start afresh with each of a thousand clients that leave."""
    app = App(world.pod)
    agent = draining(quiet_period="3s")
    clients = world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    agent.wait_for(lambda status: status["quiet_for"] >= 3)
    episode = agent.status()["episode"]
    close_all(app.connections)
    close_all(clients)
    status = agent.wait_for(lambda status: status["connections"]["open"] == 0)
    assert status["quiet_for"] >= 3 and status["episode"] == episode
    agent.wait_for_verdict("drained", within=2)


@pytest.mark.parametrize("how", ["reset", "close"])
def test_one_request_between_two_ticks_resets(world, draining, how):
    """A client that came and went between two looks would be missed."""
    app = App(world.pod)
    agent = draining(tick="2s", quiet_period="3s")
    before = agent.wait_for_verdict("drained", within=15)
    client = world.client.connect(POD4, 8080)[0]
    app.has_accepted(1)
    if how == "reset":
        reset(client)
        close_all(app.connections)
    else:
        client.close()
        close_all(app.connections)
    status = agent.wait_for(lambda status: status["episode"] != before["episode"])
    assert status["verdict"] == "draining" and "not_quiet" in codes(status)
    assert status["connections"]["opened_total"] == 1


def test_the_defaults(world, launch):
    """The documented periods would not be the real ones."""
    AnsweringApp(world.pod, 0.2)
    agent = launch(quiet_period=None, tick=None)
    agent.select()
    agent.wait_for_verdict("selected")
    with Requests(world.node, POD4):
        agent.deselect()
        status = agent.wait_for_verdict("draining", "not_quiet")
        assert status["quiet_period"] == 30
        agent.never(is_drained, during=28)
        status = agent.wait_for_verdict("drained", within=5)
        assert 30 <= status["quiet_for"] < 33
    agrees_with_ss(agent, world, open=0)


def test_quiet_begins_with_the_deselection(world, launch):
    """Clients that are on their way while the Service changes would find no one."""
    App(world.pod)
    agent = launch(quiet_period="2s")
    agent.select()
    agent.wait_for(lambda status: status["quiet_for"] > 2)
    agent.deselect()
    status = agent.wait_for_verdict("draining", "not_quiet")
    assert status["quiet_for"] < 2
    agent.wait_for_verdict("drained")
