"""The programs that the bench runs, and what the kernel tells about a process."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import time

APP_PORT = 8080  # outside the ephemeral range, so no client's own port looks like it
AGENT_PORT = 9911
PATIENCE = 20  # seconds for anything that is waited for

# What the machine has in its environment must not reach the agent.
CLEAN_ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("DRAINBOW_")}


class BenchFailed(Exception):
    """Something is wrong with the programs."""


class NotPossibleHere(Exception):
    """This machine does not allow so many connections."""


class Processes(contextlib.ExitStack):
    """Starts programs. They end with the block, or by the kernel's hand when this process dies."""

    def __init__(self, bin_dir):
        super().__init__()
        self.bin_dir = bin_dir

    def start(self, *argv, **popen):
        tied = ["setpriv", "--pdeathsig", "KILL", *map(str, argv)]
        # In a session of its own: a terminal's Ctrl-C is for this process, which ends the others.
        process = subprocess.Popen(
            tied, text=True, env=CLEAN_ENVIRONMENT, start_new_session=True, **popen
        )
        self.callback(end, process)
        return process

    def connections(self):
        return Connections(self)

    def agent(self, directory):
        return Agent(self, directory)


def end(process):
    """SIGTERM, or the end of its input, then SIGKILL."""
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    else:
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Connections:
    """Open connections to APP_PORT, both ends of them in here. See bench_connections.cc."""

    def __init__(self, processes):
        self._process = processes.start(
            processes.bin_dir / "bench_connections",
            APP_PORT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def grow_to(self, total):
        print(total, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        if answer != str(total):
            raise NotPossibleHere(f"no {total} connections here: {answer.removeprefix('no: ')}")

    def close(self):
        end(self._process)


class Agent:
    """A live drainbow-agent that counts APP_PORT, with one HTTP connection that stays open: a new
    one would move the counters that it watches."""

    def __init__(self, processes, directory):
        self._selection = directory / "selection"
        self.select("selected")
        self._log = directory / "agent.log"
        with self._log.open("w") as log:
            self._process = processes.start(
                processes.bin_dir / "drainbow-agent",
                f"--selection=file:{self._selection}",
                f"--state-dir={directory}",
                f"--count-ports={APP_PORT}",
                f"--listen=127.0.0.1:{AGENT_PORT}",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._http = http.client.HTTPConnection("127.0.0.1", AGENT_PORT, timeout=PATIENCE)
        self._wait_until_it_answers()

    @property
    def pid(self):
        return self._process.pid

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.get("/healthz")
            except OSError:
                self._http.close()
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise BenchFailed(f"the agent does not answer:\n{self._log.read_text()}")
                time.sleep(0.02)

    def select(self, state):
        fresh = self._selection.with_suffix(".new")
        fresh.write_text(state)
        fresh.rename(self._selection)

    def get(self, path):
        self._http.request("GET", path)
        return self._http.getresponse().read().decode()

    def wait_for(self, verdict, open_connections):
        """Until it says so, and has counted right."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status = json.loads(self.get("/status"))
            said = (status["verdict"], (status["connections"] or {}).get("open"))
            if said == (verdict, open_connections):
                return
            if time.monotonic() > deadline:
                raise BenchFailed(
                    f"the agent says {said}, not {(verdict, open_connections)}:\n{status}"
                )
            time.sleep(0.2)

    def full_samples(self):
        """So many times it has read the whole socket table."""
        pattern = r'^drainbow_samples_total\{method="(?!unchanged)[^"]*"\} (\d+)'
        return sum(map(int, re.findall(pattern, self.get("/metrics"), re.MULTILINE)))

    def memory(self):
        """MiB: RSS, PSS, the anonymous part of PSS (heap and stacks), the highest RSS so far."""
        rollup = proc_fields(f"/proc/{self.pid}/smaps_rollup")
        peak = proc_fields(f"/proc/{self.pid}/status")["VmHWM"]
        return [kib / 1024 for kib in (rollup["Rss"], rollup["Pss"], rollup["Pss_Anon"], peak)]

    def wake_ups(self):
        return sum(
            proc_fields(task / "status")["voluntary_ctxt_switches"] for task in self._tasks()
        )

    def cpu_seconds(self):
        """Exact, where utime and stime of /proc/PID/stat are in ticks of 10 ms."""
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self._tasks()) / 1e9

    def _tasks(self):
        return list(pathlib.Path(f"/proc/{self.pid}/task").iterdir())


def proc_fields(path):
    """The numbers of a /proc file with lines "Name: number [kB]"."""
    text = pathlib.Path(path).read_text()
    return {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+)", text, re.MULTILINE)}
