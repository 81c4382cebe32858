"""The rounds: each form is a series of attacks on a broker under load, judged in the end by the oracle.

A form is a function of (settings, seed, rounds): it makes so many rounds, and gives an Outcome. settings: notifyd (path of the binary), place, fast
(where directories are made, on a disk and in memory), work_s (seconds of load between two attacks, at most), deadline (monotonic; a series ends its
rounds there).
"""

import ctypes
import fcntl
import glob
import os
import shutil
import signal
import struct
import subprocess
import time
from collections import Counter

import history
from bodies import judge_stored, submitted_sums
from checker import judge_backup
from stage import STOP_GRACE_S, SYNC_WINDOW_S, Stage, until

# EXT4_IOC_SHUTDOWN, and its flag that the journal is not written out first: what is on the disk is what a power cut leaves.
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
CLONE_NEWNS = 0x20000


# What the table of evidence says of an oracle's counts, in this order; of some the greatest stands for all.
SHOWN = {
    "acknowledged": "acknowledged",
    "arrived": "calls",
    "repeated": "repeats",
    "runs": "runs of schedules",
    "oldest repeat ms": "ms before a death ended the oldest that was repeated",
    "latest ms": "ms at most that something due was left",
    "breakers": "times a breaker opened",
    "leases lost": "leases lost to a busy machine",
    "late ones": "of a stopped broker came late",
    "slow clients": "slow clients at most",
    "descriptors at most": "descriptors at most",
    "p99 ms without": "ms p99 of another client's submits without them",
    "p99 ms beside them": "ms beside them",
    "p99 percent": "% of it at the median of the rounds",
    "MiB more than before": "MiB more than before",
    "commits p99 ms": "ms p99 of commits beside an open transaction",
    "commits p99 ms without": "ms without one",
    "due p99 ms": "ms p99 late of what was due",
    "due p99 ms without": "ms without one",
    "reads p99 ms": "ms p99 of reads",
    "reads p99 ms without": "ms without one",
    "MiB under it": "MiB of tables at its end",
    "MiB without it": "MiB without one",
    "MiB once it had ended": "MiB thereafter",
    "s until the size was back": "s until then",
    "MiB of one broker": "MiB of one broker",
    "KiB more over the last half": "KiB more over the last half",
    "commits p99 ms, first half": "ms p99 of commits in the first half",
    "commits p99 ms, last half": "ms in the last",
    "due p99 ms, first half": "ms p99 late in the first half",
    "due p99 ms, last half": "ms in the last",
    "reads p99 ms, first half": "ms p99 of reads in the first half",
    "reads p99 ms, last half": "ms in the last",
}
# Of these the sum says something; of all others the greatest.
ADDED = {"acknowledged", "late ones", "leases lost", "breakers", "arrived", "repeated", "runs", "submitted", "deaths"}


class Outcome:
    """What a series came to: how many rounds of which kind, what the oracle counted, and what it found."""

    def __init__(self):
        self.rounds, self.counts, self.faults, self.skipped = Counter(), Counter(), [], None

    def judged(self, verdict):
        faults, counts = verdict
        self.faults += faults
        for word, n in counts.items():
            self.counts[word] = self.counts[word] + n if word in ADDED else max(self.counts[word], n)
        return self


def skipped(why):
    outcome = Outcome()
    outcome.skipped = why
    return outcome


def series(stage, settings, rounds, acts, outcome):
    """So many rounds, each by one of the acts (function, weight), which gives its name."""
    functions, weights = zip(*acts)
    for _ in range(rounds):
        if time.monotonic() > settings.deadline:
            break
        stage.work(0.02, settings.work_s)
        outcome.rounds[stage.random.choices(functions, weights)[0](stage)] += 1


# ---- ends of the process


def kill(stage):
    stage.kill()
    stage.start()
    return "kill -9"


def kill_in_recovery(stage):
    stage.kill()
    for _ in range(stage.random.randint(1, 3)):
        stage.start(wait=False)
        time.sleep(stage.random.uniform(0, 0.15))
        stage.kill()
    stage.start()
    return "kill -9 inside recovery"


def restart(stage):
    stage.restart_in_place()
    return "restart in place"


def kill_in_restart(stage):
    begun = time.monotonic()
    stage.broker.send_signal(signal.SIGUSR1)
    time.sleep(stage.random.uniform(0, 0.4))
    stage.kill()
    # It may have got as far as its next life before.
    stage.killer.add("dead", t=begun, until=time.monotonic(), how="restart", window=0, grace=STOP_GRACE_S)
    stage.start()
    return "kill -9 during a restart in place"


def term(stage):
    stage.stop()
    stage.start()
    return "SIGTERM"


def kill_in_term(stage):
    begun = time.monotonic()
    stage.broker.send_signal(signal.SIGTERM)
    time.sleep(stage.random.uniform(0, 0.2))
    if stage.broker.poll() is None:
        stage.kill()
    stage.killer.add("dead", t=begun, until=time.monotonic(), how="term", window=0, grace=STOP_GRACE_S)
    stage.start()
    return "kill -9 during SIGTERM"


ENDS = [(kill, 50), (kill_in_recovery, 22), (restart, 8), (kill_in_restart, 8), (term, 5), (kill_in_term, 7)]


def place_of(settings, seed):
    """In memory, now and then on the disk, whose syncs take their time."""
    return settings.place if seed % 4 == 0 else settings.fast


def kills(settings, seed, rounds):
    """kill -9 at random moments and inside recovery, restarts in place, orderly stops, under the mixed load."""
    outcome = Outcome()
    threads = ["--io-threads", "2", "--shards", "2"] if seed % 2 else []
    with Stage(settings.notifyd, seed, threads, place=place_of(settings, seed)) as stage:
        stage.start()
        stage.begin_load()
        series(stage, settings, rounds, ENDS, outcome)
        return outcome.judged(stage.verdict())


# ---- backups

# Of so many in a backup the bodies are looked at.
LOOKED_AT = 200


def backups(settings, seed, rounds):
    """Backups under load, kill -9 in the middle of some; each is restored, and has what was acknowledged before it began."""
    outcome, made = Outcome(), []
    with Stage(settings.notifyd, seed, place=settings.fast) as stage:
        stage.start()
        stage.begin_load()
        for number in range(rounds):
            stage.work(0.1, settings.work_s)
            name, begun = f"b{number}", time.monotonic()
            if stage.call("POST", "/v1/backups", {"name": name})[0] != 202:
                outcome.faults.append(("backup", f"{name} was refused"))
            if stage.random.random() < 0.4:
                time.sleep(stage.random.uniform(0, 0.1))
                kill(stage)
                outcome.rounds["kill -9 during a backup"] += 1
            else:
                made_of = until(lambda: ended_backup(stage, name), "the backup ends")
                if made_of["state"] != "done":
                    outcome.faults.append(("backup", f"{name} is {made_of}"))
            if os.path.isdir(stage.path(f"backup/{name}")):
                made.append((name, begun))
        outcome.judged(stage.verdict())
        stage.stop()
        asked = history.read(stage.path("submitter"))
        for name, begun in made:
            outcome.rounds["backup restored"] += 1
            outcome.faults += restored(stage, name, begun, asked)
    return outcome


def ended_backup(stage, name):
    report = stage.get(f"/v1/backups/{name}")
    return report if report["state"] != "running" else None


def restored(stage, name, begun, asked):
    """Restores a backup beside the store, with all lanes paused, and judges what is in it."""
    beside = stage.path("restored")
    shutil.rmtree(beside, ignore_errors=True)
    done = subprocess.run([stage.notifyd, "restore", stage.path(f"backup/{name}"), "--data-dir", beside, "--pending", "pause"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, env=stage.environment)
    if done.returncode != 0:
        return [("backup", f"{name} is not restored: {done.stderr}")]
    stage.data, kept = beside, stage.data
    try:
        stage.start()
        listed = {ns: stage.listed(ns) for ns in stage.spaces()}
        faults = judge_backup(asked, begun, listed) + restored_bodies(stage, listed, asked)
        stage.stop()
    finally:
        stage.data = kept
    return faults


def restored_bodies(stage, listed, asked):
    """What is wrong with the bodies of some, wherever they came from."""
    submitted, faults = submitted_sums(asked), []
    known = [(ns, entry["id"]) for ns, items in listed.items() for entry in items if entry["id"] in submitted]
    for ns, each in stage.random.sample(known, min(LOOKED_AT, len(known))):
        faults += judge_stored(submitted, each, stage.get(f"/v1/namespaces/{ns}/notifies/{each}"))
    return faults


# ---- power


class LoopDisk:
    """An ext4 in a file, mounted where the store lies. `fault` says why there is none."""

    def __init__(self, directory):
        self.image, self.mount, self.fault = os.path.join(directory, "disk"), os.path.join(directory, "mounted"), None
        os.makedirs(self.mount)
        with open(self.image, "wb") as file:
            file.truncate(512 << 20)
        # In a view of the mounts that ends with this process and its children, whatever becomes of them.
        if os.geteuid() == 0 and ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0:
            self.run("mount", "--make-rprivate", "/")
        self.run("mkfs.ext4", "-q", "-F", self.image)
        self.attach()

    def run(self, *command):
        if self.fault:
            return
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except OSError as fault:
            self.fault = f"{command[0]}: {fault}"
            return
        if done.returncode != 0:
            self.fault = f"{' '.join(command[:2])}: {done.stderr.strip()}"

    def attach(self):
        """Others may take and give back loop devices meanwhile."""
        for _ in range(20):
            self.fault = None
            self.run("mount", "-o", "loop", self.image, self.mount)
            if not self.fault or "loop" not in self.fault:
                return
            time.sleep(0.25)

    def cut(self):
        """What was not synced is gone, and nothing is written any more."""
        place = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(place, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(place)

    def detach(self):
        self.run("umount", self.mount)

    def drop(self):
        subprocess.run(["umount", "-l", self.mount], capture_output=True)


def power_cut(stage, disk):
    """Cuts; the load goes on for a moment, since what is acknowledged now must be kept, too; then the machine begins again."""
    begun = stage.down = time.monotonic()
    disk.cut()
    time.sleep(stage.random.uniform(0, 0.2))
    if stage.broker.poll() is None:
        stage.broker.kill()
    stage.broker.wait()
    stage.killer.add("dead", t=begun, until=time.monotonic(), how="power", window=SYNC_WINDOW_S)
    disk.detach()
    disk.attach()
    if disk.fault:
        raise RuntimeError(disk.fault)
    stage.start()


def on_loop_disk(settings, seed, environment, work):
    """work(stage, disk) with the store on a loop disk; None where there is none, and why."""
    with Stage(settings.notifyd, seed, environment=environment, place=settings.place) as stage:
        disk = LoopDisk(stage.place)
        try:
            if disk.fault:
                return disk.fault
            stage.data = os.path.join(disk.mount, "data")
            stage.start()
            stage.begin_load()
            work(stage, disk)
        finally:
            if stage.broker and stage.broker.poll() is None:
                stage.broker.kill()
                stage.broker.wait()
            disk.drop()
    return None


def power(settings, seed, rounds):
    """Power cuts: ext4 on a loop file is shut down without its journal written out, and mounted again."""
    outcome = Outcome()

    def work(stage, disk):
        for _ in range(rounds):
            if time.monotonic() > settings.deadline:
                break
            stage.work(0.1, settings.work_s)
            power_cut(stage, disk)
            outcome.rounds["power cut"] += 1
        outcome.judged(stage.verdict())

    fault = on_loop_disk(settings, seed, None, work)
    return skipped(f"no loop mount here: {fault}") if fault else outcome


NO_SYNC = "int fsync(int fd) { return fd < 0; } int fdatasync(int fd) { return fd < 0; } int sync_file_range(int fd) { return fd < 0; }"


def no_sync_library(directory):
    """What is preloaded so that nothing is synced; None where there is no compiler."""
    source, library = os.path.join(directory, "no_sync.c"), os.path.join(directory, "no_sync.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write(NO_SYNC)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or subprocess.run([compiler, "-w", "-shared", "-fPIC", "-o", library, source], capture_output=True).returncode != 0:
        return None
    return library


def power_control(settings, seed, rounds):
    """The negative control: with sync off a power cut must lose, and be seen to."""
    outcome = Outcome()
    directory = os.path.join(settings.place, f"control-{os.getpid()}-{seed}")
    os.makedirs(directory)
    try:
        library = no_sync_library(directory)
        if not library:
            return skipped("no C compiler")
        for number in range(rounds):
            seen = []

            def work(stage, disk):
                stage.work(0.5, 1)
                try:
                    power_cut(stage, disk)
                except RuntimeError as fault:
                    if "notifyd ended" not in str(fault):
                        raise
                    seen.append("the broker refused what was left")
                    stage.load.kill()
                    return
                seen.append("loss seen" if any(rule == "I1" for rule, _ in stage.verdict()[0]) else "no loss seen")

            fault = on_loop_disk(settings, seed + number, {"LD_PRELOAD": library}, work)
            if fault:
                return skipped(f"no loop mount here: {fault}")
            outcome.rounds[f"power cut without sync, {seen[0]}"] += 1
            if seen[0] == "no loss seen":
                outcome.faults.append(("control", "nothing was synced, the power was cut, and the oracle saw no loss"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


# ---- clocks

FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
DAY_S = 86400
# Runs of schedules that are made up for a day are twelve.
CLOCK_LOAD = ["--every-ms", "7200000", "--delays", "1"]
# Nothing is removed, nor a key forgotten, wherever the clock is set.
KEPT = ["--retention-succeeded-ms", "3162240000000", "--retention-settled-ms", "3162240000000", "--idempotency-window-ms", "31622400000"]


def faked():
    """The environment in which a process takes its wall clock from FAKETIME_TIMESTAMP_FILE; None: libfaketime is not there."""
    found = glob.glob(FAKETIME)
    return {"LD_PRELOAD": found[0], "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if found else None


def write_clock(path, seconds):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(f"{seconds:+d}\n")
    os.rename(path + ".new", path)


def clocks(settings, seed, rounds):
    """The broker's wall clock is set, a day ahead and back, in a sawtooth, beyond 2038, under load."""
    environment = faked()
    if not environment:
        return skipped("libfaketime is not installed (apt-get install faketime)")
    outcome = Outcome()
    with Stage(settings.notifyd, seed, KEPT, environment, load=CLOCK_LOAD, place=settings.fast) as stage:
        stage.environment["FAKETIME_TIMESTAMP_FILE"] = stage.path("clock")
        furthest = 0

        def step(seconds):
            stage.killer.add("clock", offset=seconds * 1000)
            write_clock(stage.path("clock"), seconds)

        step(0)
        stage.start()
        stage.begin_load()
        for number in range(rounds):
            stage.work(0.1, settings.work_s)
            away = stage.random.choice([DAY_S, -DAY_S, 3600, -3600, 5, -5, 0, (number % 5) * 60])
            step(away)
            furthest = max(furthest, away)
            outcome.rounds["clock set"] += 1
            if stage.random.random() < 0.2:
                outcome.rounds[stage.random.choice([kill, restart])(stage)] += 1
        stage.work(0.1, settings.work_s)
        # Of the years up to then more runs would be missed than are made up.
        for ns in stage.spaces_used:
            asked = time.monotonic()
            status = stage.call("DELETE", f"/v1/namespaces/{ns}/schedules/tick-{ns}")[0]
            stage.killer.add("unscheduled", name=f"tick-{ns}", asked=asked, status=status)
        # 2039: beyond 32 bits, and all that was put off by a clock set back is due.
        step(max(furthest, 2178000000 - int(time.time())))
        outcome.rounds["clock set beyond 2038"] += 1
        return outcome.judged(stage.verdict())
