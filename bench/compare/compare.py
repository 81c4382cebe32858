#!/usr/bin/env python3
"""compare.py [--rounds N] [--count N] [--peers A,B] [--json FILE]: notifyd and other queues on the same work, in rotation.

The work: COUNT POSTs of a 256-byte JSON body to one URL of one receiver, submitted 32 at a time while the deliveries go on. What is counted goes from
the first submit to the last arrival. CPU and memory are those of the server and of what calls for it; clients and receiver come on top, and all of it
shares one machine. notifyd is called by notify-bench, with 32 and 128 connections and in batches of 16 over 8; the others through their usual client
libraries. A machine's rate moves by tens of percent between minutes: the ratios are those of each round, to RabbitMQ's, and their median is shown.

Loopback alone. Everything is stopped, and its data removed, at the end. A goal that is missed is said, and is no failure.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from measure import Meter, Process  # noqa: E402
from peers import PEERS  # noqa: E402

# What notifyd is submitted by: connections, batch, and the least that its rate is to be of RabbitMQ's in the same round.
OWN = {"notifyd, 32 connections": (32, 1, 3.8), "notifyd, 128 connections": (128, 1, 5.0), "notifyd, 8 connections, batches of 16": (8, 16, 5.5)}
BASE = "rabbitmq"


class Place:
    """Where a run's things are."""

    def __init__(self, build, run_dir):
        self.root, self.node, self.dir = os.path.join(build, "root"), os.path.join(build, "node"), run_dir
        self.receiver = ""

    def fresh(self, name):
        path = os.path.join(self.dir, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path


def run_peer(name, start, place, bench, count):
    """One run of a peer; a dict of figures."""
    receiver = Process("receiver", [bench, "receive", "--listen", "127.0.0.1:0", "--until", str(count), "--json"], place.dir, output=subprocess.PIPE)
    processes = [receiver]
    try:
        place.receiver = receiver.wait_for("receiving on http://").said().split("receiving on ")[1].split()[0]
        stack, env = start(place)
        processes += stack
        time.sleep(1)
        meter = Meter(stack)
        client = subprocess.run(["node", name + "-client.mjs"], cwd=place.node, env=dict(os.environ, COUNT=str(count), **env), stdout=subprocess.PIPE,
                                timeout=600, check=True)
        told = json.loads(client.stdout.decode().strip().splitlines()[-1])
        output, _ = receiver.child.communicate(timeout=600)
        cpu_s, peak_mib = meter.end()
        totals = json.loads(output)
        if totals["notifies"] < count:
            raise RuntimeError(f"{name}: {totals['notifies']} of {count} arrived")
        return {"per_s": round(count * 1e9 / (totals["last_arrival_ns"] - told["first_ns"])), "cpu_s_per_1000": round(cpu_s * 1000 / count, 4),
                "peak_mib": round(peak_mib)}
    finally:
        for process in reversed(processes):
            process.stop()


def run_own(connections, batch, place, bench, count):
    out = subprocess.run([bench, "end-to-end", "--json", "--count", str(count), "--connections", str(connections), "--batch", str(batch), "--dir", place.dir],
                         stdout=subprocess.PIPE, timeout=600, check=True).stdout
    row = json.loads(out)
    return {"per_s": round(row["end_to_end_per_s"]), "cpu_s_per_1000": row["broker_cpu_s_per_1000"], "peak_mib": round(row["broker_peak_mib"])}


def table(rounds):
    """The medians of the rounds: rows of dicts, notifyd first."""
    rows = []
    for name in rounds[0]:
        runs = [r[name] for r in rounds]
        acknowledged = {title: after for title, after, _ in PEERS.values()}.get(name, "its sync to disk")
        row = {"name": name, "acknowledged": acknowledged, **{key: statistics.median(run[key] for run in runs) for key in runs[0]}}
        row["least_per_s"], row["most_per_s"] = min(run["per_s"] for run in runs), max(run["per_s"] for run in runs)
        if PEERS[BASE][0] in rounds[0]:
            row["to_rabbitmq"] = round(statistics.median(r[name]["per_s"] / r[PEERS[BASE][0]]["per_s"] for r in rounds), 2)
            if name in OWN:
                row["goal"], row["met"] = OWN[name][2], row["to_rabbitmq"] >= OWN[name][2]
        rows.append(row)
    return rows


def show(rows):
    print("| | end to end/s, median | least to most | CPU s per 1,000 | peak MiB | ratio to RabbitMQ | goal | verdict |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        goal = (f"at least {row['goal']}", "met" if row["met"] else "missed") if "goal" in row else ("", "")
        print(f"| {row['name']} | {row['per_s']:,.0f} | {row['least_per_s']:,} to {row['most_per_s']:,} | {row['cpu_s_per_1000']:.3f} | "
              f"{row['peak_mib']:.0f} | {row.get('to_rabbitmq', '')} | {goal[0]} | {goal[1]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=20000, help="notifies a run (Restate: a quarter)")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, of " + ", ".join(PEERS))
    build = os.path.abspath(os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--bench", default=os.path.join(build, "release", "bin", "notify-bench"), help="the load generator, beside its notifyd")
    parser.add_argument("--dir", default=os.path.join(build, "compare"), help="where the peers are, and the data goes")
    parser.add_argument("--json", help="write the rows to this file too, one a line, as docs/performance.json has them")
    arguments = parser.parse_args()
    peers = arguments.peers.split(",") if arguments.peers else []
    for name in peers:
        if name not in PEERS:
            parser.error(f"no peer {name}")
    bench, here = os.path.abspath(arguments.bench), os.path.abspath(arguments.dir)
    os.makedirs(os.path.join(here, "node"), exist_ok=True)
    for name in os.listdir(os.path.join(HERE, "node")):
        if name.endswith(".mjs"):
            shutil.copy(os.path.join(HERE, "node", name), os.path.join(here, "node", name))
    rounds = []
    with tempfile.TemporaryDirectory(prefix="run-", dir=here) as run_dir:
        place = Place(here, run_dir)
        for number in range(arguments.rounds):
            figures = {}
            for name, (connections, batch, _) in OWN.items():
                print(f"round {number + 1}: {name}", file=sys.stderr)
                figures[name] = run_own(connections, batch, place, bench, arguments.count)
            for name in peers:
                title, _, start = PEERS[name]
                print(f"round {number + 1}: {title}", file=sys.stderr)
                figures[title] = run_peer(name, start, place, bench, arguments.count // 4 if name == "restate" else arguments.count)
            rounds.append(figures)
    rows = table(rounds)
    show(rows)
    if arguments.json:
        with open(arguments.json, "w") as f:
            f.write(",\n".join(json.dumps(row) for row in rows) + "\n")


if __name__ == "__main__":
    main()
