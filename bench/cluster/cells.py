#!/usr/bin/env python3
"""Measures for how long a namespace stands still while it goes to another cell: by the broker's log, by the slowest submit, and by the longest time in
which nothing of it arrived. It goes there and back, with so much pending in it, while it takes and sends notifies.

    bench/cluster/cells.py --bin build/release/bin [--pending 100000] [--moves 6] [--rate 100]

Starts a PostgreSQL of its own (Debian's, fsync on) with a database for each cell, one broker and a receiver. Standard library only.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from moves import Postgres, Receiver, free_port, say


class Asker:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--moves", type=int, default=6)
    parser.add_argument("--rate", type=float, default=100)
    settings = parser.parse_args()
    place = tempfile.mkdtemp(prefix="cells")
    os.chmod(place, 0o755)
    os.makedirs(place + "/pg")
    database, broker = Postgres(place + "/pg"), None
    try:
        database.ask("CREATE DATABASE east")
        with open(place + "/notifyd.toml", "w") as file:
            file.write(f'[store.postgres.cells]\neast = "{database.dsn.replace("dbname=postgres", "dbname=east")}"\n')
        port, log = free_port(), open(place + "/log", "w")
        broker = subprocess.Popen([settings.bin + "/notifyd", "--config", place + "/notifyd.toml", "--data-dir", place + "/data", "--listen",
                                   f"127.0.0.1:{port}", "--store-engine", "postgres", "--store-postgres-dsn", database.dsn, "--log-format", "json"],
                                  stderr=log, stdout=log)
        measure(settings, port, Receiver(), place + "/log")
    finally:
        if broker:
            broker.send_signal(signal.SIGKILL)
            broker.wait()
        database.stop()
        shutil.rmtree(place)


def measure(settings, port, receiver, log):
    until = time.monotonic() + 60
    while True:
        try:
            if Asker(port).ask("PUT", "/v1/namespaces/team", {"destinations": {"allow": ["127.0.0.0/8"]}})[0] in (200, 201):
                break
        except OSError:
            pass
        if time.monotonic() > until:
            raise RuntimeError("the broker does not answer: " + open(log).read()[-2000:])
        time.sleep(0.1)
    asker, path = Asker(port), "/v1/namespaces/team/notifies"
    url = f"http://127.0.0.1:{receiver.port}/load"
    for begin in range(0, settings.pending, 5000):
        count = min(5000, settings.pending - begin)
        asker.ask("POST", path, [{"url": url, "delay_ms": 86_400_000, "data": "x" * 200}] * count)
    print("pending", asker.ask("GET", "/v1/namespaces/team")[1]["pending"], flush=True)
    ending, took = threading.Event(), []

    def load():
        mine = Asker(port)
        while not ending.is_set():
            began = time.monotonic()
            if mine.ask("POST", path, {"url": url, "data": "x" * 200})[0] != 201:
                print("a submit was refused", flush=True)
            took.append((began, (time.monotonic() - began) * 1e3))
            ending.wait(max(0, 1 / settings.rate - (time.monotonic() - began)))

    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(2)
    slowest, gaps = [], []
    for move in range(settings.moves):
        to, begin = "home" if move % 2 else "east", time.monotonic()
        asker.ask("PATCH", "/v1/namespaces/team", {"cell": to})
        while "moving" in asker.ask("GET", "/v1/namespaces/team")[1]:
            time.sleep(0.05)
        time.sleep(1)
        end = time.monotonic()
        slowest.append(max(ms for at, ms in took if begin <= at <= end))
        gaps.append(receiver.gap_ms("/load", begin, end))
        while time.monotonic() < end + 8:
            time.sleep(0.1)
    ending.set()
    thread.join()
    moved = [json.loads(line) for line in open(log) if "a namespace moved to another cell" in line]
    say("stood still", [each["stood_ms"] for each in moved])
    say("the whole move", [each["took_ms"] for each in moved])
    say("the slowest submit of each move", slowest)
    say("from an arrival to the next, the longest of each move", gaps)
    print("pending", asker.ask("GET", "/v1/namespaces/team")[1]["pending"], flush=True)


if __name__ == "__main__":
    main()
