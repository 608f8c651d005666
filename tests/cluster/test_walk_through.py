"""The walk-through of rainbow deploys, as a user does it: with git and make, step by step, and what
the agents say at each step."""

import re

import pytest

import agent
from checkout import Checkout
from traffic import HttpSession, all_live, ask_by_http, ask_by_line, wait_until_answering
from waiting import until

HTTP, TCP = 31080, 31081


@pytest.fixture
def checkout(cluster, kubectl, tmp_path):
    made = Checkout(tmp_path, cluster, kubectl.namespace)
    # How long a deleted pod waits for its connections, and a color without any for new ones: this
    # user has not got 300 s and 30 s.
    quiet = "\n            - {name: DRAINBOW_QUIET_PERIOD, value: 5s}"
    made.edit("manifests/agent/sidecar.yaml", "value: 300s}", "value: 12s}" + quiet)
    return made


def colors_that_answer(address):
    return {ask_by_line(address, TCP), ask_by_http(address, HTTP)}


def verdicts(color):
    """Of the color's pods, through the API server."""
    return sorted(document["verdict"] for document in color.documents())


def verdicts_from(kubectl, pod, color):
    """Of the color's pods, as a client inside `pod` reads them."""
    addresses = [one["status"]["podIP"] for one in color.pods()]
    documents = [agent.document_from_pod(kubectl, pod, address) for address in addresses]
    return sorted(document["verdict"] for document in documents)


def history(kubectl, pod):
    """The verdicts of a pod's agent, from its start on: it logs each change."""
    log = kubectl.run("logs", pod, "--container=drainbow-agent")
    return re.findall(r" info (?:\w+ -> )?(\w+) why=", log)


@pytest.mark.smoke
def test_the_walk_through(cluster, kubectl, demo, checkout, sessions):
    first = checkout.commit("the first color")
    checkout.make("image")
    checkout.make("install")
    wait_until_answering(cluster.address, TCP, first)
    a = demo.find(first)
    a.wait_for_verdict("selected")
    # The next image first: the demo would close a page that waits for it longer than 75 s.
    second = checkout.commit("the second color")
    checkout.make("image")
    old = sessions.open_one(cluster.address, TCP)
    with HttpSession(cluster.address, HTTP) as old_page:
        assert (old.colors, old_page.color()) == ({first}, first)
        a.wait_for_open(2)

        checkout.make("install")
        deployments = {one["metadata"]["name"] for one in kubectl.items("deployments")}
        assert deployments == {f"drainbow-demo-{first}", f"drainbow-demo-{second}"}
        (service,) = kubectl.items("services")
        assert service["spec"]["selector"]["color"] == second

        wait_until_answering(cluster.address, TCP, second)
        assert colors_that_answer(cluster.address) == {second}
        b = demo.find(second)
        b.wait_for_verdict("selected")
        new = sessions.open_one(cluster.address, TCP)
        b.wait_for_open(1)
        for pod in b.pod_names():
            # It was there, and Ready, before the Service was pointed at it.
            assert history(kubectl, pod)[-2:] == ["standby", "selected"]
            assert verdicts_from(kubectl, pod, b) == ["selected", "selected"]
        a.wait_for(is_deselected, "deselected")
        assert old_page.color() == first
        a.wait_for_open(2)
        assert "draining" in verdicts(a)
        assert "draining" in verdicts_from(kubectl, pod, a)
        all_live([old, new])
        assert (old.colors, new.colors) == ({first}, {second})

    # The page is closed. What is left of A is one session, in one of its pods.
    a.wait_for_open(1)
    mixed = ["drained", "draining"]
    until(lambda: verdicts(a) == mixed, lambda: f"{mixed}, not {verdicts(a)}")
    assert verdicts_from(kubectl, b.pod_names()[0], a) == mixed
    assert b.open_connections() == 1

    # Somebody deletes the old color while it is still in use: its sessions end with its pods.
    checkout.make("uninstall", f"COLOR={first}")
    assert old.has_ended(60) == "closed"
    kubectl.wait("--for=delete", "pods", f"--selector=color={first}")
    all_live([new])
    assert (new.colors, colors_that_answer(cluster.address)) == ({second}, {second})
    assert verdicts(b) == ["selected", "selected"]


def is_deselected(document):
    return document["selection"]["state"] == "deselected"
