"""A real Prometheus scrapes the agents as docs/monitoring.md tells. The queries given there say
what the documents say."""

import collections

import pytest

from prometheus import Guide, Prometheus
from waiting import until

# Between a document and the last scrape, on a busy machine.
LAG = 5


def ask(query, *labels):
    return lambda prometheus: prometheus.query(query, *labels)


QUERIES = Guide().queries
open_by_color = ask(QUERIES["open connections by color"], "color")
pods_by_verdict = ask(QUERIES["pods by color and verdict"], "color", "verdict")
drained_colors = ask(
    QUERIES["colors of which every scraped pod is drained: to look at, not to delete by"], "color"
)


@pytest.fixture
def prometheus(tmp_path):
    with Prometheus(tmp_path) as running:
        yield running


def wait_for(prometheus, question, answer):
    """`answer` is computed anew each time: what the documents say may change meanwhile."""
    until(
        lambda: question(prometheus) == answer(),
        lambda: f"{answer()}; the last: {question(prometheus)}",
    )


@pytest.mark.node
def test_queries_say_what_the_documents_say(demo, prometheus, sessions):
    old, new = demo.install("aa0001"), demo.install("bb0002", replicas=1)
    nobody_knows = {"DRAINBOW_SELECTION": "file:/no/such/file"}
    unknown = demo.install("cc0003", replicas=1, agent_env=nobody_knows)
    colors = (old, new, unknown)
    prometheus.discover([pod for one in colors for pod in one.pods()])
    demo.serve(old)
    stay = sessions.open(demo.address, demo.port("tcp"), 5)
    old.wait_for_open(5)
    demo.switch_to(new.color)
    new.wait_for_verdict("selected")
    old.wait_for(lambda document: document["verdict"] != "selected", "deselected")

    wait_for(
        prometheus,
        open_by_color,
        lambda: {one.color: one.open_connections() for one in colors},
    )
    assert open_by_color(prometheus) == {old.color: 5, new.color: 0, unknown.color: 0}
    wait_for(prometheus, pods_by_verdict, lambda: verdicts_of(colors))
    assert pods_by_verdict(prometheus)[unknown.color, "unknown"] == 1
    assert old.color not in drained_colors(prometheus)
    # What is unknown is absent, never 0.
    selected = prometheus.query("max by (color) (drainbow_selected)", "color")
    assert selected == {old.color: 0, new.color: 1}
    assert_quiet_times_agree(prometheus, colors)
    assert_rules_work(prometheus)
    pending = {("DrainbowUnknown", unknown.color), ("DrainbowDrainsForLong", old.color)}
    until(lambda: prometheus.alerts() == pending, lambda: f"{pending}, not {prometheus.alerts()}")

    sessions.leave(*stay)
    old.wait_for_verdict("drained")
    wait_for(prometheus, drained_colors, lambda: {old.color: 2})
    drained = prometheus.query("min by (color) (drainbow_drained_seconds)", "color")
    assert drained.keys() == {old.color}
    documents = old.documents()
    assert 0 <= drained[old.color] <= min(one["drained_for"] for one in documents)


def verdicts_of(colors):
    return collections.Counter(
        (one.color, document["verdict"]) for one in colors for document in one.documents()
    )


def assert_quiet_times_agree(prometheus, colors):
    before = quiet_times(colors)
    scraped = prometheus.query("drainbow_quiet_seconds", "pod")
    after = quiet_times(colors)
    assert scraped.keys() == before.keys()
    for pod, seconds in scraped.items():
        assert before[pod] - LAG <= seconds <= after[pod]


def quiet_times(colors):
    documents = [document for one in colors for document in one.documents()]
    return {document["pod"]["name"]: document["quiet_for"] for document in documents}


def assert_rules_work(prometheus):
    rules = until(
        lambda: (rules := prometheus.rules()) and all(r["health"] == "ok" for r in rules) and rules,
        lambda: f"rules in good health: {prometheus.rules()}",
    )
    assert "DrainbowAgentDown" in [rule["name"] for rule in rules]
    assert set(prometheus.query("up", "pod").values()) == {1}
