"""Pods of a color that drains are evicted, as by `kubectl drain`: one at a time, and what replaces
them is told apart from what still has connections."""

import json

import pytest

import agent
from demo import APP, container
from kubectl import KubectlError
from traffic import all_live
from waiting import until

COMPONENTS = ["disruption-budget"]
REFUSED = "would violate the pod's disruption budget"


def evict(kubectl, pod):
    """By the Eviction API. Unlike deletion it asks the PodDisruptionBudgets."""
    metadata = {"name": pod, "namespace": kubectl.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
    kubectl.run("create", f"--raw={path}", "--filename=-", stdin=json.dumps(eviction))


def wait_for_budget(kubectl, color):
    """Until the controller has counted all pods, and so would let one go."""
    budget = f"poddisruptionbudget/{color.name}"
    kubectl.wait("--for=jsonpath={.status.disruptionsAllowed}=1", budget)


def test_a_pod_evicted_and_replaced_after_the_switch(demo, kubectl, sessions):
    old, new = demo.install("aa0001", components=COMPONENTS), demo.install("bb0002", replicas=1)
    demo.serve(old)
    stay = sessions.open(demo.address, demo.port("tcp"), 20)
    old.wait_for_open(20)
    demo.switch_to(new.color)
    evicted, other = (one["pod"] for one in old.wait_for_verdict("draining", "open_connections"))
    there = {one["pod"]["name"]: open_on(one) for one in old.documents()}

    wait_for_budget(kubectl, old)
    evict(kubectl, evicted["name"])
    replacement = until(lambda: one_more(old, there), "a pod in place of the evicted one")
    old.is_ready()
    (document,) = old.wait_for_verdict("standby", names=[replacement])
    assert not document["selection"]["ever_selected"] and open_on(document) == 0
    # The others go on, the evicted one included: it waits for its connections.
    documents = old.wait_for_verdict(
        "draining", "open_connections", names=[evicted["name"], other["name"]]
    )
    assert {one["pod"]["name"]: open_on(one) for one in documents} == there
    assert [one["terminating"] for one in documents] == [True, False]
    all_live(stay)

    sessions.leave(*stay)
    kubectl.wait("--for=delete", f"pod/{evicted['name']}")
    old.wait_for_verdict("drained", names=[other["name"]])
    old.wait_for_verdict("standby", names=[replacement])


def open_on(document):
    return document["connections"]["open"]


def one_more(color, known):
    return next((name for name in color.pod_names() if name not in known), None)


def test_a_budget_of_its_own_lets_one_pod_of_each_color_go(demo, kubectl):
    def slow(deployment):
        """So that the evicted pod is missed for a while."""
        container(deployment, APP)["readinessProbe"]["initialDelaySeconds"] = 8

    colors = [
        demo.install(name, components=COMPONENTS, change=slow) for name in ("aa0001", "bb0002")
    ]
    demo.serve(colors[1])
    for color in colors:
        wait_for_budget(kubectl, color)
        first, second = color.pod_names()
        evict(kubectl, first)
        with pytest.raises(KubectlError, match=REFUSED):
            evict(kubectl, second)
        assert "deletionTimestamp" not in color.pod(second)["metadata"]
        document, why = agent.try_document(kubectl, second)
        assert document and not document["terminating"], why
    # Once the pod is replaced the next one may go.
    for color in colors:
        wait_for_budget(kubectl, color)
