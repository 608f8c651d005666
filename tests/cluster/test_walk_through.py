"""The walk-through of rainbow deploys, as a user does it: with git and make, step by step."""

import pytest

from checkout import Checkout
from traffic import HttpSession, all_live, ask_by_http, ask_by_line, wait_until_answering

HTTP, TCP = 31080, 31081


@pytest.fixture
def checkout(cluster, kubectl, tmp_path):
    made = Checkout(tmp_path, cluster, kubectl.namespace)
    # How long a deleted pod waits for its connections: this user has not got 300 s.
    made.edit("manifests/agent/sidecar.yaml", "value: 300s", "value: 12s")
    return made


def colors_that_answer(address):
    return {ask_by_line(address, TCP), ask_by_http(address, HTTP)}


@pytest.mark.smoke
def test_the_walk_through(cluster, kubectl, checkout, sessions):
    first = checkout.commit("the first color")
    checkout.make("image")
    checkout.make("install")
    wait_until_answering(cluster.address, TCP, first)
    old = sessions.open_one(cluster.address, TCP)
    with HttpSession(cluster.address, HTTP) as old_page:
        assert (old.colors, old_page.color()) == ({first}, first)

        second = checkout.commit("the second color")
        checkout.make("image")
        checkout.make("install")
        deployments = {one["metadata"]["name"] for one in kubectl.items("deployments")}
        assert deployments == {f"drainbow-demo-{first}", f"drainbow-demo-{second}"}
        (service,) = kubectl.items("services")
        assert service["spec"]["selector"]["color"] == second

        wait_until_answering(cluster.address, TCP, second)
        assert colors_that_answer(cluster.address) == {second}
        new = sessions.open_one(cluster.address, TCP)
        all_live([old, new])
        assert (old.colors, new.colors) == ({first}, {second})
        assert old_page.color() == first

        # Somebody deletes the old color while it is still in use: its sessions end with its pods.
        checkout.make("uninstall", f"COLOR={first}")
        assert old.has_ended(60) == "closed"
    kubectl.wait("--for=delete", "pods", f"--selector=color={first}")
    all_live([new])
    assert (new.colors, colors_that_answer(cluster.address)) == ({second}, {second})
