"""Power cuts under PostgreSQL's directory: what its last sync left is what it begins with again, and the broker, which lives on, goes on with that."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import rounds
from postgres import Database, Lone, programs
from stage import until

# So that its log is small beside the disk.
SETTINGS = ["max_wal_size=96MB", "min_wal_size=32MB"]


class Cut(Lone):
    """Its database's disk comes and goes: what is watched is the one that that lies on."""

    def __init__(self, watched, *arguments, **more):
        super().__init__(*arguments, **more)
        self.watched = watched


def on_loop_disk(settings, seed, schedules, library, work):
    """work(pair, database, disk) with PostgreSQL's directory on a loop disk; None, or why there is none. library: preloaded into PostgreSQL."""
    directory, database = tempfile.mkdtemp(prefix="torture-disk-", dir=settings.place), None
    # PostgreSQL is another user.
    os.chmod(directory, 0o711)
    disk = rounds.LoopDisk(directory)
    try:
        if disk.fault:
            return disk.fault
        database = Database(programs(), SETTINGS, place=disk.mount, preloaded=library)
        database.start()
        # What made the directory did not sync it.
        subprocess.run(["sync", "-f", disk.mount], check=True)
        with Cut(directory, [database], settings.notifyd, seed, load=["--schedules", str(schedules)], place=settings.fast) as pair:
            pair.start_at(0)
            until(lambda: pair.owns(0), "the broker owns the store")
            pair.begin_load()
            work(pair, database, disk)
    finally:
        if database:
            database.drop()
        disk.drop()
        shutil.rmtree(directory, ignore_errors=True)
    return None


def cut(pair, database, disk):
    """The load goes on for a moment, since what is acknowledged now must be kept, too; then the database's machine begins again."""
    disk.cut()
    time.sleep(pair.random.uniform(0, 0.2))
    database.stop_all(signal.SIGKILL)
    database.process.wait()

    def detached():
        disk.fault = None
        disk.detach()
        return not disk.fault

    until(detached, "nothing of the database is left")
    disk.attach()
    if disk.fault:
        raise RuntimeError(disk.fault)
    database.start()


def attacks(settings, seed, count):
    """Power cuts of the database's machine under load."""
    if not programs():
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome = rounds.Outcome()

    def work(pair, database, disk):
        for _ in range(count):
            if time.monotonic() > settings.deadline:
                break
            pair.work(0.2, 2 * settings.work_s)
            begun = time.monotonic()
            cut(pair, database, disk)
            pair.owner()
            pair.died("database", begun)
            outcome.rounds["power cut of PostgreSQL"] += 1
        outcome.judged(pair.verdict())

    fault = on_loop_disk(settings, seed, 1, None, work)
    return rounds.skipped(f"no loop mount here: {fault}") if fault else outcome


def control(settings, seed, count):
    """The negative control: a PostgreSQL whose syncs do nothing must lose what was acknowledged, and be seen to, or not begin again."""
    if not programs():
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome, directory = rounds.Outcome(), tempfile.mkdtemp(prefix="torture-control-", dir=settings.place)
    os.chmod(directory, 0o755)
    try:
        library = rounds.no_sync_library(directory)
        if not library:
            return rounds.skipped("no C compiler")
        for number in range(count):
            came = []
            fault = on_loop_disk(settings, seed + number, 0, library, lambda *stage, came=came: came.append(unsynced(*stage)))
            if fault:
                return rounds.skipped(f"no loop mount here: {fault}")
            outcome.rounds[f"power cut of PostgreSQL without sync, {came[0]}"] += 1
            if came[0] == "no loss seen":
                outcome.faults.append(("control", "PostgreSQL synced nothing, the power was cut, and the oracle saw no loss"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def unsynced(pair, database, disk):
    """What came of it."""
    pair.work(1, 2)
    begun = time.monotonic()
    try:
        cut(pair, database, disk)
    except RuntimeError as fault:
        if "PostgreSQL does not start" not in str(fault):
            raise
        pair.load.kill()
        return "it did not begin again"
    until(lambda: pair.owns(0) or pair.broker.poll() is not None, "the broker goes on, or stops")
    pair.work(1.5, 2.5)
    if pair.broker.poll() is not None:
        pair.start_at(0)
    pair.owner()
    pair.died("database", begun)
    return "loss seen" if any(rule == "I1" for rule, _ in pair.verdict()[0]) else "no loss seen"
