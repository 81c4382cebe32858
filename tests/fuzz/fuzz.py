#!/usr/bin/env python3
"""Runs fuzz targets that are linked with libFuzzer, one after the other, and adds up over all runs how often each was executed.

fuzz.py run --binaries DIRECTORY --corpora DIRECTORY --state FILE --seconds N [TARGET...]
    those that were executed least go first; what adds coverage stays in `corpora`. Fails where a target did, and says by which input
fuzz.py merge --binaries DIRECTORY --corpora DIRECTORY [TARGET...]
    takes what adds branches and is small from there into tests/fuzz/corpus
fuzz.py table --state FILE [--evidence FILE]     the table alone
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
import evidence  # noqa: E402

CORPUS = os.path.join(HERE, "corpus")
BEGIN, END = "<!-- what make fuzz wrote -->", "<!-- until here fuzz -->"
GOAL = 100_000_000
# What is merged: inputs of at most so many bytes, so many of them and so many bytes a target, at most.
MOST_INPUT, MOST_FILES, MOST_BYTES = 400, 24, 4_000
# An input that takes longer is a fault: of the slowest target one takes a few milliseconds.
TIMEOUT_S, MEMORY_MIB, MAX_LEN = 20, 2048, 4096
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)


def all_targets():
    return sorted(os.listdir(CORPUS))


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def save(path, state):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1, sort_keys=True)
    os.rename(path + ".new", path)


def executed(entry):
    return sum(each["executions"] for each in entry["kinds"].values())


# ---- running


def run_one(arguments, target):
    """(exit code, executions, seconds, what it said)"""
    mine = os.path.join(arguments.corpora, target)
    os.makedirs(mine, exist_ok=True)
    begun = datetime.now(timezone.utc)
    done = subprocess.run([os.path.join(arguments.binaries, target), f"-max_total_time={arguments.seconds}", f"-timeout={TIMEOUT_S}",
                           f"-rss_limit_mb={MEMORY_MIB}", f"-max_len={MAX_LEN}", "-print_final_stats=1", "-verbosity=1",
                           f"-artifact_prefix={os.path.join(arguments.corpora, target)}.", mine, os.path.join(CORPUS, target)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    seconds = (datetime.now(timezone.utc) - begun).total_seconds()
    count = EXECUTED.search(done.stderr)
    return done.returncode, int(count.group(1)) if count else 0, seconds, done.stderr


def run(arguments):
    state, broken = load(arguments.state), []
    targets = arguments.targets or all_targets()
    for target in sorted(targets, key=lambda target: executed(state[target]) if target in state else -1):
        code, count, seconds, said = run_one(arguments, target)
        today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        entry = state.setdefault(target, {"kinds": {}, "found": [], "since": today})
        entry.update(until=today, commit=arguments.commit)
        kind = entry["kinds"].setdefault(arguments.kind, {"executions": 0, "seconds": 0})
        kind["executions"] += count
        kind["seconds"] = round(kind["seconds"] + seconds, 1)
        if code != 0:
            broken.append(target)
            entry["found"].append({"commit": arguments.commit, "said": said[-3000:]})
            print(f"BROKEN {target}: {said[-3000:]}", flush=True)
        print(f"{target}: {count:,} in {seconds:.0f} s, {executed(entry):,} in all", flush=True)
        save(arguments.state, state)
    if arguments.evidence:
        write_table(state, arguments.evidence)
    print(table(state))
    return 1 if broken else 0


# ---- taking what was found into the tree


def added_by(arguments, target):
    """Files of a run that reach branches which the tree's corpus does not, the small ones."""
    place = tempfile.mkdtemp(prefix="fuzz-")
    try:
        known = os.path.join(place, "known")
        shutil.copytree(os.path.join(CORPUS, target), known)
        subprocess.run([os.path.join(arguments.binaries, target), "-merge=1", "-use_counters=0", f"-max_len={MOST_INPUT}", known,
                        os.path.join(arguments.corpora, target)], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        new = sorted(set(os.listdir(known)) - set(os.listdir(os.path.join(CORPUS, target))))
        contents = []
        for name in new:
            with open(os.path.join(known, name), "rb") as file:
                contents.append((name, file.read()))
        return sorted(contents, key=lambda each: (len(each[1]), each[0]))
    finally:
        shutil.rmtree(place)


def merge(arguments):
    for target in arguments.targets or all_targets():
        names, left = os.listdir(os.path.join(CORPUS, target)), MOST_BYTES
        room = MOST_FILES - sum(re.fullmatch(r"found_[0-9a-f]{12}", name) is not None for name in names)
        taken = 0
        for name, content in added_by(arguments, target):
            if taken >= room or len(content) > left:
                break
            with open(os.path.join(CORPUS, target, f"found_{name[:12]}"), "wb") as file:
                file.write(content)
            taken, left = taken + 1, left - len(content)
        print(f"{target}: {taken} more", flush=True)
    return 0


# ---- the table


def shown(entry, kind):
    counted = entry["kinds"].get(kind, {"executions": 0, "seconds": 0})
    rate = f"{counted['executions'] / counted['seconds']:,.0f}" if counted["seconds"] else ""
    return f"{counted['executions']:,} | {rate}"


HEAD = ["| target | with ASan and UBSan | a second | without | a second | of 10^8 | when, commit |", "|---|---|---|---|---|---|---|"]


def row(target, entry):
    if entry is None:
        return f"| {target} | not run | | | | | |"
    when = entry["since"] if entry["since"] == entry["until"] else f"{entry['since']} to {entry['until']}"
    counts = f"{shown(entry, 'sanitized')} | {shown(entry, 'plain')} | {100 * executed(entry) / GOAL:.2g} %"
    return f"| {target} | {counts} | {when}, {entry['commit']} |"


def table(state):
    return "\n".join([*HEAD, *(row(target, state.get(target)) for target in all_targets())])


def write_table(state, path):
    evidence.write_table(path, BEGIN, END, HEAD, [(f"| {target} |", row(target, state.get(target)), target in state) for target in all_targets()])


def show(arguments):
    state = load(arguments.state)
    if arguments.evidence:
        write_table(state, arguments.evidence)
    print(table(state))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "merge", "table"])
    parser.add_argument("targets", nargs="*", help="all of them where none is named")
    parser.add_argument("--binaries")
    parser.add_argument("--corpora")
    parser.add_argument("--state")
    parser.add_argument("--kind", choices=["sanitized", "plain"], default="sanitized", help="how the targets were built")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--evidence")
    parser.add_argument("--commit", default="")
    arguments = parser.parse_intermixed_args()
    unknown = set(arguments.targets) - set(all_targets())
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}: {', '.join(all_targets())}")
    return {"run": run, "merge": merge, "table": show}[arguments.what](arguments)


if __name__ == "__main__":
    sys.exit(main())
