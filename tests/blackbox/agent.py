"""drainbow-agent as a process in a pod's network namespace, and what it answers over HTTP."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time
from typing import NamedTuple

from world import until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("DRAINBOW_BIN") or REPOSITORY / "build/release/bin")
AGENT = str(BINARIES / "drainbow-agent")
PROBE = str(BINARIES / "drainbow-probe")
PORT = 9911

# What the machine that runs the tests has in its environment must not reach the agent.
CLEAN_ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("DRAINBOW_")}


class Answer(NamedTuple):
    status: int
    headers: dict
    body: str

    @property
    def document(self):
        return json.loads(self.body)


class Series(NamedTuple):
    name: str
    labels: tuple  # of (name, value), sorted


class Agent:
    """One run of the agent after another: `stop`, `kill` and `start` keep selection and state."""

    def __init__(
        self, namespace, directory, flags, environment=None, wrapper=(), log_name="agent.log"
    ):
        self.namespace = namespace
        self.selection_file = directory / "selection"
        self.state_dir = directory / "state"
        self.state_dir.mkdir(exist_ok=True)
        self.flags = {
            "pod-name": "app-1",
            "pod-namespace": "shop",
            "pod-uid": "uid-1",
            "selection": f"file:{self.selection_file}",
            "state-dir": self.state_dir,
            "quiet-period": "1s",
            "tick": "100ms",
            **{name.replace("_", "-"): value for name, value in flags.items()},
        }
        self._environment = {**CLEAN_ENVIRONMENT, **(environment or {})}
        self._wrapper = wrapper
        self.binary = AGENT
        self._log_path = directory / log_name
        self._process = None

    # The process.

    def start(self, **flags):
        self.flags.update({name.replace("_", "-"): value for name, value in flags.items()})
        argv = [f"--{name}={value}" for name, value in self.flags.items() if value is not None]
        with self._log_path.open("a") as log:
            self._process = subprocess.Popen(
                self.namespace.command(*self._wrapper, self.binary, *argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        until(self._answers, "the agent to answer", 10, interval=0.02)
        until(lambda: self.status()["connections"], "its first sample", 10, interval=0.02)
        return self

    def _answers(self):
        if self._process.poll() is not None:
            raise AssertionError(f"the agent ended with {self._process.returncode}:\n{self.log}")
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout):
        return self._process.wait(timeout)

    def stop(self, within=1):
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(within)

    def kill(self):
        if self.running:
            self.signal(signal.SIGKILL)
            self.wait(10)

    @property
    def log(self):
        return self._log_path.read_text() if self._log_path.exists() else ""

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # What the cluster would tell it.

    def select(self, text="selected"):
        """As kubelet updates a volume: a new file in the place of the old one."""
        fresh = self.selection_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.selection_file)

    def deselect(self):
        self.select("deselected")

    def switched_away(self):
        """Selected once, then not any more: the state in which draining is judged."""
        self.select()
        self.wait_for_verdict("selected")
        self.deselect()
        self.wait_for(lambda status: status["selection"]["state"] == "deselected")
        return self

    # What it answers.

    def connection(self, timeout=20):
        """A plain TCP connection to it, from inside the pod."""
        plain = self.namespace.connect("127.0.0.1", PORT)[0]
        plain.settimeout(timeout)
        return plain

    def get(self, target, method="GET", timeout=20, headers=None):
        client = http.client.HTTPConnection("agent")
        client.sock = self.connection(timeout)
        with client.sock:
            client.request(method, target, headers=headers or {})
            response = client.getresponse()
            return Answer(response.status, dict(response.headers), response.read().decode())

    def status(self):
        answer = self.get("/status")
        assert answer.status == 200, answer
        return answer.document

    def drained(self):
        """The verdict of /drained, after a check that code and document agree."""
        answer = self.get("/drained")
        verdict = answer.document["verdict"]
        assert answer.status == (200 if verdict == "drained" else 503), answer
        return verdict

    def metrics(self):
        answer = self.get("/metrics")
        assert answer.status == 200, answer
        return parse_metrics(answer.body)

    def wait_for(self, predicate, within=10):
        """The first document for which the predicate holds."""
        seen = {}

        def holds():
            seen["document"] = self.status()
            return predicate(seen["document"])

        until(holds, lambda: f"a document; the last was {json.dumps(seen['document'])}", within)
        return seen["document"]

    def wait_for_verdict(self, verdict, reason=None, within=10):
        return self.wait_for(
            lambda status: status["verdict"] == verdict
            and (reason is None or reason in codes(status)),
            within,
        )

    def never(self, predicate, during):
        """Watches for `during` seconds that no document fulfils the predicate."""
        end = time.monotonic() + during
        while time.monotonic() < end:
            status = self.status()
            assert not predicate(status), json.dumps(status)
            time.sleep(0.02)


def codes(status):
    return [reason["code"] for reason in status["reasons"]]


def message_of(status, code):
    """The text of the one reason with this code."""
    (message,) = (one["message"] for one in status["reasons"] if one["code"] == code)
    return message


def is_drained(status):
    return status["verdict"] == "drained"


SAMPLE_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def parse_metrics(text):
    """The text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats)."""
    assert text.endswith("\n")
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"two TYPE lines of {name}"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            types[name] = kind
        elif line.startswith("# HELP ") or not line:
            continue
        else:
            match = SAMPLE_LINE.fullmatch(line)
            assert match, f"no sample line: {line!r}"
            name, labels, value = match.groups()
            pairs = LABEL.findall(labels or "")
            assert ",".join(f'{k}="{v}"' for k, v in pairs) == (labels or "").rstrip(","), line
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in types or family in types, f"{name} has no TYPE"
            series = Series(name, tuple(sorted(pairs)))
            assert series not in values, f"twice: {series}"
            values[series] = float(value)
    return values


def value(metrics, name, **labels):
    return metrics[Series(name, tuple(sorted(labels.items())))]


def run_probe(namespace, *argv, environment=None, timeout=20):
    return subprocess.run(
        namespace.command(PROBE, *argv),
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**CLEAN_ENVIRONMENT, **(environment or {})},
    )
