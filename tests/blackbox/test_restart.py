"""What survives the agent itself: restarts, the state file, the labels file, small rights."""

import json
import os
import pathlib
import re
import shutil
import tempfile

import pytest

from agent import AGENT, Agent, codes, is_drained
from counting import agrees_with_ss, numbers_of_ss
from traffic import App, send_syn
from world import POD4, POD6, SILENT4, until


def test_sigterm_ends_it_within_a_second(world, draining):
    """Every pod would take longer to go, or be killed."""
    App(world.pod)
    agent = draining()
    slow = agent.connection()
    slow.sendall(b"GET /wait?for=drained&timeout=60s HTTP/1.1\r\nHost: a\r\n\r\n")
    half = agent.connection()
    half.sendall(b"GET /stat")
    assert agent.stop(within=1) == 0


def test_state_survives_a_kill(world, draining):
    """A drained color would be standby after a restart of the agent, and stay for ever."""
    App(world.pod)
    agent = draining()
    before = agent.wait_for(lambda status: is_drained(status) and status["drained_for"] > 0.5)
    agent.kill()
    agent.start()
    status = agent.wait_for(lambda status: status["verdict"] != "unknown")
    assert status["verdict"] == "draining" and "not_quiet" in codes(status)
    assert status["selection"]["ever_selected"]
    # The file holds whole seconds.
    assert status["selection"]["deselected_for"] > before["selection"]["deselected_for"] - 2
    agent.wait_for_verdict("drained")


def test_killed_again_and_again(world, draining):
    """A state file torn by a kill at the wrong moment would be believed, or end the agent."""
    App(world.pod)
    agent = draining()
    for _ in range(10):
        agent.select()
        agent.kill()
        agent.start()
        agent.deselect()
    agent.wait_for(lambda status: status["selection"]["state"] == "deselected")
    assert agent.status()["selection"]["ever_selected"]
    assert "corrupt" not in agent.log


def test_the_state_is_written_only_when_it_changes(world, draining):
    """Every pod would write to its node's disk, and wait for it, as often as it counts."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080)
    app.has_accepted(1)
    agent = draining()
    agent.wait_for_verdict("draining")
    state = agent.state_dir / "state.json"
    before = state.stat()
    agent.never(lambda _: state.stat().st_ino != before.st_ino, during=3)
    assert state.stat().st_mtime_ns == before.st_mtime_ns
    assert len(clients) == 1


def test_state_of_another_pod_is_ignored(world, draining):
    """A new pod on an old volume would be taken for one that was selected, and deleted."""
    App(world.pod)
    agent = draining()
    agent.wait_for_verdict("drained")
    agent.stop()
    agent.start(pod_uid="uid-2")
    agent.wait_for_verdict("standby")
    agent.never(is_drained, during=1.5)


WHOLE = (
    '{"pod_uid":"uid-1","ever_selected":true,"deselected_at":"2026-01-01T00:00:00Z","ports":[]}\n'
)


@pytest.mark.parametrize(
    "content",
    [
        "",
        WHOLE[:40],
        "\0" * 4096,
        "null",
        "[]",
        WHOLE.replace("true", '"yes"'),
        WHOLE.replace("2026-01-01T00:00:00Z", "yesterday"),
        WHOLE.replace("[]", "[70000]"),
        "[" * 100_000,
        "x" * 2_000_000,
    ],
    ids=["empty", "torn", "zeros", "null", "list", "types", "time", "port", "deep", "huge"],
)
def test_a_corrupt_state_file_is_reported_and_set_aside(world, launch, tmp_path, content):
    """A pod would be stuck in a crash loop, or believe garbage."""
    agent = launch()
    agent.stop()
    state = agent.state_dir / "state.json"
    state.write_text(content)
    agent.deselect()
    agent.start()
    assert agent.wait_for_verdict("standby")["selection"]["ever_selected"] is False
    assert str(state) in agent.log
    others = [one for one in agent.state_dir.iterdir() if one != state]
    assert [one.read_text() for one in others] == [content]
    agent.select()
    agent.wait_for_verdict("selected")
    until(lambda: json.loads(state.read_text())["ever_selected"], "a state file of its own")


def test_a_state_file_from_the_future_does_no_harm(world, launch):
    """A node whose clock jumped back would show a negative drain, or none at all."""
    App(world.pod)
    agent = launch()
    agent.stop()
    (agent.state_dir / "state.json").write_text(WHOLE.replace("2026", "2126"))
    agent.deselect()
    agent.start()
    status = agent.wait_for_verdict("drained")
    assert 0 <= status["selection"]["deselected_for"] < 60
    assert status["quiet_for"] < 60


def in_own_mounts(prepare):
    return ("unshare", "--mount", "sh", "-ec", prepare + '; exec "$@"', "sh")


def test_a_state_dir_that_is_read_only(world, launch, tmp_path):
    """A read-only volume would end every pod's agent, or be hidden."""
    App(world.pod)
    volume = tmp_path / "volume"
    volume.mkdir()
    mounts = in_own_mounts(f"mount -t tmpfs -o ro tmpfs {volume}")
    agent = launch(wrapper=mounts, state_dir=volume).switched_away()
    agent.wait_for_verdict("drained")
    assert "state_not_saved" in codes(agent.status())
    until(lambda: re.search(rf"{volume}.*[Rr]ead-only", agent.log), "the log to name it")
    assert agent.log.count("ead-only") == 1, "the log is flooded"


def test_a_state_dir_that_is_full(world, launch, tmp_path):
    """A full volume would end every pod's agent, or lose its state for good."""
    App(world.pod)
    volume = tmp_path / "volume"
    volume.mkdir()
    full = f"mount -t tmpfs -o size=4k tmpfs {volume}; head -c 4096 /dev/zero > {volume}/other"
    agent = launch(wrapper=in_own_mounts(full), state_dir=volume).switched_away()
    agent.wait_for_verdict("drained")
    until(lambda: re.search(rf"{volume}.*No space", agent.log), "the log to name it")
    inside = pathlib.Path(f"/proc/{agent.pid}/root{volume}")
    (inside / "other").unlink()
    agent.wait_for(lambda status: "state_not_saved" not in codes(status))
    until(lambda: (inside / "state.json").exists(), "the state to be saved after all")
    assert json.loads((inside / "state.json").read_text())["ever_selected"]


def test_a_state_dir_that_is_missing(world, launch, tmp_path):
    """A forgotten volume would end every pod's agent."""
    App(world.pod)
    agent = launch(state_dir=tmp_path / "nowhere").switched_away()
    agent.wait_for_verdict("drained")
    assert str(tmp_path / "nowhere") in agent.log


def test_without_a_state_dir(world, launch):
    """Local runs would need a directory for nothing."""
    App(world.pod)
    launch(state_dir=None).switched_away().wait_for_verdict("drained")


def write_labels(directory, text, version):
    """As the kubelet does (pkg/volume/util/atomic_writer.go): ..data is swapped."""
    new = directory / f"..{version}"
    new.mkdir()
    (new / "labels").write_text(text)
    (directory / "..data_tmp").symlink_to(new.name)
    (directory / "..data_tmp").rename(directory / "..data")
    if not (directory / "labels").is_symlink():
        (directory / "labels").symlink_to("..data/labels")


def test_labels_are_read_anew_when_they_are_swapped(world, launch, tmp_path):
    """A pod that was relabelled by hand would be judged by its old labels."""
    volume = tmp_path / "podinfo"
    volume.mkdir()
    write_labels(volume, 'app="shop"\ncolor="abc123"\nempty=""\n', 1)
    agent = launch(labels_file=volume / "labels")
    agent.wait_for(
        lambda status: status["pod"]["labels"] == {"app": "shop", "color": "abc123", "empty": ""}
    )
    write_labels(volume, 'app="shop"\ncolor="def456"', 2)
    agent.wait_for(lambda status: status["pod"]["labels"] == {"app": "shop", "color": "def456"})


def test_labels_file_is_absent(world, launch, tmp_path):
    """An agent that starts before its volume is filled would end."""
    volume = tmp_path / "podinfo"
    volume.mkdir()
    agent = launch(labels_file=volume / "labels")
    assert not agent.status()["pod"]["labels"]
    write_labels(volume, 'app="shop"\n', 1)
    agent.wait_for(lambda status: status["pod"]["labels"] == {"app": "shop"})
    (volume / "labels").unlink()
    agent.get("/healthz")
    assert agent.running


@pytest.mark.parametrize(
    "garbage",
    ["app=shop", "=", 'a="', "\0\0", "x" * 1_000_000],
    ids=["unquoted", "equals", "torn", "zeros", "huge"],
)
def test_labels_file_is_garbage(world, launch, tmp_path, garbage):
    """A broken file would end the agent."""
    labels = tmp_path / "labels"
    labels.write_text(garbage)
    agent = launch(labels_file=labels)
    agent.wait_for(lambda status: not status["pod"]["labels"])
    labels.write_text('app="shop"\n')
    agent.wait_for(lambda status: status["pod"]["labels"] == {"app": "shop"})


UNPRIVILEGED = (
    "setpriv",
    *(["--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []),
    *("--securebits=+noroot", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"),
    *("--no-new-privs", "--pdeathsig", "KILL"),
)


def test_needs_no_rights(world):
    """A restricted pod (not root, no capabilities) would be counted wrong or not at all."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=3) + world.client.connect(POD6, 8080, count=2)
    app.has_accepted(5)
    clients[0].shutdown(1)
    world.pod.listen("::", 8081)
    world.client.connect(POD4, 8081)
    send_syn(world.client, SILENT4, POD4, 8080)
    with tempfile.TemporaryDirectory(prefix="drainbow-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        binary = shutil.copy(AGENT, directory)  # the build folder may be closed to others
        agents = [
            Agent(world.pod, directory, {}, log_name="privileged.log"),
            Agent(world.pod, directory, {}, wrapper=UNPRIVILEGED, log_name="unprivileged.log"),
        ]
        agents[1].binary = binary
        agents[1].state_dir.chmod(0o777)
        seen = []
        try:
            for agent in agents:
                agent.start()
                if agent is agents[1]:
                    status = open(f"/proc/{agent.pid}/status").read()
                    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
                agent.switched_away()
                status = agrees_with_ss(
                    agent, world, ports=(8080, 8081), open=6, close_wait=1, half_open=1
                )
                wanted = ("open", "loopback", "ignored", "half_open", "close_wait", "closing")
                seen.append({key: status["connections"][key] for key in wanted})
                assert status["sample"]["method"] != "proc"
                agent.stop()
                (agent.state_dir / "state.json").unlink()
            assert seen[0] == seen[1]
            assert "Permission" not in agents[1].log and "denied" not in agents[1].log
        finally:
            for agent in agents:
                agent.kill()
                print(agent.log)
    assert numbers_of_ss(world, ports=(8080,))["open"] == 5
