"""Colors that YAML would take for numbers, all the way: images, manifests, labels, the switch."""

import random

import pytest

from checkout import Checkout
from demo import NODE_PORTS
from traffic import all_live, wait_until_answering


@pytest.fixture
def make(cluster, kubectl, tmp_path):
    checkout = Checkout(tmp_path, cluster, kubectl.namespace)
    checkout.edit("manifests/agent/sidecar.yaml", "value: 300s", "value: 10s")
    http, tcp = random.sample(free_node_ports(cluster.kubectl), 2)

    def run(target, color):
        return checkout.make(
            target, f"COLOR={color}", f"HTTP_NODE_PORT={http}", f"TCP_NODE_PORT={tcp}"
        )

    return run


def free_node_ports(kubectl):
    services = kubectl.items("services", "--all-namespaces")
    taken = {port.get("nodePort") for one in services for port in one["spec"].get("ports", [])}
    return sorted(set(NODE_PORTS) - taken)


def test_colors_that_look_like_numbers(demo, kubectl, make, sessions):
    first, second = "123456", "12e034"
    released = []
    for color in (first, second):
        make("image", color)
        said = make("install", color)
        assert f"color {color} gets the new connections" in said
        wait_until_answering(demo.address, demo.port("tcp"), color)
        released.append(demo.find(color))
        if color == first:
            session = sessions.open_one(demo.address, demo.port("tcp"))
            released[0].wait_for_open(1)
    old, new = released
    for color in released:
        for document in color.documents():
            assert document["pod"]["labels"]["color"] == color.color
    assert kubectl.get("service", demo.service)["spec"]["selector"]["color"] == second
    new.wait_for_verdict("selected")
    old.wait_for(lambda one: one["selection"]["state"] == "deselected", "deselected")
    old.wait_for_open(1)
    late = sessions.open_one(demo.address, demo.port("tcp"))
    all_live([session, late])
    assert (session.colors, late.colors) == ({first}, {second})

    assert "is there, unchanged" in make("install", second)
    make("uninstall", first)
    assert session.has_ended(60) == "closed"
    all_live([late])
    assert [one["metadata"]["name"] for one in kubectl.items("deployments")] == [new.name]
