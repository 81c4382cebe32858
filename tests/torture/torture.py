#!/usr/bin/env python3
"""Runs the forms of attack, one series or all of them in turn for hours, and keeps what was tried and what held.

torture.py series FORM... --notifyd FILE [--seed N] [--rounds N]     a series of each, judged; fails where a promise was broken, and ends
                                                                      with 77 where one could not be made
torture.py long --notifyd FILE --sim FILE --hours N --state FILE --evidence docs/evidence.md --commit HASH
    all forms in turn, the one that is furthest from its goal first; goes on where it was broken off, and writes the table of the document
torture.py table --state FILE... --evidence FILE                     writes the table alone, of runs that went on beside each other
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

import cluster
import endurance
import evidence
import patroni_form
import points
import points_postgres
import postgres
import power_postgres
import resources
import rounds
import upgrade

DAY = "%Y-%m-%d"
# What a series ends with that could not be made here (SKIP_RETURN_CODE of ctest).
SKIPPED = 77
BEGIN, END = "<!-- what make torture wrote -->", "<!-- until here -->"


class Form:
    """An attack: `run(settings, seed, rounds)` gives an Outcome; `size` rounds are a series, and `goal` of them are what a release wants."""

    def __init__(self, name, run, size, goal, title):
        self.name, self.run, self.size, self.goal, self.title = name, run, size, goal, title


class Simulation:
    """The simulator, which judges itself, for so many seconds."""

    line = re.compile(r"^(?:--(\w+) )?(\d+) of (\d+) fresh seeds broke a promise: (\d+)\.\.(\d+)", re.MULTILINE)
    of = {"": "seeds", "several": "seeds of several namespaces", "flows": "seeds of flows"}

    @classmethod
    def run(cls, settings, seed, seconds):
        outcome = rounds.Outcome()
        if not settings.sim:
            return rounds.skipped("no notifyd_sim was named")
        done = subprocess.run([settings.sim, "--torture", str(seconds)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        for mode, broken, seeds, first, last in cls.line.findall(done.stdout):
            outcome.rounds[cls.of[mode]] += int(seeds)
            if int(broken):
                outcome.faults.append(("simulation", f"{mode} {broken} of {first}..{last}: {done.stdout[-2000:]}"))
        if done.returncode != 0 and not outcome.faults:
            outcome.faults.append(("simulation", f"exit code {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"))
        return outcome


FORMS = [
    Form("kill", rounds.kills, 20, 1000, "`kill -9` at random moments and inside recovery, restarts in place, `SIGTERM`, under the mixed load"),
    Form("points", points.points, 64, 1000, "`kill -9` at each of the named points of `base/crash_point.h`, under the mixed load, over a sealed store"),
    Form("power", rounds.power, 6, 100, "power cut: ext4 on a loop file is shut down without its journal written out, under load"),
    Form("power-control", rounds.power_control, 2, 20, "the same with sync off: must lose, and be seen to"),
    Form("backup", rounds.backups, 6, 100, "backups under load, some killed in the middle; each is restored and read"),
    Form("upgrade", upgrade.upgrades, 3, 100, "a store of an earlier notifyd under load, gone on with by this one: by kill, stop, restart in place"),
    Form("upgrade-cluster", upgrade.cluster_upgrades, 1, 20, "three brokers of an earlier notifyd on one PostgreSQL under load, replaced by this one in turn, and back"),
    Form("clock", rounds.clocks, 12, 200, "the wall clock set ±1 day, in a sawtooth, beyond 2038, with kills between"),
    Form("postgres", postgres.attacks, 4, 100, "the store on PostgreSQL: kill and stop of broker, standby and database"),
    Form("power-postgres", power_postgres.attacks, 4, 50, "power cut of PostgreSQL's machine, as in `power`, under load: its directory lies on the disk that is shut down"),
    Form("power-postgres-control", power_postgres.control, 1, 10, "the same with sync of PostgreSQL off: must lose, and be seen to"),
    Form("points-postgres", points_postgres.attacks, 25, 200, "`kill -9` at each of those points that a store on PostgreSQL has"),
    Form("cluster", cluster.attacks, 6, 100, "three brokers on one PostgreSQL with a synchronous standby: each killed, stopped, cut off, slow, one or two at once"),
    Form("failover", postgres.failovers, 1, 20, "PostgreSQL dies, its synchronous standby is promoted"),
    Form("failover-control", postgres.failover_control, 1, 10, "the same with an asynchronous standby that is behind: must lose, and be seen to"),
    Form("patroni", patroni_form.failovers, 5, 20, "PostgreSQL kept by Patroni, three of it in synchronous mode, fails over"),
    Form("patroni-control", patroni_form.control, 1, 5, "the same in asynchronous mode: must lose, and be seen to"),
    Form("resources", resources.crowds, 5, 10, "slow clients and hostile receivers in crowds"),
    Form("churn", endurance.churn, 60, 60, "PostgreSQL under churn, with a transaction held open beside it, against a twin without one"),
    Form("soak", endurance.soak, 30, 30, "three brokers on one PostgreSQL at a modest rate: memory, descriptors, threads, latency"),
    Form("simulation", Simulation.run, 60, 10_000_000, "the production core in a simulated world, with an auditor of its own"),
]
BY_NAME = {form.name: form for form in FORMS}


# ---- series


def one_series(form, settings, seed, count):
    """An Outcome, also where the series itself fell over: then that is what was found."""
    try:
        return form.run(settings, seed, count)
    except Exception as fault:
        outcome = rounds.Outcome()
        outcome.faults.append(("broken off", f"{type(fault).__name__}: {fault}"))
        return outcome


def shown(form, seed, count, outcome):
    what = f"skipped: {outcome.skipped}" if outcome.skipped else ", ".join(f"{n} {kind}" for kind, n in sorted(outcome.rounds.items()))
    print(f"{form.name} seed {seed}, {count} rounds: {what}", flush=True)
    if outcome.counts:
        print("  " + ", ".join(f"{word} {n}" for word, n in sorted(outcome.counts.items())), flush=True)
    for rule, text in outcome.faults[:50]:
        print(f"  BROKEN {rule}: {text}", flush=True)
    if outcome.faults:
        print(f"  again: {replay(form, seed, count)}", flush=True)


def replay(form, seed, count):
    if form.run == Simulation.run:
        return f"build/release/bin/notifyd_sim --torture {count}"
    return f"tests/torture/torture.py series {form.name} --seed {seed} --rounds {count} --notifyd build/release/bin/notifyd"


def run_series(settings, arguments):
    failed, skipped = False, False
    for name in arguments.forms:
        form = BY_NAME[name]
        count = arguments.rounds or form.size
        outcome = one_series(form, settings, arguments.seed, count)
        shown(form, arguments.seed, count, outcome)
        failed, skipped = failed or bool(outcome.faults), skipped or bool(outcome.skipped)
    return 1 if failed else SKIPPED if skipped else 0


# ---- for hours


def load_state(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"seed": int(time.time()), "forms": {}}


def save_state(path, state):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
    os.rename(path + ".new", path)


def add_to(state, form, seed, count, outcome, commit):
    today = datetime.now(timezone.utc).strftime(DAY)
    entry = state["forms"].setdefault(form.name, {"rounds": {}, "counts": {}, "series": 0, "faults": [], "since": today})
    entry.update(until=today, commit=commit, skipped=outcome.skipped, tried=time.time())
    if outcome.skipped:
        return
    entry["series"] += 1
    entry["example"] = replay(form, seed, count)
    add_up(entry, outcome.rounds, outcome.counts)
    entry["faults"] += [{"seed": seed, "rounds": count, "rule": rule, "text": text[:500], "commit": commit} for rule, text in outcome.faults[:20]]


def add_up(entry, tried, counts):
    for word, n in tried.items():
        entry["rounds"][word] = entry["rounds"].get(word, 0) + n
    for word, n in counts.items():
        before = entry["counts"].get(word, 0)
        entry["counts"][word] = before + n if word in rounds.ADDED else max(before, n)


def next_form(state, forms):
    """That which is furthest from its goal; what is skipped is tried again in the end."""

    def part(form):
        entry = state["forms"].get(form.name)
        if not entry:
            return 0.0
        if entry.get("skipped"):
            return 1e9 + entry["tried"]
        return sum(entry["rounds"].values()) / form.goal + entry["series"] / 1e6

    return min(forms, key=part)


def run_long(settings, arguments):
    end = time.monotonic() + arguments.hours * 3600
    settings.deadline = end
    state = load_state(arguments.state[0])
    forms = [BY_NAME[name] for name in arguments.forms] or FORMS
    turn, broken = 0, 0
    while time.monotonic() < end:
        # Each second series is the next in line, so that a goal that is far away leaves time for the others.
        form = next_form(state, forms) if turn % 2 else forms[turn // 2 % len(forms)]
        turn += 1
        state["seed"] += 1
        outcome = one_series(form, settings, state["seed"], form.size)
        shown(form, state["seed"], form.size, outcome)
        add_to(state, form, state["seed"], form.size, outcome, arguments.commit)
        save_state(arguments.state[0], state)
        broken += bool(outcome.faults)
    print()
    print(table(state))
    if arguments.evidence:
        write_table(state, arguments.evidence)
    return 1 if broken else 0


# ---- the table


def number(n):
    return f"{n:,}"


def row(form, entry):
    if entry is None:
        return f'| <a id="{form.name}"></a>{form.title} | not run | | | |'
    if entry.get("skipped") and not entry["series"]:
        return f'| <a id="{form.name}"></a>{form.title} | skipped: {entry["skipped"]} | | {entry["until"]}, {entry["commit"]} | |'
    kinds = sorted(entry["rounds"].items(), key=lambda each: (" with " in each[0], -each[1]))
    tried = "; ".join([f"{number(n)} {word}" for word, n in kinds if " with " not in word])
    pairs = [n for word, n in kinds if " with " in word]
    if pairs:
        tried += f"; {number(sum(pairs))} of two at once ({len(pairs)} different pairs)"
    order = [word for word in rounds.SHOWN if word in entry["counts"]]
    seen = "; ".join(f"{number(entry['counts'][word])} {rounds.SHOWN[word]}" for word in order)
    broken = len({(fault["seed"], fault["rule"]) for fault in entry["faults"]})
    held = "all held" if not broken else f"**{broken} broken**: see below"
    when = entry["since"] if entry["since"] == entry["until"] else f"{entry['since']} to {entry['until']}"
    came = held + (". " + seen if seen else "")
    return f'| <a id="{form.name}"></a>{form.title} | {tried} | {came} | {when}, {entry["commit"]} | `{entry["example"]}` |'


HEAD = ["| what | tried | what came of it | when, commit | one of them again |", "|---|---|---|---|---|"]


def table(state):
    return "\n".join([*HEAD, *(row(form, state["forms"].get(form.name)) for form in FORMS)])


def write_table(state, path):
    rows = [(f'| <a id="{form.name}"></a>', row(form, state["forms"].get(form.name)), form.name in state["forms"]) for form in FORMS]
    evidence.write_table(path, BEGIN, END, HEAD, rows)


def together(states):
    """What several runs have tried; the newest of them names the commit."""
    forms = {}
    for entry in sorted((dict(entry, name=name) for state in states for name, entry in state["forms"].items()), key=lambda entry: entry["tried"]):
        known = forms.setdefault(entry["name"], {"rounds": {}, "counts": {}, "series": 0, "faults": [], "since": entry["since"]})
        known.update({word: entry[word] for word in ("until", "commit", "skipped", "tried", "example") if word in entry})
        known["series"] += entry["series"]
        known["faults"] += entry["faults"]
        add_up(known, entry["rounds"], entry["counts"])
    return {"forms": forms}


def run_table(_, arguments):
    write_table(together([load_state(path) for path in arguments.state]), arguments.evidence)
    return 0


# ---- the command


class Settings:
    def __init__(self, arguments):
        self.notifyd = os.path.abspath(arguments.notifyd) if arguments.notifyd else None
        self.sim = os.path.abspath(arguments.sim) if arguments.sim else None
        self.before = os.path.abspath(arguments.before) if arguments.before else None
        self.deadline = float("inf")
        self.work_s = arguments.work_s
        self.place = tempfile.gettempdir()
        # What a kill leaves is in the page cache, wherever the file lies: in memory there are more rounds in the same time.
        self.fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else self.place


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["series", "long", "table"])
    parser.add_argument("forms", nargs="*", help="all of them where none is named")
    parser.add_argument("--notifyd")
    parser.add_argument("--sim", help="notifyd_sim")
    parser.add_argument("--before", help="a notifyd of an earlier version, for the forms upgrade and upgrade-cluster")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--state", nargs="+")
    parser.add_argument("--evidence")
    parser.add_argument("--commit", default="")
    parser.add_argument("--work-s", type=float, default=0.5, help="the load runs at most so long between two attacks")
    arguments = parser.parse_args()
    unknown = set(arguments.forms) - set(BY_NAME)
    if unknown:
        parser.error(f"there is no form {', '.join(sorted(unknown))}: {', '.join(BY_NAME)}")
    # So that what was begun is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return {"series": run_series, "long": run_long, "table": run_table}[arguments.what](Settings(arguments), arguments)


if __name__ == "__main__":
    sys.exit(main())
