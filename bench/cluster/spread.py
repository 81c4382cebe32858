#!/usr/bin/env python3
"""Measures what three brokers on one PostgreSQL carry beside one: twelve namespaces are given all their notifies, in batches, each to whoever serves
it, by a process a namespace; a round ends once each notify has arrived.

    bench/cluster/spread.py --bin build/release/bin [--brokers 1,3] [--rounds 3] [--namespaces 12] [--count 2000] [--batch 64]

Starts a PostgreSQL of its own (Debian's, fsync on), brokers on free ports of 127.0.0.1, and `notify-bench receive`; prints notifies a second of each
round, and how the medians compare. On one machine all share its cores: the ratio says what spreading costs there, not what more machines give.
"""
import argparse
import http.client
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from moves import Cluster, wait


def submit(port, space, url, count, batch, go):
    """All notifies of one namespace over one connection, a batch at a time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    bodies = []
    for first in range(0, count, batch):
        items = [{"url": url, "data": {"number": number, "space": space, "text": "x" * 180}} for number in range(first, min(count, first + batch))]
        bodies.append(json.dumps(items))
    go.wait()
    for body in bodies:
        connection.request("POST", f"/v1/namespaces/{space}/notifies", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status // 100 != 2:
            raise RuntimeError(f"{space}: {response.status} {text[:300]}")


class Counter:
    """notify-bench receive, until so many notifies came."""

    def __init__(self, binary, count):
        self.child = subprocess.Popen([binary + "/notify-bench", "receive", "--listen", "127.0.0.1:0", "--until", str(count), "--json"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.url = next(word for line in self.child.stdout for word in line.replace('"', " ").split() if word.startswith("http://"))

def fewest(cluster, spaces):
    owners = cluster.owners()
    return min([owners.get(space) for space in spaces].count(name) for name in cluster.members)


def one_round(cluster, options, spaces):
    """Notifies a second, from the first submit until the last arrival; and until the last acknowledgement."""
    counter = Counter(options.bin, options.count * len(spaces))
    try:
        owners = cluster.owners() if len(cluster.members) > 1 else {space: next(iter(cluster.members)) for space in spaces}
        go = multiprocessing.Event()
        senders = [multiprocessing.Process(target=submit, args=(cluster.members[owners[space]].port, space, counter.url, options.count, options.batch, go))
                   for space in spaces]
        for sender in senders:
            sender.start()
        time.sleep(1)
        begun = time.monotonic()
        go.set()
        for sender in senders:
            sender.join()
            if sender.exitcode != 0:
                raise RuntimeError("a submit failed")
        taken = time.monotonic() - begun
        counter.child.communicate(timeout=600)
        arrived = time.monotonic() - begun
    finally:
        counter.child.kill()
        counter.child.wait()
    total = options.count * len(spaces)
    return total / arrived, total / taken


def measure(options, count):
    place = tempfile.mkdtemp(prefix="notifyd-spread-")
    spaces = [f"r{i:02}" for i in range(options.namespaces)]
    cluster = None
    try:
        cluster = Cluster(options, [f"m{i}" for i in range(count)], place)
        cluster.make(spaces)
        # Others, default and system, are spread along with them.
        least = max(1, options.namespaces // count - 1)
        wait("an even spread", lambda: fewest(cluster, spaces) >= least, 120)
        one_round(cluster, options, spaces)  # what is new costs more
        return [one_round(cluster, options, spaces) for _ in range(options.rounds)]
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="where notifyd and notify-bench lie")
    parser.add_argument("--brokers", default="1,3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--namespaces", type=int, default=12)
    parser.add_argument("--count", type=int, default=2000, help="notifies of each namespace, a round")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--broker-arg", action="append", default=[])
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    medians = {}
    for count in map(int, options.brokers.split(",")):
        rates = measure(options, count)
        medians[count] = statistics.median(arrived for arrived, _ in rates)
        print(f"{count} broker{'s' if count > 1 else ''}: arrived {', '.join(f'{arrived:,.0f}' for arrived, _ in rates)} a second, "
              f"acknowledged {', '.join(f'{taken:,.0f}' for _, taken in rates)}", flush=True)
    first, *others = medians
    for count in others:
        print(f"{count} against {first}: {medians[count] / medians[first]:.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
