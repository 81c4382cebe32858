#!/usr/bin/env python3
"""fuzz.py over targets that are shell scripts: what it adds up, in which order it runs them, and what it makes of one that fails."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Counts(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.evidence = self.path("evidence.md")
        with open(self.evidence, "w", encoding="utf-8") as file:
            file.write("before\n<!-- what make fuzz wrote -->\nold\n<!-- until here fuzz -->\nafter\n")

    def path(self, name):
        return os.path.join(self.place.name, name)

    def target(self, name, executions, code=0):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho {name} >> {self.path('order')}\necho 'stat::number_of_executed_units: {executions}' >&2\nexit {code}\n")

    def run_targets(self, *more):
        return subprocess.run([sys.executable, f"{HERE}/fuzz.py", "run", "--binaries", self.place.name, "--corpora", self.path("corpora"), "--state",
                               self.path("state.json"), "--seconds", "1", "--evidence", self.evidence, "--commit", "abc", *more, "cron_fuzz", "json_fuzz"],
                              capture_output=True, text=True)

    def test_runs_add_up_and_the_least_executed_goes_first(self):
        self.target("cron_fuzz", 1_000_000)
        self.target("json_fuzz", 50)
        self.assertEqual(self.run_targets().returncode, 0)
        self.assertEqual(self.run_targets("--kind", "plain").returncode, 0)
        with open(self.path("order"), encoding="utf-8") as file:
            self.assertEqual(file.read().split(), ["cron_fuzz", "json_fuzz", "json_fuzz", "cron_fuzz"])
        with open(self.path("state.json"), encoding="utf-8") as file:
            kinds = json.load(file)["cron_fuzz"]["kinds"]
        self.assertEqual([kinds[kind]["executions"] for kind in ("sanitized", "plain")], [1_000_000, 1_000_000])
        with open(self.evidence, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text)
        self.assertRegex(text, r"\| cron_fuzz \| 1,000,000 \|.*\| 1,000,000 \|.*\| 2 % \| \d{4}-\d\d-\d\d, abc \|")
        self.assertRegex(text, r"\| access_fuzz \| not run \|")

    def test_one_that_fails_is_said_and_kept_and_the_others_run(self):
        self.target("cron_fuzz", 7, code=77)
        self.target("json_fuzz", 8)
        done = self.run_targets()
        self.assertEqual(done.returncode, 1)
        self.assertIn("BROKEN cron_fuzz", done.stdout)
        with open(self.path("state.json"), encoding="utf-8") as file:
            state = json.load(file)
        self.assertEqual(len(state["cron_fuzz"]["found"]), 1)
        self.assertEqual(state["json_fuzz"]["kinds"]["sanitized"]["executions"], 8)


if __name__ == "__main__":
    unittest.main()
