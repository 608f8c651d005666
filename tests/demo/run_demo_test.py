#!/usr/bin/python3
"""demo/run_demo with the real programs: run_demo_test.py RUN_DEMO BIN_DIR"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

RUN_DEMO, BIN_DIR = sys.argv.pop(1), sys.argv.pop(1)


class RunDemo(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.temporary = self.scratch / "tmp"
        self.temporary.mkdir()

    def start(self, bin_dir=BIN_DIR, **environment):
        """The demo; all that it starts carries a mark in its environment."""
        demo = subprocess.Popen(
            [RUN_DEMO, str(bin_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(self.temporary), **environment},
        )
        self.addCleanup(demo.stdout.close)
        self.addCleanup(demo.stderr.close)
        return demo

    def assert_nothing_left(self):
        self.assertEqual(list(self.temporary.iterdir()), [])
        mark = f"TMPDIR={self.temporary}".encode()
        for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                self.assertNotIn(mark, environment.read_bytes().split(b"\0"), environment)
            except OSError:
                pass  # gone meanwhile, or somebody else's

    def bin_dir_with(self, name, script):
        """BIN_DIR, with a script in place of one of its programs."""
        bin_dir = self.scratch / "bin"
        bin_dir.mkdir()
        for program in ("color-server", "drainbow-agent", "drainbow-probe"):
            (bin_dir / program).symlink_to(pathlib.Path(BIN_DIR).resolve() / program)
        (bin_dir / name).unlink()
        if script:
            (bin_dir / name).write_text("#!/bin/sh\n" + script)
            (bin_dir / name).chmod(0o755)
        return bin_dir

    def test_tells_the_whole_story(self):
        demo = self.start()
        out, err = demo.communicate(timeout=120)
        self.assertEqual(demo.returncode, 0, err)
        self.assertEqual(err, "")
        at = 0
        for words in (
            "agent says selected",
            "agent says standby",
            "client 5 reads: The color is #",
            "agent says draining: 5 open connections",
            "client 8 reads: The color is #",
            "its 5 clients still get their lines",
            "1 open connection on",
            "comes late",
            "agent says draining: quiet for",
            "agent says drained",
            "exit code 0, 'drained: ",
            "may go now.",
            "stopped",
            "its 3 clients got ",
        ):
            at = out.find(words, at)
            self.assertGreaterEqual(at, 0, f"'{words}' is missing in:\n{out}")
        self.assertNotIn("\x1b", out)
        self.assert_nothing_left()

    def test_a_signal_at_any_time_leaves_nothing_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for lines in (1, 2, 5, 9, 14):
                with self.subTest(signal=number, lines=lines):
                    demo = self.start()
                    for _ in range(lines):
                        demo.stdout.readline()
                    demo.send_signal(number)
                    _, err = demo.communicate(timeout=30)
                    self.assertEqual(demo.returncode, 128 + number)
                    self.assertEqual(err, "\nThe demo was interrupted.\n")
                    self.assert_nothing_left()

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        demo = self.start()
        demo.stdout.readline()
        demo.stdout.close()
        demo.wait(timeout=60)
        self.assertEqual(demo.stderr.read(), "")
        self.assertEqual(demo.returncode, 1)
        self.assert_nothing_left()

    def assert_fails(self, demo, *words):
        _, err = demo.communicate(timeout=60)
        self.assertEqual(demo.returncode, 1)
        for word in ("The demo failed. ", *words):
            self.assertIn(word, err)
        self.assertNotIn("Traceback", err)
        self.assert_nothing_left()

    def test_a_missing_program_is_named(self):
        bin_dir = self.bin_dir_with("drainbow-agent", None)
        self.assert_fails(self.start(bin_dir), "bin/drainbow-agent: No such file or directory")

    def test_a_program_that_ends_early_shows_its_log(self):
        bin_dir = self.bin_dir_with("drainbow-agent", "echo the reason why >&2; exit 1")
        self.assert_fails(
            self.start(bin_dir), "drainbow-agent ended before", "log of drainbow-agent", "reason why"
        )

    def test_a_bad_color_is_told_by_the_server(self):
        demo = self.start(DRAINBOW_COLOR="red")
        self.assert_fails(demo, "DRAINBOW_COLOR: 'red' is not exactly six hex digits")

    def test_a_probe_that_disagrees_is_a_failure(self):
        bin_dir = self.bin_dir_with("drainbow-probe", "echo no; exit 1")
        self.assert_fails(self.start(bin_dir), "drainbow-probe does not agree")

    def test_usage(self):
        for arguments in ([], ["--help"], ["a", "b"]):
            demo = subprocess.run([RUN_DEMO, *arguments], capture_output=True, text=True, check=False)
            self.assertEqual(demo.returncode, 2)
            self.assertIn("usage: run_demo BIN_DIR", demo.stderr)


if __name__ == "__main__":
    unittest.main()
