"""What of a pod only its node shows: a container's processes and memory, and its way to the API
server. For tests marked `node`."""

import contextlib
import os
import pathlib
import signal
import subprocess
from typing import NamedTuple

from cluster import STATE

# cgroup v1, cgroup v2.
ROOTS = (pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup"))


def container_status(pod, name):
    status = pod["status"]
    (found,) = (
        one
        for one in status["containerStatuses"] + status.get("initContainerStatuses", [])
        if one["name"] == name
    )
    return found


def cgroup(pod, name):
    """The directory of a container's memory cgroup."""
    id = container_status(pod, name)["containerID"].removeprefix("containerd://")
    for root in ROOTS:
        for found in (root / "drainbow-cluster").glob(f"**/{id}"):
            return found
    raise AssertionError(f"no cgroup of container {name} in pod {pod['metadata']['name']}")


def kill_container(pod, name):
    """SIGKILL to all of a container's processes, as the kernel does when memory runs out."""
    for pid in (cgroup(pod, name) / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


class Memory(NamedTuple):
    """In bytes."""

    now: int  # with page cache and kernel memory, as the limit has it
    peak: int
    anonymous: int


def memory(pod, name):
    directory = cgroup(pod, name)
    is_v2 = (directory / "memory.current").exists()
    now, peak, anonymous = (
        ("memory.current", "memory.peak", "anon")
        if is_v2
        else ("memory.usage_in_bytes", "memory.max_usage_in_bytes", "rss")
    )
    stat = dict(line.split() for line in (directory / "memory.stat").read_text().splitlines())
    read = [int((directory / file).read_text()) for file in (now, peak)]
    return Memory(*read, int(stat[anonymous]))


@contextlib.contextmanager
def cut_off(address):
    """Nothing passes between this pod and the API server, and neither of them is told."""
    tcp, drop = ["--protocol", "tcp"], ["--jump", "DROP"]
    rules = (
        ["INPUT", "--source", address, *tcp, "--dport=6443", *drop],
        ["OUTPUT", "--destination", address, *tcp, "--sport=6443", *drop],
    )
    with contextlib.ExitStack() as undo:
        for rule in rules:
            filter_packets("--insert", rule)
            undo.callback(filter_packets, "--delete", rule)
        yield


def filter_packets(action, rule):
    command = ["nsenter", f"--net={STATE / 'netns'}", "iptables", "--wait", action, *rule]
    subprocess.run(command, check=True)
