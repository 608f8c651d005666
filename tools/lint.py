#!/usr/bin/env python3
"""Checks the format with clang-format, and every C++ file of the build with clang-tidy.

What clang-tidy found clean is not read again while all that it saw stays the same: the preprocessed
text with its comments, the command line, the configuration and the tool. Only hashes are kept, in
the user's cache, so that another clone profits too.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/asan"  # clang's own command lines
JOBS = int(os.environ.get("JOBS") or os.cpu_count())
CLEAN = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "drainbow-lint"
KEEP_DAYS = 30


def sources():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith(".") and f != "build"]
        yield from (os.path.join(folder, n) for n in sorted(names) if n.endswith((".cc", ".h")))


def compile_commands():
    for command in ("cmake --preset asan -DBUILD_TESTING=ON",
                    "cmake --build --preset asan --target drainbow_built_in_color"):
        subprocess.run(command.split(), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return json.loads((BUILD / "compile_commands.json").read_text())


def common_key():
    key = hashlib.sha256(subprocess.check_output(["clang-tidy-19", "--version"]))
    for configuration in sorted(ROOT.rglob(".clang-tidy")):
        key.update(configuration.read_bytes())
    return key


def key_of(entry, common):
    command = shlex.split(entry["command"])
    if "ccache" in command[0]:
        command = command[1:]
    command[command.index("-o") + 1] = "-"
    preprocess = [a for a in command if a != "-c"] + ["-E", "-P", "-C"]
    text = subprocess.run(preprocess, cwd=entry["directory"], check=True, stdout=subprocess.PIPE).stdout
    key = common.copy()
    key.update(" ".join(command).replace(str(ROOT), ".").encode())
    key.update(text)
    return key.hexdigest()


def tidy(entry, common):
    """Whether the file is clean, and what clang-tidy says if not."""
    seen_clean = CLEAN / key_of(entry, common)
    if seen_clean.exists():
        os.utime(seen_clean)
        return True, ""
    result = subprocess.run(["clang-tidy-19", "-p", BUILD, "--quiet", entry["file"]],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode == 0:
        seen_clean.touch()
        return True, ""
    return False, result.stdout or result.stderr


def forget_old():
    for kept in CLEAN.iterdir():
        if kept.stat().st_mtime < time.time() - KEEP_DAYS * 86400:
            kept.unlink(missing_ok=True)


def main():
    if subprocess.run(["clang-format-19", "--dry-run", "-Werror", *sources()], check=False).returncode:
        sys.exit("lint: clang-format-19 -i mends these")
    entries = compile_commands()
    CLEAN.mkdir(parents=True, exist_ok=True)
    common = common_key()
    unclean = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for clean, findings in pool.map(lambda entry: tidy(entry, common), entries):
            unclean += not clean
            if findings:
                print(findings, flush=True)
    forget_old()
    if unclean:
        sys.exit(f"lint: clang-tidy has findings in {unclean} of {len(entries)} files")
    print(f"lint: {len(entries)} files are clean")


if __name__ == "__main__":
    main()
