"""drainbow-probe against a live agent: its exit code is the answer."""

import json

from agent import run_probe
from traffic import App, close_all
from world import POD4


def test_exit_codes(world, draining):
    """An exec hook would let a pod go, or hold it, on the wrong answer."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080)
    app.has_accepted(1)
    agent = draining()
    agent.wait_for_verdict("draining")
    for command in ("drained", "status", "wait"):
        done = run_probe(world.pod, command, "--timeout=300ms")
        assert done.returncode == 1, (command, done)
        assert len(done.stdout.splitlines()) == 1 and "draining" in done.stdout
    close_all(app.connections)
    close_all(clients)
    done = run_probe(world.pod, "wait", "--timeout=10s")
    assert done.returncode == 0 and "drained" in done.stdout
    for command in ("drained", "status"):
        assert run_probe(world.pod, command).returncode == 0
    done = run_probe(world.pod, "status", "--json")
    assert json.loads(done.stdout)["verdict"] == "drained"
    agent.select("garbage")
    agent.wait_for_verdict("unknown", within=13)
    for command in ("drained", "status"):
        assert run_probe(world.pod, command).returncode == 3
    agent.select()
    agent.wait_for_verdict("selected")
    assert run_probe(world.pod, "drained").returncode == 1


def test_standby_is_not_drained(world, launch):
    """A hook would take a new color for one that may go."""
    App(world.pod)
    agent = launch()
    agent.deselect()
    agent.wait_for_verdict("standby")
    assert run_probe(world.pod, "drained").returncode == 1


def test_no_agent(world):
    """A hook without an agent would read as drained."""
    done = run_probe(world.pod, "drained", "--timeout=1s")
    assert done.returncode == 3 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "9911" in done.stderr


def test_an_agent_that_does_not_answer(world):
    """A hook would hang for ever."""
    world.pod.listen("::", 9911)
    done = run_probe(world.pod, "drained", "--timeout=500ms", timeout=5)
    assert done.returncode == 3


def test_usage(world):
    """A typing error in a hook would read as drained."""
    for argv in ([], ["nonsense"], ["drained", "status"], ["drained", "--timeout=soon"], ["--x"]):
        done = run_probe(world.pod, *argv)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, argv


def test_other_address(world, launch):
    """An agent on another port could not be asked."""
    agent = launch()
    agent.select()
    agent.wait_for_verdict("selected")
    assert run_probe(world.client, "status", f"--agent={POD4}:9911").returncode == 1
    environment = {"DRAINBOW_AGENT": f"{POD4}:9911"}
    assert run_probe(world.client, "status", environment=environment).returncode == 1
    assert run_probe(world.client, "status", "--timeout=300ms").returncode == 3
