"""Which Services select a pod: a second one, one that goes and comes, one that is to be ignored,
one that names no color, and one that is called `drainbow`."""

import pathlib

import pytest

import agent
from demo import AGENT
from node_view import cgroup
from traffic import all_live, wait_until_answering

IGNORE = "drainbow.dev/ignore"


@pytest.fixture
def colors(demo):
    """An old color, which the demo's Service selects, and a new one."""
    old, new = demo.install("aa0001", replicas=1), demo.install("bb0002", replicas=1)
    demo.serve(old)
    return old, new


def extra_service(kubectl, selector, name="extra"):
    metadata = {"name": name, "namespace": kubectl.namespace}
    spec = {"selector": selector, "ports": [{"port": 8081}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    kubectl.apply(service)
    return service


def is_selected_by(*services):
    """So in a document, and by these alone."""
    return lambda document: (
        document["verdict"] == "selected" and document["selection"]["services"] == list(services)
    )


def test_a_second_service_that_still_selects_the_old_color(demo, kubectl, colors, sessions):
    old, new = colors
    session = sessions.open_one(demo.address, demo.port("tcp"))
    extra_service(kubectl, {"app": "drainbow-demo", "color": old.color})
    old.wait_for(is_selected_by("drainbow-demo", "extra"), "selected by both")
    demo.switch_to(new.color)
    new.wait_for(is_selected_by("drainbow-demo"), "selected by the demo's Service")
    (document,) = old.wait_for(is_selected_by("extra"), "selected by the second Service")
    (selected,) = (one for one in document["reasons"] if one["code"] == "selected")
    assert "extra" in selected["message"] and "drainbow-demo" not in selected["message"]

    kubectl.run("delete", "service", "extra")
    (document,) = old.wait_for_verdict("draining", "open_connections")
    assert document["selection"]["services"] == []
    sessions.leave(session)
    old.wait_for_verdict("drained")


def test_a_service_deleted_and_made_again(demo, kubectl, colors, sessions):
    old, new = colors
    stay = sessions.open(demo.address, demo.port("tcp"), 3)
    service = kubectl.get("service", demo.service)
    old.wait_for_verdict("selected")
    kubectl.run("delete", "service", demo.service)
    (document,) = old.wait_for_verdict("draining", "open_connections")
    assert document["selection"]["state"] == "deselected"
    old.wait_for_open(3)

    again = {key: service[key] for key in ("apiVersion", "kind", "spec")}
    kubectl.apply({**again, "metadata": {"name": demo.service, "namespace": kubectl.namespace}})
    wait_until_answering(demo.address, demo.port("tcp"), old.color)
    (document,) = old.wait_for(is_selected_by(demo.service), "selected by the Service again")
    assert document["selection"]["deselected_for"] is None
    all_live(stay)
    # It is another object, and is followed like the first.
    demo.switch_to(new.color)
    old.wait_for_verdict("draining", "open_connections")
    new.wait_for(is_selected_by(demo.service), "selected by the Service")


def test_a_service_that_is_ignored_and_then_is_not(demo, kubectl, colors, sessions):
    old, new = colors
    sessions.open(demo.address, demo.port("tcp"))
    extra_service(kubectl, {"color": old.color})
    demo.switch_to(new.color)
    old.wait_for(is_selected_by("extra"), "selected by the second Service")

    kubectl.run("annotate", "service", "extra", f"{IGNORE}=true")
    (document,) = old.wait_for_verdict("draining", "open_connections")
    assert document["selection"]["services"] == []
    kubectl.run("annotate", "service", "extra", f"{IGNORE}-")
    old.wait_for(is_selected_by("extra"), "selected again")
    # Only "true" is a yes.
    kubectl.run("annotate", "service", "extra", f"{IGNORE}=true")
    old.wait_for_verdict("draining")
    kubectl.run("annotate", "--overwrite", "service", "extra", f"{IGNORE}=false")
    old.wait_for(is_selected_by("extra"), "selected again")


def test_a_service_that_selects_every_color(demo, kubectl, colors, sessions):
    old, new = colors
    sessions.open(demo.address, demo.port("tcp"))
    extra_service(kubectl, {"app": "drainbow-demo"}, "all-colors")
    demo.switch_to(new.color)
    (document,) = old.wait_for(is_selected_by("all-colors"), "selected by the Service for all")
    (note,) = (one for one in document["reasons"] if one["code"] == "service_without_color")
    assert "Service all-colors selects every color" in note["message"]
    way_out = f'{IGNORE}: "true"'
    assert way_out in note["message"]

    metadata = {"annotations": {IGNORE: "true"}}
    kubectl.patch("service/all-colors", {"metadata": metadata})
    (document,) = old.wait_for_verdict("draining", "open_connections")
    assert "service_without_color" not in agent.codes(document)
    new.wait_for(is_selected_by("drainbow-demo"), "selected by the demo's Service")


@pytest.mark.node
def test_a_service_of_the_name_drainbow(demo, kubectl, sessions):
    """Kubelet gives every pod made after it variables that look like the agent's own."""

    def with_service_links(deployment):
        deployment["spec"]["template"]["spec"]["enableServiceLinks"] = True

    extra_service(kubectl, {"app": "nothing"}, "drainbow")
    old = demo.install("aa0001", replicas=1, change=with_service_links)
    new = demo.install("bb0002", replicas=1, change=with_service_links)
    (pod,) = old.pods()
    given = environment(pod, AGENT)
    assert given["DRAINBOW_PORT"].startswith("tcp://"), given
    assert given["DRAINBOW_SERVICE_HOST"] and given["DRAINBOW_SERVICE_PORT"] == "8081"

    demo.serve(old)
    session = sessions.open_one(demo.address, demo.port("tcp"))
    old.wait_for(is_selected_by("drainbow-demo"), "selected by the demo's Service")
    new.wait_for_verdict("standby")
    demo.switch_to(new.color)
    old.wait_for_verdict("draining", "open_connections")
    sessions.leave(session)
    old.wait_for_verdict("drained")


def environment(pod, name):
    pid, *_ = (cgroup(pod, name) / "cgroup.procs").read_text().split()
    entries = pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.partition("=")[::2] for entry in entries if entry)
