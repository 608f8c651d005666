"""The agent may not read Services any more: it says so, keeps counting, and heals by itself."""

import pytest

import agent
from demo import AGENT
from node_view import kill_container
from traffic import all_live
from waiting import until


@pytest.mark.node
def test_a_permission_revoked_and_given_back(demo, kubectl, sessions):
    old, new = demo.install("aa0001", replicas=1), demo.install("bb0002", replicas=1)
    demo.serve(old)
    stay = sessions.open(demo.address, demo.port("tcp"), 3)
    old.wait_for_open(3)
    demo.switch_to(new.color)
    old.wait_for_verdict("draining", "open_connections")

    kubectl.run("delete", "rolebinding", "drainbow-agent")
    # A watch that is open lives on without the permission. So the agent must begin anew.
    (pod,) = old.pods()
    kill_container(pod, AGENT)
    (document,) = old.wait_for(lambda one: "403 Forbidden" in why_unknown(one), "a refusal")
    assert document["verdict"] == "unknown"
    assert 'cannot list resource "services"' in why_unknown(document)
    assert f"system:serviceaccount:{kubectl.namespace}:default" in why_unknown(document)
    # The connections are counted all the same, and what the pod was is not forgotten.
    old.wait_for_open(3)
    assert document["selection"]["ever_selected"]
    assert not is_drained(kubectl, pod)
    sessions.leave(stay.pop())
    old.wait_for_open(2)
    new.wait_for_verdict("selected")

    (binding,) = (one for one in demo.objects(old.color) if one["kind"] == "RoleBinding")
    kubectl.apply(binding)
    # The agent asks again at the latest 30 s after it was refused.
    old.wait_for_verdict("draining", "open_connections", within=40)
    assert old.open_connections() == 2
    all_live(stay)
    sessions.leave(*stay)
    old.wait_for_verdict("drained")
    assert until(lambda: is_drained(kubectl, pod), "the answer 200 of /drained")


def why_unknown(document):
    """What the agent says of the selection; "" if it is known."""
    messages = [
        one["message"] for one in document["reasons"] if one["code"] == "selection_unknown"
    ]
    return "".join(messages)


def is_drained(kubectl, pod):
    name = pod["metadata"]["name"]
    status, body = kubectl.raw(
        f"/api/v1/namespaces/{kubectl.namespace}/pods/{name}:{agent.PORT}/proxy/drained"
    )
    assert status in (200, 503), body
    return status == 200
