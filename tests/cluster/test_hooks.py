"""A pod is deleted, or its app restarts, while connections are open: what the preStop hooks do."""

import re
import subprocess
import time

import agent
from demo import AGENT, APP, container
from traffic import all_live
from waiting import until

# What kubelet and the container runtime need besides the hook, on a machine that is busy.
SLACK = 6


def one_pod(demo, prestop_min, prestop_timeout):
    times = {"DRAINBOW_PRESTOP_MIN": prestop_min, "DRAINBOW_PRESTOP_TIMEOUT": prestop_timeout}
    color = demo.install("aa0001", replicas=1, agent_env=times)
    demo.serve(color)
    return color, color.pod_names()[0]


def delete(kubectl, pod):
    """The moment when the deletion was asked for; a replacement comes, and is none of ours."""
    began = time.monotonic()
    kubectl.run("delete", "pod", pod, "--wait=false")
    return began


def is_gone(kubectl, pod, within):
    kubectl.wait("--for=delete", f"pod/{pod}", within=within)
    return time.monotonic()


def test_a_deleted_pod_stays_until_its_connections_close(demo, kubectl, sessions):
    color, pod = one_pod(demo, "1s", "120s")
    stay = sessions.open(demo.address, demo.port("tcp"), 5)
    color.wait_for_open(5)
    delete(kubectl, pod)
    document = until(lambda: is_terminating(kubectl, pod), "the agent to know that the pod ends")
    assert document["connections"]["open"] == 5, agent.summary(document)
    # Lines come every 5 s: after two of them the default floor and the quiet time are over too.
    all_live(stay)
    all_live(stay)
    sessions.leave(*stay)
    left = time.monotonic()
    assert is_gone(kubectl, pod, 60) - left < SLACK


def is_terminating(kubectl, pod):
    document, _ = agent.try_document(kubectl, pod)
    return document if document and document["terminating"] else None


def test_the_deadline_ends_the_waiting(demo, kubectl, sessions):
    _, pod = one_pod(demo, "1s", "8s")
    session = sessions.open_one(demo.address, demo.port("tcp"))
    began = delete(kubectl, pod)
    assert session.has_ended() == "closed"
    assert 8 <= session.ended_at - began < 8 + SLACK


def test_an_unused_pod_stays_for_the_floor(demo, kubectl):
    _, pod = one_pod(demo, "7s", "60s")
    began = delete(kubectl, pod)
    assert 7 <= is_gone(kubectl, pod, 60) - began < 7 + SLACK


def test_the_agent_outlives_the_app(demo, kubectl, tmp_path):
    _, pod = one_pod(demo, "1s", "3s")
    logs = {name: follow(kubectl, pod, name, tmp_path / name) for name in (APP, AGENT)}
    delete(kubectl, pod)
    is_gone(kubectl, pod, 60)
    ended = {name: time_of_ending(*log) for name, log in logs.items()}
    assert ended[APP] < ended[AGENT]


def follow(kubectl, pod, name, path):
    """Copies a container's log until the container has ended."""
    with path.open("w") as file:
        process = subprocess.Popen(
            kubectl.command("logs", pod, f"--container={name}", "--follow"), stdout=file
        )
    until(lambda: path.read_text(), f"the first line of {name}'s log")
    return process, path


def time_of_ending(process, path):
    """When the program said, on SIGTERM, that it ends."""
    process.wait(30)
    said = re.findall(r"^(\S+Z) info (?:ending|stopping) signal=15", path.read_text(), re.MULTILINE)
    assert len(said) == 1, path.read_text()
    return said[0]  # ISO 8601: sorts as time does


def test_an_app_that_fails_its_liveness_probe_restarts_within_six_seconds(demo, kubectl, sessions):
    def fail_liveness(deployment):
        container(deployment, APP)["livenessProbe"] = {
            "httpGet": {"path": "/no-such-path", "port": 8080},
            "initialDelaySeconds": 4,
            "periodSeconds": 1,
            "failureThreshold": 1,
        }

    long_wait = {"DRAINBOW_PRESTOP_MIN": "30s", "DRAINBOW_PRESTOP_TIMEOUT": "200s"}
    color = demo.install("aa0001", replicas=1, agent_env=long_wait, change=fail_liveness)
    demo.serve(color)
    (pod,) = color.pod_names()
    # Open connections and a long floor, neither of which a mere restart must wait for.
    session = sessions.open_one(demo.address, demo.port("tcp"))
    until(lambda: was_killed(kubectl, pod), "kubelet's decision to restart the app")
    decided = time.monotonic()
    assert session.has_ended() == "closed"
    assert session.ended_at - decided < 6.5
    until(lambda: restarts(kubectl, pod)[APP] == 1, "the restart of the app", within=SLACK)
    assert restarts(kubectl, pod)[AGENT] == 0


def was_killed(kubectl, pod):
    selector = f"--field-selector=involvedObject.name={pod},reason=Killing"
    return kubectl.items("events", selector)


def restarts(kubectl, pod):
    status = kubectl.get("pod", pod)["status"]
    containers = status["containerStatuses"] + status["initContainerStatuses"]
    return {one["name"]: one["restartCount"] for one in containers}
