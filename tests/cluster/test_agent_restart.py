"""The agent is killed and started again, as by the kernel when memory runs out: what it knew of the
selection holds, and nobody notices."""

import time

import pytest

from demo import AGENT
from node_view import container_status, kill_container
from traffic import all_live
from waiting import until


def kill_agents(kubectl, *colors):
    """Kills each color's agents; returns when kubelet has started all of them again."""
    names = [name for color in colors for name in color.pod_names()]
    killed = time.monotonic()
    for name in names:
        kill_container(kubectl.get("pod", name), AGENT)
    for name in names:
        until(lambda: has_restarted(kubectl.get("pod", name)), f"a restart of the agent in {name}")
    for color in colors:
        color.wait_for(
            lambda document: document["agent"]["uptime"] < time.monotonic() - killed,
            "a document of the new agent",
        )


def has_restarted(pod):
    status = container_status(pod, AGENT)
    return status["restartCount"] == 1 and "running" in status["state"]


@pytest.mark.node
def test_an_agent_that_is_killed_knows_what_it_knew(demo, kubectl, sessions):
    old, new = demo.install("aa0001"), demo.install("bb0002", replicas=1)
    waiting = demo.install("cc0003", replicas=1)
    demo.serve(old)
    stay = sessions.open(demo.address, demo.port("tcp"), 6)
    old.wait_for_open(6)
    demo.switch_to(new.color)
    before = old.wait_for(is_deselected, "deselected")
    new.wait_for_verdict("selected")

    kill_agents(kubectl, old, new, waiting)
    new.wait_for_verdict("selected")
    waiting.wait_for_verdict("standby")
    after = old.wait_for(is_deselected, "deselected")
    old.wait_for_open(6)  # and so one of them at least is draining
    assert deselections(after) == deselections(before)
    assert all(document["selection"]["ever_selected"] for document in after)
    all_live(stay)

    sessions.leave(*stay[:4])
    old.wait_for_open(2)
    sessions.leave(*stay[4:])
    documents = old.wait_for_verdict("drained")
    assert deselections(documents) == deselections(before)
    waiting.wait_for_verdict("standby")


def is_deselected(document):
    return document["selection"]["state"] == "deselected"


def deselections(documents):
    """When each pod was deselected: by pod."""
    return {one["pod"]["name"]: one["selection"]["deselected_at"] for one in documents}
