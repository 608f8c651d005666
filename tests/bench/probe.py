"""drainbow-probe, which may be an exec hook in a container with next to no CPU: start-up, size."""

import os
import statistics
import time

from processes import CLEAN_ENVIRONMENT
from report import Table, progress

ROUNDS, QUICK_ROUNDS = 101, 11


def bench(processes, report, quick):
    probe = processes.bin_dir / "drainbow-probe"
    if not probe.exists():
        report.skip("drainbow-probe: not in BIN_DIR")
        return
    progress("drainbow-probe")
    # The agent of the part before is alive: the probe asks it and exits. `true` is what any program
    # costs that is linked against libc alone.
    commands = {
        "drainbow-probe drained": [str(probe), "drained"],
        "true": ["/bin/true"],
    }
    runs = {name: [] for name in commands}
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for name, argv in commands.items():
            runs[name].append(time_of(argv))
    table = Table(
        "Start to exit of the probe, which asks the live agent",
        ["program", "wall ms", "CPU ms", "size KiB"],
        labels=1,
    )
    for name, argv in commands.items():
        medians = map(statistics.median, zip(*runs[name]))
        table.add(name, *medians, os.stat(argv[0]).st_size / 1024)
    report.show(table)


def time_of(argv):
    """Wall and CPU ms."""
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    begin = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, CLEAN_ENVIRONMENT, file_actions=nowhere)
    _, _, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000
