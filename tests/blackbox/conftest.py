"""Fixtures: a world of namespaces, and agents in its pod. README.md tells how it works."""

import os
import pathlib
import resource

import pytest

# Before they are imported, so that their assertions show values too.
pytest.register_assert_rewrite("agent", "counting", "traffic", "world")

from agent import AGENT, Agent  # noqa: E402
from world import World  # noqa: E402


def pytest_configure(config):
    if not pathlib.Path(AGENT).is_file():
        pytest.exit(f"{AGENT} is not there: build it, or set DRAINBOW_BIN", returncode=1)
    # A connection is two descriptors here: the client's and the app's.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def why_no_namespaces():
    try:
        with World():
            return None
    except (RuntimeError, OSError) as error:
        return str(error)


@pytest.fixture(scope="session")
def namespaces_work():
    reason = why_no_namespaces()
    if reason is None:
        return
    message = f"network namespaces cannot be made here: {reason}"
    if os.environ.get("DRAINBOW_NO_SKIP") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def world(namespaces_work):
    with World() as made:
        yield made


@pytest.fixture
def launch(world, tmp_path):
    """launch(flag=value, ...) starts an agent in the pod; all are killed in the end."""
    agents = []

    def start(environment=None, wrapper=(), namespace=None, **flags):
        directory = tmp_path / f"agent-{len(agents)}"
        directory.mkdir()
        started = Agent(namespace or world.pod, directory, flags, environment, wrapper)
        agents.append(started)
        return started.start()

    yield start
    for started in agents:
        started.kill()
        print(f"--- log of {started.selection_file.parent.name}\n{started.log}")


@pytest.fixture
def draining(launch):
    """draining(flag=value, ...): an agent whose pod was selected and is no more."""
    return lambda **flags: launch(**flags).switched_away()
