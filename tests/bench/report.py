"""What the bench prints: the machine, then tables; the same figures as TSV on demand."""

import os
import pathlib
import platform
import re
import sys

from processes import BenchFailed


def progress(text):
    print(f"run_bench: {text}", file=sys.stderr, flush=True)


def for_people(cell):
    """Text as it is, whole numbers in full, others with three digits."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    if cell >= 100:
        return f"{cell:,.0f}"
    digits = 1 if cell >= 10 else 2 if cell >= 1 else 3
    return f"{cell:.{digits}f}"


class Table:
    """`labels`: so many of the first columns name a row; the others are figures."""

    def __init__(self, title, columns, labels, notes=()):
        self.title = title
        self.columns = columns
        self.labels = labels
        self.notes = notes
        self.rows = []

    def add(self, *cells):
        self.rows.append(cells)

    def text(self):
        lines = [self.columns, *([for_people(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines)]
        is_text = [all(isinstance(row[i], str) for row in self.rows) for i in range(len(widths))]
        printed = []
        for line in lines:
            cells = zip(line, widths, is_text)
            printed.append("  ".join(c.ljust(w) if text else c.rjust(w) for c, w, text in cells))
        return "\n".join(["", self.title, *self.notes, "", *map(str.rstrip, printed)])

    def tsv(self):
        """Lines of table, row, column, value."""
        lines = []
        for row in self.rows:
            name = " / ".join(str(cell) for cell in row[: self.labels])
            for column, cell in list(zip(self.columns, row))[self.labels :]:
                value = f"{cell:.6g}" if isinstance(cell, float) else cell
                lines.append(f"{self.title}\t{name}\t{column}\t{value}")
        return lines


class Report:
    def __init__(self, tsv):
        self._path = tsv
        self._tsv = ["table\trow\tcolumn\tvalue"]
        self._skipped = []

    def machine(self, quick):
        facts = {
            "kernel": platform.release(),
            "CPU": f"{len(os.sched_getaffinity(0))} x {cpu_model()}",
            "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
            "TCP hash buckets": hash_buckets(),
            "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        }
        print("drainbow bench" + (" --quick: too short for figures to rely on" if quick else ""))
        for name, value in facts.items():
            print(f"  {name + ':':18}{value}")
        self._tsv += [f"machine\t\t{name}\t{value}" for name, value in facts.items()]

    def show(self, table):
        print(table.text(), flush=True)
        self._tsv += table.tsv()

    def skip(self, what):
        """Says so loudly; a failure with DRAINBOW_NO_SKIP=1, for whoever must know that all ran."""
        if os.environ.get("DRAINBOW_NO_SKIP") == "1":
            raise BenchFailed(f"skipping is not allowed here: {what}")
        print(f"\n!!! SKIPPED, so NOT MEASURED: {what}", flush=True)
        self._skipped.append(f"skipped\t\t\t{what}")

    def end(self):
        if self._path:
            self._path.write_text("\n".join(self._tsv + self._skipped) + "\n")


def cpu_model():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^(?:model name|Model|uarch)\s*:\s*(.*)", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def hash_buckets():
    """Of the table of established sockets, which a dump walks whole. Negative in a namespace that
    shares the machine's (tcp_ehash_entries in Documentation/networking/ip-sysctl.rst)."""
    try:
        number = int(pathlib.Path("/proc/sys/net/ipv4/tcp_ehash_entries").read_text())
    except OSError:  # before Linux 6.1
        return "not visible"
    return f"{-number:,}, shared with the machine" if number < 0 else f"{number:,}"
