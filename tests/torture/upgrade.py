"""Versions under load: a notifyd of before begins, this one goes on with its directory, by stop, by kill -9 and by restart in place."""

import os
import shutil
import subprocess
import time

import rounds
from stage import Stage, end_with_parent


def by_kill(stage, become):
    stage.kill()
    become()
    stage.start()
    return "kill -9, then the next version"


def by_stop(stage, become):
    stage.stop()
    become()
    stage.start()
    return "SIGTERM, then the next version"


def in_place(stage, become):
    """Its file is another one by the time that it starts it."""
    become()
    stage.restart_in_place()
    return "restart in place into the next version"


WAYS = [by_kill, by_stop, in_place]


def format_of(directory):
    with open(os.path.join(directory, "FORMAT"), encoding="ascii") as file:
        return int(file.read().split("\n")[1].split(" ")[1])


def refused(stage):
    """What is wrong with how the version of before takes a store that is newer than it: it is to say so, and to change nothing."""
    done = subprocess.run([stage.before, "--data-dir", stage.data, "--listen", "127.0.0.1:0"], env=stage.environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, preexec_fn=end_with_parent)
    faults = []
    if done.returncode not in (1, 2):
        faults.append(("downgrade", f"exit code {done.returncode}"))
    if "the store has format" not in done.stderr or "reads up to format" not in done.stderr:
        faults.append(("downgrade", f"it is not said in words: {done.stderr[-1000:]}"))
    return faults


def upgrades(settings, seed, count):
    """So many stores, each begun by the version of before, under the mixed load, and gone on with by this one."""
    if not settings.before:
        return rounds.skipped("no earlier notifyd was named (--before)")
    outcome = rounds.Outcome()
    for number in range(count):
        if time.monotonic() > settings.deadline:
            break
        upgrade(settings, seed + number, WAYS[(seed + number) % len(WAYS)], outcome)
    return outcome


def upgrade(settings, seed, way, outcome):
    with Stage(settings.notifyd, seed, place=settings.fast) as stage:
        # Under one name, as a package puts the next version in place of the one before it.
        stage.before, stage.notifyd = settings.before, stage.path("notifyd")

        def become(binary=settings.notifyd):
            shutil.copy(binary, stage.notifyd + ".new")
            os.rename(stage.notifyd + ".new", stage.notifyd)

        become(settings.before)
        stage.start()
        stage.begin_load()
        # What it leaves has been through a start of its own, and has tables.
        for _ in range(stage.random.randint(1, 2)):
            stage.work(0.3, 2 * settings.work_s + 0.3)
            rounds.kill(stage)
        stage.work(0.3, 2 * settings.work_s + 0.3)
        was = format_of(stage.data)
        outcome.rounds[way(stage, become)] += 1
        for _ in range(2):
            stage.work(0.1, settings.work_s)
            rounds.kill(stage)
        outcome.judged(stage.verdict())
        stage.stop()
        if format_of(stage.data) > was:
            outcome.rounds["the version of before refuses the store"] += 1
            outcome.faults += refused(stage)
