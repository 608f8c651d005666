"""Waiting for what happens, with a deadline and a name for it."""

import time


def until(holds, what, within=30, interval=0.1):
    """Polls until holds() is true, and returns that value; fails after `within` seconds, naming
    what was waited for."""
    deadline = time.monotonic() + within
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within} s for {what() if callable(what) else what}")
        time.sleep(interval)
