"""The API server is away, frozen or out of reach. Agents say `unknown` in time, since nobody proves
to them that the pod is still deselected; they go on counting, nobody is disconnected, and all is as
before when it is back. Meanwhile their documents come from the pods' addresses."""

import time

import pytest

import agent
from node_view import cut_off
from traffic import all_live, wait_until_answering
from waiting import until

BROKEN_LIMIT, SILENCE, PROOF_LIMIT = 10, 90, 150  # s; DrainTracker, ReflectorLimits
TICK = 1
SLACK = 3  # of a busy machine
# The longest pause between two attempts, and a little for the one that succeeds.
HEALING = 40


class Scene:
    """A drained color, a draining one with three sessions, and a selected one with two."""

    def __init__(self, demo, sessions):
        self.drained = demo.install("aa0001", replicas=1)
        self.draining = demo.install("bb0002", replicas=1)
        self.selected = demo.install("cc0003", replicas=1)
        self.colors = (self.drained, self.draining, self.selected)
        demo.serve(self.drained)
        self.drained.wait_for_verdict("selected")
        self.old = self._sessions_of(self.draining, 3, demo, sessions)
        self.new = self._sessions_of(self.selected, 2, demo, sessions)
        self.addresses = {}
        for color in self.colors:
            (pod,) = color.pods()
            self.addresses[color.color] = pod["status"]["podIP"]
        self.wait_for_counts(0, 3, 2)
        self.wait_until_right()
        self.deselections = self._deselections()

    @staticmethod
    def _sessions_of(color, count, demo, sessions):
        demo.switch_to(color.color)
        color.wait_for_verdict("selected")
        wait_until_answering(demo.address, demo.port("tcp"), color.color)
        return sessions.open(demo.address, demo.port("tcp"), count)

    def documents(self):
        """Of the drained color, the draining and the selected one."""
        return [agent.ask(self.addresses[color.color])[1] for color in self.colors]

    def _deselections(self):
        return [document["selection"]["deselected_at"] for document in self.documents()]

    def wait_until(self, verdicts, within):
        until(
            lambda: [document["verdict"] for document in self.documents()] == verdicts,
            lambda: f"{verdicts}: {[agent.summary(document) for document in self.documents()]}",
            within,
        )

    def wait_until_right(self, within=30):
        self.wait_until(["drained", "draining", "selected"], within)

    def wait_until_unknown(self, within):
        self.wait_until(["unknown"] * 3, within)
        for document in self.documents():
            assert agent.codes(document) == ["selection_unknown"], agent.summary(document)
        for address in self.addresses.values():
            assert agent.ask(address, "/drained")[0] == 503

    def wait_for_counts(self, *counts):
        def counted():
            return [document["connections"]["open"] for document in self.documents()]

        until(lambda: counted() == list(counts), lambda: f"{counts}, not {counted()}")

    def is_unharmed(self):
        """As before, but for the session that has left."""
        self.wait_for_counts(0, len(self.old), len(self.new))
        assert self._deselections() == self.deselections
        all_live(self.old + self.new)


def why(document):
    return document["reasons"][0]["message"]


@pytest.fixture
def scene(demo, sessions):
    return Scene(demo, sessions)


@pytest.fixture
def whole_again(cluster):
    """Whatever happens in the test, and for the one that comes next."""
    yield
    cluster.repair()
    cluster.restart_clients()


@pytest.mark.alone
@pytest.mark.node
def test_the_api_server_is_frozen(cluster, scene, whole_again):
    """Connections stay open and new ones are accepted, but nobody answers."""
    proofs = [document["selection"]["age"] for document in scene.documents()]
    cluster.freeze("kube-apiserver")
    scene.wait_until_unknown(SILENCE + BROKEN_LIMIT + TICK + SLACK)
    ages = [document["selection"]["age"] for document in scene.documents()]
    assert max(ages) <= PROOF_LIMIT + TICK + SLACK, f"at first {proofs}"
    for document in scene.documents():
        assert "Services: " in why(document)
    scene.is_unharmed()

    cluster.thaw("kube-apiserver")
    scene.wait_until_right(HEALING)
    scene.is_unharmed()


@pytest.mark.alone
@pytest.mark.node
def test_the_api_server_is_gone_for_a_minute(cluster, demo, scene, sessions, whole_again):
    port = demo.port("tcp")
    cluster.kill("kube-apiserver")
    began = time.monotonic()
    scene.wait_until_unknown(BROKEN_LIMIT + TICK + SLACK)
    for document in scene.documents():
        assert "too long to rely on (limit 10 s)" in why(document)
        assert "10.96.0.1:443" in why(document) and "refused" in why(document)

    # One leaves and one comes: kube-proxy goes on, and so does the count.
    sessions.leave(scene.old.pop())
    scene.new += sessions.open(demo.address, port)
    scene.wait_for_counts(0, 2, 3)
    all_live(scene.old + scene.new)
    time.sleep(max(0, began + 60 - time.monotonic()))  # the minute itself
    scene.wait_until_unknown(TICK)

    cluster.repair()
    scene.wait_until_right(HEALING)
    scene.is_unharmed()
    # Changes are seen at once again.
    demo.switch_to(scene.drained.color)
    scene.wait_until(["selected", "draining", "draining"], TICK + SLACK)
    all_live(scene.old + scene.new)


@pytest.mark.node
def test_no_way_to_the_api_server_for_longer_than_any_proof_holds(scene):
    """Of two pods alone, so that other tests can run meanwhile."""
    unreached = [scene.addresses[color.color] for color in (scene.drained, scene.draining)]
    with cut_off(unreached[0]), cut_off(unreached[1]):
        began = time.monotonic()
        limit = SILENCE + BROKEN_LIMIT + TICK + SLACK
        scene.wait_until(["unknown", "unknown", "selected"], limit)
        time.sleep(max(0, began + PROOF_LIMIT + 5 - time.monotonic()))  # that long
        scene.wait_until(["unknown", "unknown", "selected"], TICK)
        scene.is_unharmed()
        for document in scene.documents()[:2]:
            assert document["selection"]["age"] > PROOF_LIMIT
    scene.wait_until_right(HEALING)
    scene.is_unharmed()
