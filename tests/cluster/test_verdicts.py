"""The verdict document, and what decides between draining and drained, as it is read through the
API server and in the pods."""

import time

import pytest

import agent
from traffic import ask_by_line


def test_what_the_document_says_of_pod_and_selection(demo, kubectl, sessions):
    color, waiting = demo.install("aa0001"), demo.install("bb0002", replicas=1)
    demo.serve(color)
    sessions.open(demo.address, demo.port("tcp"), 4)
    color.wait_for_open(4)
    color.wait_for_verdict("selected")
    pods = color.pods() + waiting.pods()
    asking = waiting.pod_names()[0]
    for pod in pods:
        metadata = pod["metadata"]
        expected = {key: metadata[key] for key in ("name", "namespace", "uid", "labels")}
        through_api, why = agent.try_document(kubectl, metadata["name"])
        assert through_api, why
        address = pod["status"]["podIP"]
        for document in (
            through_api,
            agent.document_from_pod(kubectl, metadata["name"]),
            agent.document_from_pod(kubectl, asking, address),
        ):
            assert document["pod"] == expected
            assert document["selection"]["source"] == "kubernetes"
            is_serving = metadata["labels"]["color"] == color.color
            assert document["verdict"] == ("selected" if is_serving else "standby")
            assert document["selection"]["services"] == [demo.service] * is_serving
            assert document["selection"]["ever_selected"] == is_serving
            assert document["connections"]["open"] == through_api["connections"]["open"]
            assert document["sample"]["complete"] and document["sample"]["age"] <= 5
            # The list or the bookmark that proves it; those come about once a minute.
            assert 0 <= document["selection"]["age"] < 100


def test_a_color_from_its_installation_to_its_end(demo, kubectl, sessions):
    old = demo.install("aa0001")
    old.wait_for_verdict("standby")
    demo.serve(old)
    old.wait_for_verdict("selected")
    new = demo.install("bb0002")
    new.wait_for_verdict("standby")
    stay = sessions.open(demo.address, demo.port("tcp"), 20)
    old.wait_for_open(20)
    demo.switch_to(new.color)
    new.wait_for_verdict("selected")
    for count in (20, 13, 1):
        while len(stay) > count:
            sessions.leave(stay.pop())
        old.wait_for_open(count)
        for name in old.pod_names():
            # The one that has none any more is done before the other.
            document = settled(kubectl, old, name)
            if open_on(document):
                assert f"{open_on(document)} open connection" in agent.summary(document)
    sessions.leave(*stay)
    for document in old.wait_for_verdict("drained"):
        assert document["drained_for"] >= 0 and document["quiet_for"] >= 3
        assert not is_drained_to_hooks(kubectl, new.pod_names()[0])
        assert is_drained_to_hooks(kubectl, document["pod"]["name"])


def open_on(document):
    return document["connections"]["open"]


def settled(kubectl, color, name):
    document, why = agent.try_document(kubectl, name)
    assert document, why
    expected = "draining" if open_on(document) else "drained"
    (document,) = color.wait_for_verdict(expected, names=[name])
    return document


def is_drained_to_hooks(kubectl, pod):
    """Whether /drained answers 200."""
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}:{agent.PORT}/proxy/drained"
    status, body = kubectl.raw(path)
    assert status in (200, 503), body
    return status == 200


def test_connections_up_to_the_threshold_are_as_good_as_none(demo, sessions):
    threshold = {"DRAINBOW_THRESHOLD": 2}
    old = demo.install("aa0001", replicas=1, agent_env=threshold)
    new = demo.install("bb0002", replicas=1)
    demo.serve(old)
    stay = sessions.open(demo.address, demo.port("tcp"), 3)
    old.wait_for_open(3)
    demo.switch_to(new.color)
    (document,) = old.wait_for(is_left_for(3.5), "deselected, and quiet for longer than 3 s")
    assert document["verdict"] == "draining" and agent.codes(document) == ["open_connections"]
    assert document["threshold"] == 2
    sessions.leave(stay.pop())
    (document,) = old.wait_for_verdict("drained")
    assert document["connections"]["open"] == 2
    assert all(session.open for session in stay)


def is_left_for(seconds):
    """So in a document: not selected, and no new connection for so long."""
    return lambda document: (
        document["selection"]["state"] == "deselected" and document["quiet_for"] > seconds
    )


@pytest.mark.node
def test_a_late_connection_starts_the_quiet_period_anew(demo):
    """One that knows the pod's address: a client with an old DNS answer, or a proxy's pool."""
    old = demo.install("aa0001", replicas=1, agent_env={"DRAINBOW_QUIET_PERIOD": "6s"})
    new = demo.install("bb0002", replicas=1)
    demo.serve(old)
    old.wait_for_verdict("selected")
    switched = demo.switch_to(new.color)
    (before,) = old.wait_for(is_left_for(2), "deselected, and quiet for 2 s")
    assert before["verdict"] == "draining" and agent.codes(before) == ["not_quiet"]

    (pod,) = old.pods()
    assert ask_by_line(pod["status"]["podIP"], 8081) == old.color
    asked = time.monotonic()
    (after,) = old.wait_for(lambda one: one["episode"] != before["episode"], "another episode")
    assert after["quiet_for"] <= time.monotonic() - asked + 0.1
    (document,) = old.wait_for_verdict("drained")
    # A tick is 1 s, so it may have seen the connection up to that much before `asked`.
    assert time.monotonic() - asked >= 5.9 and time.monotonic() - switched > 8
    assert document["episode"] == after["episode"]
