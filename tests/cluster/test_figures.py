"""What it takes: sizes, memory and times, printed at the end of the run. Only memory has a limit
here, since times depend on the machine."""

import time

import pytest

from checkout import Checkout
from demo import AGENT, COLOR
from node_view import memory
from traffic import Load, ask_by_line
from waiting import until

MIB = 2**20
# Of the 64 MiB that manifests/agent/sidecar.yaml allows.
MOST_MEMORY = 48 * MIB
CONNECTIONS = 2000


def mib(size):
    return f"{size / MIB:.1f} MiB"


def test_image_sizes(cluster, figure):
    for name in ("drainbow", "drainbow-demo"):
        figure(f"image {name}, unpacked", mib(image_size(cluster, f"localhost/{name}:{COLOR}")))


def image_size(cluster, name):
    node = cluster.kubectl.items("nodes")[0]
    (size,) = (one["sizeBytes"] for one in node["status"]["images"] if name in (one["names"] or []))
    return size


@pytest.mark.node
def test_memory_of_the_agent(demo, sessions, figure):
    # As installed: the quiet period alone is shorter than by default.
    color = demo.install("aa0001", replicas=1)
    demo.serve(color)
    (pod,) = color.pods()
    color.wait_for_verdict("selected")
    show(figure, "idle", memory(pod, AGENT))

    sessions.open(demo.address, demo.port("tcp"), CONNECTIONS)
    color.wait_for_open(CONNECTIONS, within=60)
    demo.switch_to("bb0002")
    color.wait_for_verdict("draining", "open_connections")
    # Every tick dumps once; ten of them, each asked for its document, is all that comes.
    first = color.documents()[0]["agent"]["uptime"]
    until(lambda: color.documents()[0]["agent"]["uptime"] > first + 10, "ten seconds of counting")
    used = memory(pod, AGENT)
    show(figure, f"{CONNECTIONS} connections", used)
    assert used.peak < MOST_MEMORY, mib(used.peak)


def show(figure, when, used):
    figure(
        f"agent's memory, {when}",
        f"{mib(used.now)} in its cgroup, at most {mib(used.peak)}; anonymous {mib(used.anonymous)}",
    )


@pytest.mark.alone
def test_times_of_a_release(cluster, demo, kubectl, sessions, tmp_path, figure):
    old = demo.install("aa0001")
    demo.serve(old)
    sessions.open(demo.address, demo.port("tcp"), 4)
    old.wait_for_open(4)
    checkout = Checkout(tmp_path, cluster, kubectl.namespace)
    with Load(ask_by_line, demo.address, demo.port("tcp")) as load:
        began = time.monotonic()
        said = checkout.make("install", f"COLOR={COLOR}")
        until(lambda: any(one.color == COLOR for one in load.tries), "an answer of the new color")
        old.wait_for_verdict("draining", "open_connections")
        draining = time.monotonic()
        load.has_only(COLOR)
    assert load.failures == [], said
    first_new = min(one.began for one in load.tries if one.color == COLOR)
    last_old = max(one.began for one in load.tries if one.color == old.color)
    figure("make install to the first connection on the new color", f"{first_new - began:.1f} s")
    figure("  to the last connection on the old one", f"{last_old - began:.1f} s")
    figure("  to `draining` from all agents of the old one", f"{draining - began:.1f} s")
