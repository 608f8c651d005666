"""One exact count of a port's connections, by each method in turn. See counting_methods.cc."""

import collections
import statistics
import subprocess

from processes import APP_PORT, BenchFailed, NotPossibleHere
from report import Table, progress

ROUNDS = {1_000: 31, 10_000: 15, 100_000: 7}  # connections: rounds
QUICK_ROUNDS = {1_000: 5, 10_000: 3}

NOTES = [
    "Medians of interleaved rounds (A B C A B C ...): all meet the same machine. Each must give",
    "the same exact count. CPU is user and system, children's too. ss is the whole command",
    f"  ss -Htn state established sport = :{APP_PORT} | wc -l",
    "with the start of sh, ss and wc. Both ends of each connection are in this namespace: ss has",
    "the kernel pick the port and reads N rows, the dumps and /proc show 2 N. The counters show",
    "that the last count still holds. Ratio: ss / method, so more is cheaper.",
]


def bench(processes, report, quick):
    table = Table(
        "One count",
        ["open", "method", "CPU ms", "min", "max", "wall ms", "CPU ratio", "wall ratio"],
        labels=2,
        notes=NOTES,
    )
    connections = processes.connections()
    for number, rounds in (QUICK_ROUNDS if quick else ROUNDS).items():
        progress(f"counting {number} connections, {rounds} rounds")
        try:
            connections.grow_to(number)
        except NotPossibleHere as reason:
            report.skip(f"counting: {reason}")
            break
        add_rows(table, number, measure(processes, number, rounds))
    connections.close()
    report.show(table)


def measure(processes, number, rounds):
    """For each method its CPU and its wall times in ms."""
    counting = processes.start(
        processes.bin_dir / "bench_counting", APP_PORT, number, rounds, stdout=subprocess.PIPE
    )
    output = counting.communicate()[0]
    if counting.returncode != 0:
        raise BenchFailed(f"counting {number} connections failed")
    costs = collections.defaultdict(lambda: ([], []))
    for line in output.splitlines():
        method, cpu, wall = line.split("\t")
        costs[method][0].append(float(cpu) * 1000)
        costs[method][1].append(float(wall) * 1000)
    return costs


def add_rows(table, number, costs):
    medians = {m: [statistics.median(times) for times in both] for m, both in costs.items()}
    yardstick = next(m for m in medians if m.startswith("ss "))
    for method, (cpu, wall) in medians.items():
        spread = min(costs[method][0]), max(costs[method][0])
        ratios = medians[yardstick][0] / cpu, medians[yardstick][1] / wall
        table.add(number, method, cpu, *spread, wall, *ratios)
