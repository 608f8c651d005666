"""The verdict document and the metrics: every field, with its type, and one truth in both."""

import json
import re
from datetime import datetime

from agent import value
from counting import agrees_with_ss, numbers_of_ss
from traffic import App, fill, send_syn
from world import POD4, POD6, SILENT4

NUMBER = (int, float)
MAYBE = (int, float, type(None))
COUNTS = {
    key: int
    for key in ("open", "transient", "loopback", "ignored", "half_open", "close_wait", "closing")
}
DOCUMENT = {
    "verdict": str,
    "reasons": [{"code": str, "message": str}],
    "pod": {"name": str, "namespace": str, "uid": str, "labels": dict},
    "selection": {
        "state": str,
        "services": [str],
        "ever_selected": bool,
        "source": str,
        "age": NUMBER,
        "deselected_for": NUMBER,
        "deselected_at": str,
    },
    "connections": {
        **COUNTS,
        "by_port": {"8080": COUNTS},
        "oldest_age": NUMBER,
        "idle_over": {"1h": int, "6h": int, "24h": int, "48h": int},
        "opened_total": int,
        "lost_total": int,
        "peers": [
            {
                "address": str,
                "port": int,
                "local_port": int,
                "state": str,
                "age": NUMBER,
                "idle": NUMBER,
            }
        ],
    },
    "sample": {"method": str, "age": NUMBER, "complete": bool},
    "quiet_for": NUMBER,
    "quiet_period": NUMBER,
    "threshold": int,
    "drained_for": MAYBE,
    "episode": str,
    "terminating": bool,
    "agent": {"version": str, "uptime": NUMBER},
}


def check(shape, found, where="document"):
    if isinstance(shape, dict):
        assert isinstance(found, dict), where
        for key, inner in shape.items():
            assert key in found, f"{where}.{key} is missing"
            check(inner, found[key], f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(found, list), where
        for index, one in enumerate(found):
            check(shape[0], one, f"{where}[{index}]")
    else:
        right = isinstance(found, shape) and (shape is bool or not isinstance(found, bool))
        assert right, f"{where} is {found!r}"


def names(document, where=""):
    if isinstance(document, dict):
        for key, inner in document.items():
            yield key
            if where + key not in ("podlabels", "connectionsby_port", "connectionsidle_over"):
                yield from names(inner, where + key)
    elif isinstance(document, list):
        for one in document:
            yield from names(one, where)


def test_every_field_is_there(world, draining):
    """Scripts and the cleanup would stumble over a missing or misnamed field."""
    App(world.pod)
    world.client.connect(POD4, 8080, count=2)
    agent = draining()
    agrees_with_ss(agent, world, open=2)
    document = agent.wait_for(lambda status: status["connections"]["idle_over"] is not None)
    check(DOCUMENT, document)
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names(document))
    at = document["selection"]["deselected_at"]
    assert datetime.fromisoformat(at.replace("Z", "+00:00")).tzinfo is not None
    assert re.fullmatch(r".+:\d+", document["episode"])
    assert document["pod"]["name"] == "app-1" and document["pod"]["uid"] == "uid-1"
    assert document["selection"]["source"].startswith("file")
    assert agent.get("/drained").document.keys() == document.keys()
    waited = agent.get("/wait?for=drained&timeout=0s").document
    assert waited.keys() == document.keys()


def test_ten_oldest_peers(world, draining):
    """Nobody could find the clients that hold the color, or the document would grow without end."""
    app = App(world.pod)
    first = world.client.connect(POD4, 8080, count=6)
    app.has_accepted(6)
    agent = draining()
    agrees_with_ss(agent, world, open=6)
    world.client.connect(POD6, 8080, count=30)
    status = agrees_with_ss(agent, world, open=36)
    peers = status["connections"]["peers"]
    assert len(peers) == 10
    ports = {client.getsockname()[1] for client in first}
    assert {peer["port"] for peer in peers[:6]} == ports
    assert [peer["age"] for peer in peers] == sorted((p["age"] for p in peers), reverse=True)
    assert status["connections"]["oldest_age"] == max(peer["age"] for peer in peers)
    assert all(peer["state"] == "ESTABLISHED" and peer["local_port"] == 8080 for peer in peers)


def test_idle_times(world, draining):
    """Ghosts could not be told from clients that are busy."""
    app = App(world.pod)
    silent, busy = world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    agent = draining()
    agrees_with_ss(agent, world, open=2)

    def idle_of(client):
        peers = agent.status()["connections"]["peers"]
        return next(p["idle"] for p in peers if p["port"] == client.getsockname()[1])

    agent.wait_for(lambda status: (idle_of(silent) or 0) > 2)
    busy.sendall(b"still here")
    # Idle times are as of a sample that may be some seconds old: they are dear.
    agent.wait_for(lambda status: idle_of(busy) < idle_of(silent) - 1.5, within=15)


def test_metrics_agree_with_document_and_ss(world, draining):
    """Dashboards and alerts would tell another story than the cleanup's evidence."""
    app = App(world.pod)
    App(world.pod, port=9090)
    agent = draining(ignore_ports="9090")
    clients = world.client.connect(POD4, 8080, count=4)
    app.has_accepted(4)
    world.client.connect(POD4, 9090, count=2)
    world.pod.connect("127.0.0.1", 8080, count=3)
    app.has_accepted(7)
    clients[0].shutdown(1)
    (flooded,) = app.other_ends(clients[1:2])
    fill(flooded)
    flooded.close()
    send_syn(world.client, SILENT4, POD4, 8080)
    status = agrees_with_ss(agent, world, open=4, close_wait=1, closing=1, half_open=1)
    metrics = agent.metrics()
    of_ss = numbers_of_ss(world)
    for kind in ("open", "transient", "loopback", "ignored", "half_open"):
        by_port = {
            dict(series.labels)["port"]: count
            for series, count in metrics.items()
            if series.name == "drainbow_connections" and dict(series.labels)["class"] == kind
        }
        assert sum(by_port.values()) == status["connections"][kind], kind
        for port, count in by_port.items():
            assert count == status["connections"]["by_port"].get(port, {}).get(kind, 0)
    assert value(metrics, "drainbow_connections", port="8080", **{"class": "open"}) == of_ss["open"]
    assert status["connections"]["loopback"] == 3 and status["connections"]["ignored"] == 2
    opened = {s: v for s, v in metrics.items() if s.name == "drainbow_connections_opened_total"}
    assert sum(opened.values()) == status["connections"]["opened_total"] == 4


def test_every_metric_is_there(world, draining):
    """A dashboard's panel or an alert would be empty."""
    App(world.pod)
    world.client.connect(POD4, 8080)
    agent = draining()
    agent.wait_for_verdict("draining")
    metrics = agent.metrics()
    assert not any(series.name == "drainbow_drained_seconds" for series in metrics)
    names_found = {series.name for series in metrics}
    for name in (
        "drainbow_connections",
        "drainbow_connections_lost_total",
        "drainbow_verdict",
        "drainbow_selected",
        "drainbow_quiet_seconds",
        "drainbow_samples_total",
        "drainbow_sample_age_seconds",
        "drainbow_selection_age_seconds",
        "drainbow_watch_restarts_total",
        "drainbow_build_info",
    ):
        assert name in names_found, name
    assert any(name.startswith("drainbow_sample_duration_seconds") for name in names_found)
    text = agent.get("/metrics").body
    assert "drainbow_sample_errors_total" in text and "drainbow_connections_opened_total" in text
    verdicts = {
        dict(series.labels)["verdict"]: count
        for series, count in metrics.items()
        if series.name == "drainbow_verdict"
    }
    assert verdicts == {"selected": 0, "unknown": 0, "standby": 0, "draining": 1, "drained": 0}
    assert value(metrics, "drainbow_selected") == 0
    assert all(name.startswith("drainbow_") for name in names_found)


def test_metrics_follow_the_verdict(world, draining):
    """An alert on a color that is ready to go would not fire."""
    App(world.pod)
    agent = draining()
    agent.wait_for(lambda status: (status["drained_for"] or 0) > 0.5)
    metrics = agent.metrics()
    assert value(metrics, "drainbow_verdict", verdict="drained") == 1
    assert value(metrics, "drainbow_drained_seconds") > 0.4
    assert value(metrics, "drainbow_quiet_seconds") > 1
    agent.select()
    agent.wait_for_verdict("selected")
    metrics = agent.metrics()
    assert value(metrics, "drainbow_selected") == 1
    assert value(metrics, "drainbow_verdict", verdict="drained") == 0


def test_odd_names_and_labels_are_quoted(world, launch, tmp_path):
    """A label or name with unusual characters would break every reader of the document."""
    labels = tmp_path / "labels"
    labels.write_text('a.b/c="x-y_z"\n')
    name = 'a"b\\c\n\u00e9\x01'
    agent = launch(labels_file=labels, pod_name=name)
    agent.wait_for(lambda status: status["pod"]["labels"] == {"a.b/c": "x-y_z"})
    assert json.loads(agent.get("/status").body)["pod"]["name"] == name
    agent.metrics()


def test_many_listening_ports(world, draining):
    """A pod with hundreds of ports would make document and metrics grow without end."""
    for port in range(20000, 20200):
        world.pod.listen("0.0.0.0", port)
    for port in range(20000, 20200):
        world.client.connect(POD4, port)
    agent = draining()
    agent.wait_for(lambda status: status["connections"]["open"] == 200)
    assert numbers_of_ss(world, ports=range(20000, 20200))["open"] == 200
    series = [one for one in agent.metrics() if one.name == "drainbow_connections"]
    assert len(series) < 1000
