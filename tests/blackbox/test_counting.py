"""Which sockets count, compared with `ss` in the same namespace."""

import contextlib
import socket
import subprocess
import sys

import pytest

import ss
from agent import codes, is_drained, message_of
from counting import agrees_with_ss, numbers_of_ss
from traffic import App, close_all, fill, send_syn
from world import CLIENT4, CLIENT6, POD4, POD6, SILENT4, until


@pytest.mark.parametrize(
    ("listen_on", "target", "peer"),
    [
        pytest.param("0.0.0.0", POD4, CLIENT4, id="IPv4"),
        pytest.param("::", POD6, CLIENT6, id="IPv6"),
        pytest.param("::", POD4, CLIENT4, id="IPv4-mapped"),
    ],
)
def test_connections_count_until_they_close(world, draining, listen_on, target, peer):
    """A color would be taken away under clients of that address family, or never."""
    app = App(world.pod, listen_on)
    clients = world.client.connect(target, 8080, count=5)
    app.has_accepted(5)
    agent = draining()
    status = agrees_with_ss(agent, world, open=5)
    assert status["verdict"] == "draining" and "open_connections" in codes(status)
    assert [one["address"] for one in status["connections"]["peers"]] == [peer] * 5
    close_all(app.connections)
    close_all(clients)
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0)


def test_connections_made_while_the_agent_runs(world, draining):
    """Only what was there before the agent started would be seen."""
    app = App(world.pod)
    agent = draining()
    agrees_with_ss(agent, world, open=0)
    leaving = world.client.connect(POD4, 8080, count=3)
    world.client.connect(POD6, 8080, count=4)
    app.has_accepted(7)
    assert agrees_with_ss(agent, world, open=7)["verdict"] == "draining"
    close_all(app.other_ends(leaving))
    close_all(leaving)
    agrees_with_ss(agent, world, open=4)


LOOPBACKS = [
    pytest.param("127.0.0.1", id="IPv4-loopback"),
    pytest.param("::1", id="IPv6-loopback"),
    pytest.param(POD4, id="own-IPv4"),
    pytest.param(POD6, id="own-IPv6"),
]


@pytest.mark.parametrize("target", LOOPBACKS)
def test_peers_inside_the_pod_do_not_count_in_automatic_mode(world, draining, target):
    """The inner leg of an in-pod proxy would be counted twice and hold the color."""
    App(world.pod)
    inner = world.pod.connect(target, 8080, count=2)
    agent = draining()
    status = agrees_with_ss(agent, world, open=0)
    assert status["connections"]["loopback"] == 2
    agent.wait_for_verdict("drained")
    world.client.connect(POD4, 8080)
    agrees_with_ss(agent, world, open=1, loopback=False)
    close_all(inner)


@pytest.mark.parametrize("target", LOOPBACKS)
def test_peers_inside_the_pod_count_on_listed_ports(world, draining, target):
    """A pod whose only way in is a local proxy would look drained while it is in use."""
    App(world.pod)
    world.pod.connect(target, 8080, count=2)
    agent = draining(count_ports="8080")
    assert agrees_with_ss(agent, world, loopback=True, open=2)["verdict"] == "draining"


@pytest.mark.parametrize("target", LOOPBACKS)
def test_ignore_loopback(world, draining, target):
    """A local health checker's connection could not be told to be set aside."""
    App(world.pod)
    world.pod.connect(target, 8080, count=2)
    agent = draining(count_ports="8080", ignore_loopback="true")
    assert agrees_with_ss(agent, world, open=0)["connections"]["loopback"] == 2
    agent.wait_for_verdict("drained")


def test_half_closed_by_the_client(world, draining):
    """A client that only finished sending would lose its answer."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=3)
    app.has_accepted(3)
    clients[0].shutdown(socket.SHUT_WR)
    clients[1].close()
    agent = draining()
    status = agrees_with_ss(agent, world, open=3, close_wait=2)
    assert "close_wait" in codes(status)
    assert "2 sockets" in str(status["reasons"])


def test_turns_half_closed_unnoticed_by_the_counters(world, draining):
    """CLOSE_WAIT would be reported as a live connection for ever: no counter moves."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    agent = draining()
    agrees_with_ss(agent, world, open=2, close_wait=0)
    clients[0].shutdown(socket.SHUT_WR)
    agrees_with_ss(agent, world, within=40, open=2, close_wait=1)


def test_half_closed_by_the_app(world, draining):
    """Connections that the app has finished would hold the color for ever."""
    app = App(world.pod)
    world.client.connect(POD4, 8080, count=3)
    app.has_accepted(3)
    app.connections[0].shutdown(socket.SHUT_WR)
    app.connections[1].close()
    agent = draining()
    agrees_with_ss(agent, world, open=1, close_wait=0, closing=0)


def test_connections_that_nobody_accepted_yet(world, draining):
    """Clients in the accept queue of a busy app would be cut off."""
    world.pod.listen("::", 8080)
    world.client.connect(POD4, 8080, count=4)
    agent = draining()
    assert agrees_with_ss(agent, world, open=4)["verdict"] == "draining"


def test_half_open_is_reported_and_never_counted(world, draining):
    """A port scanner would hold the color for ever."""
    App(world.pod)
    agent = draining()
    for port in range(40000, 40005):
        send_syn(world.client, SILENT4, POD4, 8080, port)
    agrees_with_ss(agent, world, open=0, half_open=5)
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0, half_open=5)


def test_unsent_data_after_close(world, draining):
    """The tail of a download would be cut off when the app has already closed its side."""
    app = App(world.pod)
    agent = draining()
    client = world.client.connect(POD4, 8080)[0]
    app.has_accepted(1)
    sent = fill(app.connections[0])
    app.connections[0].close()
    status = agrees_with_ss(agent, world, open=1, closing=1)
    assert status["verdict"] == "draining" and "closing" in codes(status)
    received = 0
    while chunk := client.recv(1 << 20):
        received += len(chunk)
    assert received == sent
    client.close()
    agrees_with_ss(agent, world, open=0, closing=0)
    agent.wait_for_verdict("drained")


@pytest.mark.parametrize("state", ["CLOSING", "LAST_ACK"])
def test_unsent_data_when_both_sides_close(world, draining, state):
    """The same, when the client has closed its sending side after or before the app."""
    app = App(world.pod)
    agent = draining()
    client = world.client.connect(POD4, 8080)[0]
    app.has_accepted(1)
    if state == "LAST_ACK":
        client.shutdown(socket.SHUT_WR)
        until(lambda: numbers_of_ss(world)["close_wait"] == 1, "CLOSE_WAIT")
    fill(app.connections[0])
    app.connections[0].close()
    if state == "CLOSING":
        client.shutdown(socket.SHUT_WR)
    until(lambda: [row.state for row in ss.inbound(world.pod, [8080])] == [state], state)
    assert "closing" in codes(agrees_with_ss(agent, world, open=1, closing=1))
    while client.recv(1 << 20):
        pass
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0, closing=0)


def test_dead_peer(world, draining):
    """A client that lost power would hold the color for as long as the kernel retries its FIN."""
    app = App(world.pod)
    agent = draining()
    world.client.connect(POD4, 8080, count=3)
    app.has_accepted(3)
    agrees_with_ss(agent, world, open=3)
    world.client.run("ip", "link", "set", "eth0", "down")
    app.connections[0].close()  # nothing but its FIN waits: does not count
    app.connections[1].sendall(b"never acknowledged")
    app.connections[1].close()  # counts as closing
    until(lambda: numbers_of_ss(world)["closing"] == 1, "FIN_WAIT1")
    assert agrees_with_ss(agent, world, open=2, closing=1)["verdict"] == "draining"


def test_fin_alone_of_a_dead_peer_lets_the_color_go(world, draining):
    """The same, to the end: drained although FIN_WAIT1 is still there."""
    app = App(world.pod)
    agent = draining()
    world.client.connect(POD4, 8080)
    app.has_accepted(1)
    world.client.run("ip", "link", "set", "eth0", "down")
    app.connections[0].close()
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0, closing=0)
    assert [row.state for row in ss.inbound(world.pod, [8080])] == ["FIN_WAIT_1"]


def test_five_thousand_connections(world, draining):
    """Busy pods would be counted wrong, or not in time."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=2500)
    clients += world.client.connect(POD6, 8080, count=2500)
    app.has_accepted(5000)
    agent = draining()
    agrees_with_ss(agent, world, open=5000)
    leaving = clients[:1234] + clients[-1234:]
    close_all(app.other_ends(leaving))
    close_all(leaving)
    agrees_with_ss(agent, world, open=5000 - 2 * 1234)


CHURN = """
import socket, sys, threading
stop = threading.Event()
done = []
def churn():
    while not stop.is_set():
        with socket.create_connection((sys.argv[1], 8080), 10) as one:
            one.recv(1)
        done.append(1)
threads = [threading.Thread(target=churn) for _ in range(4)]
for thread in threads: thread.start()
print("started", flush=True)
sys.stdin.read()
stop.set()
for thread in threads: thread.join()
print(len(done))
"""
CLOSING_SERVER = """
import socket
listener = socket.create_server(
    ("::", 8080), family=socket.AF_INET6, backlog=4096, dualstack_ipv6=True)
print("listening", flush=True)
while True:
    listener.accept()[0].close()
"""


@contextlib.contextmanager
def script(namespace, code, *argv):
    process = subprocess.Popen(
        namespace.command(sys.executable, "-c", code, *argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline()  # it has started
        try:
            yield process
        finally:
            process.kill()


def test_churn_during_counts(world, draining):
    """One long download would be missed while thousands of short requests come and go."""
    stayers_app = App(world.pod, port=8081)
    stayers = world.client.connect(POD4, 8081, count=3)
    stayers_app.has_accepted(3)
    with script(world.pod, CLOSING_SERVER), script(world.client, CHURN, POD4) as churn:
        agent = draining(transient_age="0ms")
        agent.never(
            lambda status: is_drained(status)
            or status["connections"]["by_port"]["8081"]["open"] != 3,
            during=4,
        )
        done = int(churn.communicate("", timeout=20)[0])
        assert done > 1000
        agrees_with_ss(agent, world, ports=(8080, 8081), open=3)
        assert agent.status()["connections"]["opened_total"] > done / 2
        close_all(stayers)
        stayers_app.close()
        agent.wait_for_verdict("drained")


def test_short_requests_of_clients_keep_the_color(world, draining):
    """A color that serves nothing but short requests at full speed would be taken for unused."""
    with script(world.pod, CLOSING_SERVER), script(world.client, CHURN, POD4) as churn:
        agent = draining()
        agent.never(is_drained, during=4)
        assert int(churn.communicate("", timeout=20)[0]) > 1000
        agent.wait_for_verdict("drained")


@pytest.mark.parametrize("ports", ["auto", "8080"])
def test_listener_closes_while_its_connections_live(world, draining, ports):
    """An app that stops accepting on SIGTERM would look drained while it finishes its work."""
    app = App(world.pod)
    world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    agent = draining(count_ports=ports)
    agrees_with_ss(agent, world, open=2)
    app.close_listener()
    agent.never(is_drained, during=2)
    assert agrees_with_ss(agent, world, open=2)["verdict"] == "draining"
    close_all(app.connections)
    agent.wait_for_verdict("drained", within=20)


@pytest.mark.parametrize("port", [8080, 45678])  # outside and inside ip_local_port_range
@pytest.mark.parametrize("ports", ["auto", "list"])
def test_agent_restarts_after_the_listener_closed(world, draining, ports, port):
    """The same, when the agent's container was restarted in between."""
    app = App(world.pod, port=port)
    world.client.connect(POD4, port, count=2)
    app.has_accepted(2)
    agent = draining(count_ports=port if ports == "list" else "auto")
    agrees_with_ss(agent, world, ports=(port,), open=2)
    app.close_listener()
    agent.kill()
    agent.start()
    agrees_with_ss(agent, world, ports=(port,), open=2)
    agent.never(is_drained, during=2)


def test_app_restart_during_the_drain_is_told(world, draining):
    """Nobody would learn that the drain was cut short by a crash."""
    app = App(world.pod)
    world.client.connect(POD4, 8080, count=3)
    app.has_accepted(3)
    agent = draining()
    agrees_with_ss(agent, world, open=3)
    app.close()
    App(world.pod)
    status = agent.wait_for(lambda status: status["connections"]["lost_total"] == 3)
    assert "lost" in codes(status)
    status = agent.wait_for_verdict("drained", "lost")
    assert agent.metrics()[("drainbow_connections_lost_total", ())] == 3
    agrees_with_ss(agent, world, open=0)


def test_connections_that_end_by_themselves_are_not_lost(world, draining):
    """Every normal drain would look like a crash."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=3)
    app.has_accepted(3)
    agent = draining()
    agrees_with_ss(agent, world, open=3)
    close_all(clients)
    close_all(app.connections)
    status = agent.wait_for_verdict("drained")
    assert status["connections"]["lost_total"] == 0 and "lost" not in codes(status)


@pytest.mark.parametrize("target", [POD4, POD6])
def test_ignore_peers(world, draining, target):
    """A monitoring system's connection would hold the color, or other clients be ignored too."""
    App(world.pod)
    agent = draining(ignore_peers=f"{CLIENT4}/32,fd77:2::/64")
    world.client.connect(target, 8080, count=2)
    world.node.connect(target, 8080, count=1)
    status = agent.wait_for(lambda status: status["connections"]["ignored"] == 2)
    agent.wait_for(lambda status: status["connections"]["open"] == 1)
    assert numbers_of_ss(world)["open"] == 3
    assert status["connections"]["ignored"] == 2


def test_threshold(world, draining):
    """A color with a few hopeless stragglers could not be let go."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=3)
    app.has_accepted(3)
    agent = draining(threshold=2)
    assert agrees_with_ss(agent, world, open=3)["verdict"] == "draining"
    agent.never(is_drained, during=1.5)
    close_all(app.other_ends(clients[:1]))
    clients[0].close()
    status = agent.wait_for_verdict("drained")
    assert status["threshold"] == 2
    agrees_with_ss(agent, world, open=2)


def test_a_scraper_is_named_in_a_reason(world, draining):
    """Nobody would learn why the color never goes: Prometheus keeps its connection."""
    App(world.pod)
    App(world.pod, port=9090)
    world.client.connect(POD4, 9090)
    agent = draining()
    status = agrees_with_ss(agent, world, ports=(8080, 9090), open=1)
    assert "9090" in message_of(status, "looks_scraped")


def test_a_scraper_on_an_ignored_port(world, draining):
    """Prometheus would keep every color for ever."""
    App(world.pod)
    App(world.pod, port=9090)
    agent = draining(ignore_ports="9090")
    scraper = world.client.connect(POD4, 9090)[0]
    agent.wait_for(lambda status: status["connections"]["ignored"] == 1)
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, ports=(8080,), open=0)
    scraper.close()


def test_a_new_address_of_the_pod_is_its_own(world, draining):
    """On pods that get addresses later, inner connections would hold the color."""
    App(world.pod)
    agent = draining()
    agent.wait_for_verdict("drained")
    world.pod.run("ip", "address", "add", "10.77.1.77/32", "dev", "eth0")
    world.pod.connect("10.77.1.77", 8080, source="10.77.1.77")
    agent.wait_for(lambda status: status["connections"]["loopback"] == 1)
    agent.never(lambda status: not is_drained(status), during=1.5)


def test_connections_by_port(world, draining):
    """Nobody could tell which port's clients hold the color."""
    apps = [App(world.pod, port=8080), App(world.pod, port=8081)]
    world.client.connect(POD4, 8080, count=2)
    world.client.connect(POD4, 8081, count=3)
    agent = draining()
    status = agrees_with_ss(agent, world, ports=(8080, 8081), open=5)
    by_port = status["connections"]["by_port"]
    assert (by_port["8080"]["open"], by_port["8081"]["open"]) == (2, 3)
    assert "8081 (3), 8080 (2)" in str(status["reasons"])
    assert len(apps) == 2


def test_outbound_connections_do_not_count(world, draining):
    """A pod with a database connection would never drain."""
    App(world.pod)
    App(world.client, address="0.0.0.0", port=5432)
    world.pod.connect(CLIENT4, 5432, count=3)
    agent = draining()
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0)
