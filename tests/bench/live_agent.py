"""A live agent: its memory, what it costs while nothing happens, and how fast it answers."""

import pathlib
import shutil
import statistics
import subprocess
import time

from processes import AGENT_PORT, BenchFailed, NotPossibleHere
from report import Table, progress

REQUESTS = 50  # of /status and of /metrics each, before the memory is read
# The counters suffice for 30 s; then, at the latest, the agent reads the whole table again.
WINDOW, QUICK_WINDOW = 31, 1.5  # seconds
SETTLE, QUICK_SETTLE = 2.5, 1.2  # seconds until the ticks after a change are over

WRK_ROUNDS, WRK_SECONDS = 3, 3
QUICK_WRK_ROUNDS, QUICK_WRK_SECONDS = 1, 1
WRK_CONNECTIONS = 8


class LiveAgent:
    def __init__(self, processes, directory, quick):
        self._connections = processes.connections()
        self._agent = processes.agent(directory)
        self._processes = processes
        self._settle, self._window = (QUICK_SETTLE, QUICK_WINDOW) if quick else (SETTLE, WINDOW)
        self._quick = quick
        self._open = 0
        self.memory = Table(
            "Memory of the agent (MiB)",
            ["open", "when", "RSS", "PSS", "PSS, anonymous", "highest RSS"],
            labels=2,
            notes=[
                "PSS shares out the libraries' pages among the processes that use them now; RSS is",
                "what an agent takes that has nobody to share with.",
            ],
        )
        self.idle = Table(
            "The agent while nothing happens (tick 1 s)",
            ["open", "selection", "wake-ups/s", "CPU ms/min", "full samples", "seconds"],
            labels=2,
        )
        self.serving = Table(
            f"HTTP of the agent (wrk, keep-alive, {WRK_CONNECTIONS} connections, on this machine)",
            ["open", "path", "requests/s", "p50 ms", "p99 ms", "max ms", "errors"],
            labels=2,
        )

    def grow_to(self, number):
        progress(f"agent with {number} connections")
        if number:
            self._connections.grow_to(number)
        self._open = number
        self._agent.wait_for("selected", number)

    def close_connections(self):
        self._connections.close()
        self._open = 0
        self._agent.wait_for("selected", 0)

    def measure_memory(self, when):
        for _ in range(REQUESTS):
            self._agent.get("/status")
            self._agent.get("/metrics")
        time.sleep(self._settle)
        self.memory.add(self._open, when, *self._agent.memory())

    def measure_idle(self, selection, verdict):
        agent = self._agent
        agent.select(selection)
        agent.wait_for(verdict, self._open)
        time.sleep(self._settle)
        samples, begin = agent.full_samples(), time.monotonic()
        wake_ups, cpu = agent.wake_ups(), agent.cpu_seconds()
        time.sleep(self._window)
        wake_ups, cpu = agent.wake_ups() - wake_ups, agent.cpu_seconds() - cpu
        seconds, samples = time.monotonic() - begin, agent.full_samples() - samples
        self.idle.add(
            self._open, selection, wake_ups / seconds, cpu * 1000 / seconds * 60, samples, seconds
        )

    def measure_serving(self, paths):
        """In turns, as in counting."""
        rounds, seconds = (
            (QUICK_WRK_ROUNDS, QUICK_WRK_SECONDS) if self._quick else (WRK_ROUNDS, WRK_SECONDS)
        )
        runs = {path: [] for path in paths}
        for _ in range(rounds):
            for path in paths:
                runs[path].append(self._wrk(path, seconds))
        for path in paths:
            *rates, errors = zip(*runs[path])
            self.serving.add(
                self._open, path, *(statistics.median(values) for values in rates), sum(errors)
            )

    def _wrk(self, path, seconds):
        """Requests per second; p50, p99 and highest latency in ms; socket errors."""
        wrk = self._processes.start(
            *["wrk", "--threads=1", f"--connections={WRK_CONNECTIONS}", f"--duration={seconds}s"],
            f"--script={pathlib.Path(__file__).with_name('wrk_figures.lua')}",
            f"http://127.0.0.1:{AGENT_PORT}{path}",
            stdout=subprocess.PIPE,
        )
        output = wrk.communicate()[0]
        if wrk.returncode != 0:
            raise BenchFailed(f"wrk failed:\n{output}")
        requests, microseconds, *latencies, errors = map(int, output.splitlines()[-1].split())
        return requests / microseconds * 1e6, *(us / 1000 for us in latencies), errors


def bench(processes, report, directory, quick):
    live = LiveAgent(processes, directory, quick)
    live.grow_to(0)
    live.measure_memory("no connections yet")

    live.grow_to(10_000)
    live.measure_idle("deselected", "draining")
    live.measure_idle("selected", "selected")
    live.measure_memory("after both and requests")
    if shutil.which("wrk"):
        live.measure_serving(["/drained", "/metrics"])
        live.measure_memory("after wrk")
    else:
        report.skip("HTTP of the agent: wrk is not installed")

    if not quick:
        try:
            live.grow_to(100_000)
            live.measure_idle("selected", "selected")
            live.measure_memory("after that and requests")
        except NotPossibleHere as reason:
            report.skip(f"the agent: {reason}")
        live.close_connections()
        live.measure_memory("all closed")

    for table in (live.serving, live.idle, live.memory):
        if table.rows:
            report.show(table)
