"""What cannot be counted is unknown, never zero: ports, UDP, meshes, the node's own network."""

import socket

import pytest

from agent import codes, is_drained
from counting import agrees_with_ss
from traffic import App
from world import NODE4, POD4, POD6, family_of


def udp(namespace, address, port=0):
    made = namespace.socket(family_of(address), socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


def test_no_listener_is_unknown(world, draining):
    """An app that has not started listening would be taken for one without clients."""
    agent = draining()
    agent.wait_for_verdict("unknown", "no_listener")
    agent.never(is_drained, during=2)
    App(world.pod)
    agent.wait_for_verdict("drained")
    agrees_with_ss(agent, world, open=0)


def test_no_listener_on_the_listed_port_is_unknown(world, draining):
    """A typing error in --count-ports would read as zero connections."""
    App(world.pod, port=8080)
    world.client.connect(POD4, 8080)
    agent = draining(count_ports="8008")
    agent.wait_for_verdict("unknown", "no_listener")
    agent.never(is_drained, during=2)
    agrees_with_ss(agent, world, ports=(8008,), open=0)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_loopback_listener_alone_is_no_listener(world, draining, address):
    """A sidecar's admin port would stand for an app that does not listen yet."""
    App(world.pod, address, port=15000)
    agent = draining()
    agent.wait_for_verdict("unknown", "no_listener")
    agent.never(is_drained, during=2)


def test_the_ignored_port_is_no_listener(world, draining):
    """A metrics port would stand for the app's."""
    App(world.pod, port=9090)
    agent = draining(ignore_ports="9090")
    agent.wait_for_verdict("unknown", "no_listener")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", POD4, POD6])
def test_a_udp_server_is_unknown(world, draining, address):
    """QUIC, game and media sessions would be cut off unseen."""
    App(world.pod)
    server = udp(world.pod, address, 4433)
    agent = draining()
    agent.wait_for_verdict("unknown", "udp_unsupported")
    agent.never(is_drained, during=2)
    server.close()
    agent.wait_for_verdict("drained", within=20)


@pytest.mark.parametrize(
    ("flag", "verdict"), [("all", "drained"), ("4433,53", "drained"), ("53", "unknown")]
)
def test_ignore_udp(world, draining, flag, verdict):
    """A pod with an unimportant UDP socket could never drain, or another one would be hidden."""
    App(world.pod)
    udp(world.pod, "0.0.0.0", 4433)
    agent = draining(ignore_udp=flag)
    agent.wait_for_verdict(verdict)


def test_udp_on_a_listed_port_is_unknown(world, draining):
    """HTTP/3 on the app's own port would be cut off unseen, other UDP would be in the way."""
    App(world.pod)
    udp(world.pod, "0.0.0.0", 4433)
    agent = draining(count_ports="8080")
    agent.wait_for_verdict("drained")
    udp(world.pod, "::", 8080)
    agent.wait_for_verdict("unknown", "udp_unsupported", within=20)


def test_udp_clients_are_no_servers(world, draining):
    """Every pod that resolves a name would be unknown for ever."""
    App(world.pod)
    resolver = udp(world.pod, "0.0.0.0")  # as glibc does, before it connects
    resolver.connect((NODE4, 53))
    udp(world.pod, "::")  # an ephemeral port, not connected
    udp(world.pod, "127.0.0.1", 8125)  # statsd, inside the pod only
    low = udp(world.pod, "0.0.0.0", 4434)
    low.connect((NODE4, 53))
    agent = draining()
    agent.wait_for_verdict("drained")
    assert "udp_unsupported" not in codes(agent.status())


def test_udp_in_the_pods_own_ephemeral_range(world, draining):
    """Pods with another ip_local_port_range would be unknown for ever, or hide a server."""
    world.pod.run("sh", "-c", "echo 10000 20000 > /proc/sys/net/ipv4/ip_local_port_range")
    App(world.pod)
    udp(world.pod, "0.0.0.0", 15000)
    agent = draining()
    agent.wait_for_verdict("drained")
    udp(world.pod, "0.0.0.0", 40000)
    agent.wait_for_verdict("unknown", "udp_unsupported", within=20)


@pytest.mark.parametrize("port", [15006, 15008, 4143])
def test_a_mesh_port_that_is_not_counted_is_unknown(world, draining, port):
    """All clients of a meshed pod come in on the proxy's port: the listed one would show none."""
    App(world.pod)
    App(world.pod, port=port)
    world.client.connect(POD4, port)
    agent = draining(count_ports="8080")
    agent.wait_for_verdict("unknown", "mesh_port_not_counted")
    agent.never(is_drained, during=2)
    agent.stop()
    agent.start(count_ports=f"8080,{port}")
    assert agrees_with_ss(agent, world, ports=(8080, port), open=1)["verdict"] == "draining"


@pytest.mark.parametrize("own", [POD4, POD6])
def test_host_network_is_unknown(world, draining, own):
    """A pod in the node's network would count, or miss, what belongs to others."""
    App(world.pod)
    agent = draining(node_ips=f"192.0.2.1,{own}")
    agent.wait_for_verdict("unknown", "host_network")
    agent.never(is_drained, during=2)
