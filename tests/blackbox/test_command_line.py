"""The command line and the environment: a mistake is told in one line, at once."""

import json
import re
import socket
import subprocess

import pytest

from agent import AGENT, CLEAN_ENVIRONMENT, PROBE
from traffic import App


def run(*argv, environment=None):
    return subprocess.run(
        [AGENT, *argv],
        capture_output=True,
        text=True,
        timeout=5,
        env={**CLEAN_ENVIRONMENT, **(environment or {})},
    )


SELECTION = "--selection=file:/nowhere/selection"

WRONG = [
    ("listen", "9911"),
    ("listen", "[::]:70000"),
    ("listen", "localhost:9911"),
    ("listen", "1.2.3.4.5:80"),
    ("listen", ""),
    ("count-ports", "http"),
    ("count-ports", ""),
    ("count-ports", "0"),
    ("count-ports", "80,65536"),
    ("count-ports", "8080-8090"),
    ("ignore-ports", "-1"),
    ("ignore-ports", "9090;9091"),
    ("ignore-peers", "10.0.0.0/33"),
    ("ignore-peers", "10.0.0.1/8"),
    ("ignore-peers", "everyone"),
    ("ignore-peers", "fd00::/129"),
    ("ignore-loopback", "maybe"),
    ("ignore-udp", "some"),
    ("ignore-udp", "70000"),
    ("accept-proc", "2"),
    ("node-ips", "node-1"),
    ("node-ips", "10.0.0.0/8"),
    ("threshold", "-1"),
    ("threshold", "many"),
    ("threshold", "1.5"),
    ("threshold", "99999999999999999999"),
    ("quiet-period", "30"),
    ("quiet-period", "-30s"),
    ("quiet-period", "30 parsecs"),
    ("quiet-period", "0s"),
    ("quiet-period", "9999999999999999h"),
    ("transient-age", "soon"),
    ("tick", "0ms"),
    ("tick", "1h"),
    ("tick", ""),
    ("selection", "selected"),
    ("selection", "file:"),
    ("selection", ""),
    ("prestop-min", "ten"),
    ("prestop-timeout", "1y"),
    ("log-level", "loud"),
    ("log-format", "xml"),
]


def one_line(done):
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert len(lines[0]) < 300 and done.stdout == ""
    return lines[0]


@pytest.mark.parametrize(("flag", "text"), WRONG)
def test_a_wrong_value_of_a_flag(flag, text):
    """A typing error would be ignored, or its message would not say what to write instead."""
    done = run(SELECTION, f"--{flag}={text}")
    assert done.returncode == 2, done
    line = one_line(done)
    assert f"--{flag}" in line and f"'{text}'" in line
    assert re.search(r"such as|from \d|between|neither|one of|accepted|, write|; write", line), line


@pytest.mark.parametrize(("flag", "text"), WRONG)
def test_a_wrong_value_in_the_environment(flag, text):
    """The same mistake in a manifest's env would be ignored, or blamed on the wrong name."""
    variable = "DRAINBOW_" + flag.upper().replace("-", "_")
    flags = [] if flag == "selection" else [SELECTION]
    done = run(*flags, environment={variable: text})
    assert done.returncode == 2, done
    line = one_line(done)
    assert variable in line or f"--{flag}" in line


@pytest.mark.parametrize(
    "argv",
    [
        ["--count-port=80"],
        ["--nonsense"],
        ["-x"],
        ["drained"],
        ["--tick"],
        ["--count-ports=8080", "--ignore-ports=8080"],
        ["--count-ports=9911"],
        ["--prestop-min=30s", "--prestop-timeout=20s"],
    ],
    ids=" ".join,
)
def test_flags_that_make_no_sense(argv):
    """A manifest with a mistake would run, and count something else."""
    done = run(SELECTION, *argv)
    assert done.returncode == 2, done
    assert argv[-1].split("=")[0].strip("-") in one_line(done) or "prestop" in one_line(done)


IN_A_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
POD_FLAGS = ["--pod-namespace=shop", "--labels-file=/labels"]


@pytest.mark.parametrize(
    ("argv", "environment", "message"),
    [
        ([], {}, "--selection: is required outside a pod; accepted are kubernetes and file:PATH"),
        (POD_FLAGS[1:], IN_A_POD, "--pod-namespace: is required by --selection kubernetes"),
        (POD_FLAGS[:1], IN_A_POD, "--labels-file: is required by --selection kubernetes"),
        (
            ["--selection=kubernetes", *POD_FLAGS],
            {},
            "--selection kubernetes: KUBERNETES_SERVICE_HOST is not set, as it is in every pod",
        ),
        (
            POD_FLAGS,
            {**IN_A_POD, "KUBERNETES_SERVICE_PORT": "tcp://10.96.0.1:443"},
            "KUBERNETES_SERVICE_PORT: 'tcp://10.96.0.1:443' is not a port from 1 to 65535",
        ),
    ],
)
def test_what_watching_kubernetes_needs(argv, environment, message):
    """A pod without its downward API would wait for a selection that never comes."""
    done = run(*argv, environment=environment)
    assert done.returncode == 2, done
    assert message in one_line(done)


def test_help_is_complete():
    """Nobody could find a flag, its variable or its default."""
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    flags = (
        "listen count-ports ignore-ports ignore-peers ignore-loopback ignore-udp accept-proc "
        "node-ips pod-name pod-namespace pod-uid threshold quiet-period transient-age tick "
        "selection service-account-dir color-label labels-file state-dir prestop-min prestop-timeout log-level log-format"
    ).split()
    for flag in flags:
        assert re.search(rf"--{flag}\b", done.stdout), flag
        variable = "DRAINBOW_" + flag.upper().replace("-", "_")
        assert variable in done.stdout, variable
        assert not variable.endswith(("_PORT", "_HOST"))
    documented = set(re.findall(r"^\s+--([a-z-]+)", done.stdout, re.MULTILINE))
    assert documented <= set(flags) | {"help", "version"}


def test_version():
    """Nobody could tell which agent runs."""
    done = run("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_help_goes_before_everything():
    """Somebody whose environment is wrong could not read what is right."""
    assert run("--help", environment={"DRAINBOW_TICK": "never"}).returncode == 0


def test_port_in_use(world, launch):
    """A second agent in the pod would end without a word, or never."""
    App(world.pod, port=9911)
    done = world.pod.run(AGENT, SELECTION, check=False, timeout=5)
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert "9911" in lines[-1] and re.search("in use", lines[-1])


def test_address_of_another(world, launch):
    """The same with an address that the pod does not have."""
    done = world.pod.run(AGENT, SELECTION, "--listen=192.0.2.1:9911", check=False, timeout=5)
    assert done.returncode == 1 and "192.0.2.1:9911" in done.stderr.strip().splitlines()[-1]


def test_variables_set_what_flags_set(world, launch):
    """Manifests that configure by env would be ignored, or go before the command line."""
    environment = {"DRAINBOW_THRESHOLD": "7", "DRAINBOW_QUIET_PERIOD": "5m"}
    agent = launch(environment=environment, quiet_period=None, threshold="3")
    status = agent.status()
    assert status["quiet_period"] == 300 and status["threshold"] == 3


def test_a_service_named_drainbow_is_harmless(world, launch):
    """Kubernetes injects DRAINBOW_PORT and others into every pod: all agents would end."""
    injected = {
        "DRAINBOW_PORT": "tcp://1.2.3.4:80",
        "DRAINBOW_PORT_80_TCP": "tcp://1.2.3.4:80",
        "DRAINBOW_PORT_80_TCP_ADDR": "1.2.3.4",
        "DRAINBOW_PORT_80_TCP_PORT": "80",
        "DRAINBOW_PORT_80_TCP_PROTO": "tcp",
        "DRAINBOW_SERVICE_HOST": "1.2.3.4",
        "DRAINBOW_SERVICE_PORT": "80",
    }
    agent = launch(environment=injected)
    assert agent.status()["verdict"] in ("unknown", "selected")
    done = subprocess.run([PROBE, "--help"], env={**CLEAN_ENVIRONMENT, **injected}, timeout=5)
    assert done.returncode == 0


def test_falls_back_to_ipv4(world, launch):
    """Agents on nodes without IPv6 would not start."""
    world.pod.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
    agent = launch()
    assert agent.status()["agent"]["version"]


@pytest.mark.parametrize("address", ["127.0.0.1:9911", "0.0.0.0:9911", ":9911", "[::]:9911"])
def test_listen_addresses(world, launch, address):
    """One of the documented forms would not work."""
    agent = launch(listen=address)
    assert agent.get("/healthz").status == 200


def test_json_log(world, launch):
    """Log pipelines would choke."""
    agent = launch(log_format="json")
    agent.select()
    agent.wait_for_verdict("selected")
    lines = agent.log.strip().splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict)


def test_closed_standard_error_does_no_harm(world, launch):
    """An agent whose log cannot be written would end."""
    agent = launch(wrapper=("sh", "-c", 'exec "$@" 2>&-', "sh"))
    agent.select()
    agent.wait_for_verdict("selected")
    assert isinstance(agent.connection(), socket.socket)
