"""Fixtures: the cluster, a namespace a test, the demo in it, and clients. README.md says more."""

import json
import os
import re

import pytest

# Before they are imported, so that their assertions show values too.
for module in "agent checkout cluster demo kubectl node_view traffic waiting".split():
    pytest.register_assert_rewrite(module)

import agent  # noqa: E402
from cluster import GIVEN, Cluster  # noqa: E402
from demo import Demo  # noqa: E402
from kubectl import KubectlError  # noqa: E402
from traffic import Sessions  # noqa: E402

NO_SKIP = os.environ.get("DRAINBOW_NO_SKIP") == "1"


@pytest.fixture(scope="session")
def cluster():
    made = Cluster()
    if not made.kubeconfig.is_file():
        pytest.exit(f"{made.kubeconfig} is not there: run tests/cluster/node/up.sh", returncode=1)
    yield made
    made.kubectl.close()


@pytest.fixture(autouse=True)
def node_access(request):
    if not (GIVEN and request.node.get_closest_marker("node")):
        return
    message = f"NOT TESTED with DRAINBOW_TEST_KUBECONFIG: {request.node.name} needs the node itself"
    if NO_SKIP:
        pytest.fail(message)
    pytest.skip(message)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.has_failed = True


@pytest.fixture
def kubectl(cluster, request):
    """kubectl in a namespace of this test, which is deleted in the end."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    name = f"{stem[:40].strip('-')}-{os.urandom(2).hex()}"
    inside = cluster.kubectl.inside(name)
    cluster.kubectl.run("create", "namespace", name)
    yield inside
    if getattr(request.node, "has_failed", False):
        print_state(inside)
    # With the namespace on its way out nothing starts any more. Pods get a second instead of their
    # own grace period, in which their hooks would wait for connections.
    cluster.kubectl.run("delete", "namespace", name, "--wait=false")
    inside.run("delete", "pods", "--all", "--grace-period=1", "--wait=false")


@pytest.fixture
def demo(cluster, kubectl):
    return Demo(cluster, kubectl)


@pytest.fixture
def sessions():
    with Sessions() as made:
        yield made


@pytest.fixture
def figure(record_property):
    """figure("what", "how much"): shown at the end of the run, also of one with several workers."""
    return lambda what, value: record_property("figure", f"{what}: {value}")


def pytest_terminal_summary(terminalreporter):
    figures = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(figures))


def print_state(kubectl):
    """What a person wants to see of a failed test; pytest shows it with the failure."""
    for what in (["get", "all", "--output=wide"], ["get", "events", "--sort-by=.lastTimestamp"]):
        print(f"--- kubectl {' '.join(what)}\n{kubectl.try_run(*what).stdout}")
    try:
        pods = kubectl.items("pods")
    except KubectlError as error:
        print(f"--- no pods: {error}")
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        document, why = agent.try_document(kubectl, name)
        print(f"--- {name}: {json.dumps(document) if document else why}")
        log = kubectl.try_run("logs", name, "--all-containers", "--prefix", "--tail=40")
        print(log.stdout or log.stderr)
