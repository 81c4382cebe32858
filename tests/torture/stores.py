#!/usr/bin/env python3
"""The stores of older formats that are in the tree, each as a notifyd of that format left it: kept, and held against this one.

stores.py make FORMAT --notifyd FILE     has a notifyd of that format fill a store, kills it, and keeps it in tests/storage/data
stores.py check --notifyd FILE           this notifyd opens each of them, shows all that it held, and works on

A kept store is a file of lines. `said PATH JSON` is what the notifyd of then answered to a GET before it died; `file NAME SIZE` begins a file, whose
bytes up to the zeros at its end follow as base64. Nothing of it is ever changed.
"""

import argparse
import base64
import glob
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from datetime import datetime

from rounds import faked
from stage import PATIENCE_S, end_with_parent, until

HERE = os.path.dirname(os.path.abspath(__file__))
# RocksDB writes these for people, or anew; sockets are no part of a store.
LEFT_OUT = ("OPTIONS-", "IDENTITY", "LOCK", "control.sock")
LATER = "2035-06-01T12:00:00.000Z"
NOTIFIES = "/v1/namespaces/default/notifies?limit=1000"
NOWHERE = "http://127.0.0.1:1/"
# Nothing in it is over soon; and it is held against this notifyd at the time at which it was left, however old it is by now (clock_of).
KEPT = ["--retention-succeeded-ms", "3153600000000", "--retention-settled-ms", "3153600000000", "--idempotency-window-ms", "31536000000"]


def files():
    return sorted(glob.glob(os.path.join(HERE, "../storage/data/format*.txt")))


def lay_out(path, directory):
    """Makes the directory that the file has in it, and gives what was said: {path: JSON}."""
    os.makedirs(directory, mode=0o700)
    said, name, size, text = {}, None, 0, []

    def write():
        if name:
            with open(os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(base64.b64decode("".join(text)).ljust(size, b"\0"))

    with open(path, encoding="utf-8") as lines:
        for line in map(str.strip, lines):
            if line.startswith("#"):
                continue
            if line.startswith("said "):
                _, where, answer = line.split(" ", 2)
                said[where] = json.loads(answer)
            elif line.startswith("file "):
                write()
                _, name, size = line.split(" ")
                size, text = int(size), []
            else:
                text.append(line)
    write()
    return said


def keep(directory, said, path, about):
    with open(path, "w", encoding="utf-8") as out:
        out.write("".join(f"# {line}\n" for line in textwrap.wrap(about, 150)))
        for where, answer in said.items():
            out.write(f"said {where} {json.dumps(answer, separators=(',', ':'), sort_keys=True)}\n")
        for name in sorted(os.listdir(directory)):
            if name.startswith(LEFT_OUT):
                continue
            with open(os.path.join(directory, name), "rb") as file:
                data = file.read()
            out.write(f"file {name} {len(data)}\n")
            text = base64.b64encode(data.rstrip(b"\0")).decode()
            out.write("".join(text[i:i + 150] + "\n" for i in range(0, len(text), 150)))


class Broker:
    """A with block: a notifyd on that directory, which listens. It is killed in the end where it was not stopped."""

    def __init__(self, notifyd, directory, environment=None):
        self.notifyd, self.directory, self.environment = notifyd, directory, environment or {}

    def __enter__(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("NOTIFYD_")} | self.environment
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([self.notifyd, "--data-dir", self.directory, "--listen", "127.0.0.1:0", "--log-format", "text", *KEPT],
                                        stderr=self.log, stdin=subprocess.DEVNULL, env=clean, preexec_fn=end_with_parent)
        until(lambda: self.process.poll() is not None or "listening on 127.0.0.1:" in self.said(), "the broker listens")
        if self.process.poll() is not None:
            raise RuntimeError(f"notifyd ended with {self.process.returncode}: {self.said()}")
        self.port = int(self.said().rpartition("listening on 127.0.0.1:")[2].split()[0])
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            return answer.status, json.loads(text) if text else None
        except ValueError:
            return answer.status, None


# ---- filling one


def fill_first(do):
    """What goes through a start: it is in tables afterwards."""
    do("PUT", "/v1/namespaces/team", {})
    for ns in ("/v1", "/v1/namespaces/team"):
        do("POST", f"{ns}/notifies", {"url": NOWHERE + "later", "due_at": LATER, "data": {"a": [1, "two", None]}, "lane": "later", "caller": "shop",
                                      "headers": {"X-A": "1"}, "priority": 7, "idempotency_key": "once"})
        do("POST", f"{ns}/notifies", {"url": NOWHERE + "held", "fkey": "order-4", "ttl_ms": 300_000_000_000, "body": "raw", "content_type": "text/plain"})
        do("PATCH", f"{ns}/lanes/fifo/orders", {"paused": True, "on_failure": "pause", "rate_per_s": 5})
        for number in range(4):
            do("POST", f"{ns}/notifies", {"url": NOWHERE + f"order/{number}", "lane": "orders", "mode": "fifo"})
        do("POST", f"{ns}/notifies", {"url": NOWHERE + "fails", "retry": {"max_attempts": 1}, "lane": "fails"})
        do("POST", f"{ns}/notifies", {"url": NOWHERE + "again", "retry": {"schedule_ms": [36_000_000], "max_attempts": 100}, "lane": "again"})
    do("PATCH", "/v1/lanes/concurrent/again", {"concurrency": 3})
    do("PUT", "/v1/services/recv", {})
    do("PUT", "/v1/services/recv/instances/one", {"url": "http://127.0.0.1:1", "weight": 3})
    do("PUT", "/v1/subscriptions/wide", {"topic": "order.#", "url": NOWHERE + "sub", "retry": {"schedule_ms": [36_000_000]}})
    do("PUT", "/v1/schedules/nightly", {"cron": "0 3 1 1 *", "timezone": "Europe/Berlin", "notify": {"url": NOWHERE + "nightly"}})


def fill_second(do):
    """What stands in the log alone."""
    cancelled = do("POST", "/v1/notifies", {"url": NOWHERE + "cancelled", "due_at": LATER, "lane": "cancelled"})
    do("DELETE", f"/v1/notifies/{cancelled['id']}")
    do("POST", "/v1/notifies", {"url": NOWHERE + "expired", "fkey": "never", "ttl_ms": 1})
    do("POST", "/v1/fkeys/early/trigger?remember_ms=2592000000", {"data": {"b": 1}})
    do("PUT", "/v1/topics/order.made", {"retention_ms": 315619200000})
    do("POST", "/v1/topics/order.made/publish", {"data": {"order": 17}})
    do("POST", "/v1/groups", {"sequential": True, "callback_url": NOWHERE + "group", "notifies": [
        {"url": NOWHERE + "first", "due_at": LATER}, {"url": NOWHERE + "second"}]})
    do("POST", "/v1/notifies", {"url": "service://recv/order", "due_at": LATER, "lane": "at a service"})
    do("PATCH", "/v1/lanes/concurrent/fails", {"paused": True, "paused_until": LATER})
    do("PATCH", "/v1/callers/shop", {"paused": True})
    do("PATCH", "/v1/hosts/127.0.0.1:1", {"paused": True})
    do("POST", "/v1/tokens", {"name": "ci", "namespaces": ["team"], "scopes": ["submit"]})


LOOKS = ["/stats", "/notifies?limit=1000", "/lanes", "/fkeys/order-4", "/services", "/services/recv", "/services/recv/instances", "/subscriptions",
         "/schedules", "/groups", "/topics", "/topics/order.made/events", "/callers", "/hosts"]


def look(broker):
    """What the API shows of all of it."""
    said = {}
    for place in ["/v1/namespaces", "/v1/tokens"] + [ns + each for ns in ("/v1/namespaces/default", "/v1/namespaces/team") for each in LOOKS]:
        status, answer = broker.call("GET", place)
        if status == 200:
            said[place] = switched(answer) if place.endswith(("/callers", "/hosts")) else answer
    for item in said["/v1/namespaces"]["items"]:
        del item["pending"]  # it comes a moment later there than in stats
    for ns in ("default", "team"):
        for item in said[f"/v1/namespaces/{ns}/notifies?limit=1000"]["items"]:
            place = f"/v1/namespaces/{ns}/notifies/{item['id']}"
            said[place] = broker.call("GET", place)[1]
    return said


def switched(answer):
    """Of a list of callers or hosts what is kept: those that are paused. What they did lately is not."""
    fields = ("caller", "host", "paused", "concurrency", "rate_per_s", "submits_per_s")
    return {"items": [{field: each[field] for field in fields if field in each} for each in answer["items"] if each.get("paused")]}


def make(arguments):
    place = tempfile.mkdtemp(prefix="store-")
    data, refused = os.path.join(place, "data"), []

    def doing(broker):
        def do(method, path, body=None):
            status, answer = broker.call(method, path, body)
            if status // 100 != 2:
                refused.append(f"{method} {path.partition('?')[0]}")
                print(f"{method} {path}: {status} {answer}", file=sys.stderr)
            return answer

        return do

    def quiet(broker):
        """Nothing is in flight, or falls due."""
        states = [broker.call("GET", f"/v1/namespaces/{ns}/stats")[1]["states"] for ns in ("default", "team")]
        return all(each["sending"] == 0 and each["ready"] <= 4 for each in states)

    try:
        with Broker(arguments.notifyd, data) as broker:
            fill_first(doing(broker))
            until(lambda: quiet(broker), "all calls have ended")
        with Broker(arguments.notifyd, data) as broker:
            fill_second(doing(broker))
            until(lambda: quiet(broker), "all calls have ended")
            said = look(broker)
        about = (f"A store of format {arguments.format} as a notifyd of that format left it at kill -9: tests/torture/stores.py make. "
                 + (f"It did not know yet: {', '.join(refused)}. " if refused else "") + "Never change it.")
        keep(data, said, os.path.join(HERE, f"../storage/data/format{arguments.format}.txt"), about)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


# ---- holding them against this notifyd

# What goes on by itself. What is loaded grows for a moment after a start, as its first calls are looked at.
MOVES = {"pid", "version", "started_at", "uptime_ms", "store", "memory", "loaded", "in_flight", "may_be_in_flight", "awake", "stored_bytes",
         "attempts_last_minute", "submits_last_minute", "commits", "head_age_ms"}


def differences(was, is_now, where=""):
    """What `was` has and `is_now` has not, field by field; what is new there is no fault."""
    if isinstance(was, dict) and isinstance(is_now, dict):
        return [each for key, value in was.items() if key not in MOVES
                for each in ([f"{where}/{key} is gone"] if key not in is_now else differences(value, is_now[key], f"{where}/{key}"))]
    if isinstance(was, list) and isinstance(is_now, list):
        if len(was) != len(is_now):
            return [f"{where} has {len(is_now)}, had {len(was)}"]
        return [each for i, (one, other) in enumerate(zip(was, is_now)) for each in differences(one, other, f"{where}/{i}")]
    return [] if was == is_now else [f"{where} is {is_now!r}, was {was!r}"]


def clock_of(said):
    """The environment of a process for which it is a minute after what was kept was made: by then no retry of it is due, nor later."""
    if not said:
        return {}
    made = max(item["created_at"] for item in said[NOTIFIES]["items"])
    then = datetime.fromisoformat(made.replace("Z", "+00:00")).timestamp() + 60
    environment = faked()
    if environment is None:
        raise RuntimeError("libfaketime is not installed (apt-get install faketime): a kept store is opened at the time at which it was left")
    return environment | {"FAKETIME": f"{int(then - time.time()):+d}"}


def judge(notifyd, path, place):
    """What is wrong with what this notifyd makes of a kept store, twice started."""
    data, faults = os.path.join(place, "data"), []
    said = lay_out(path, data)
    clock = clock_of(said)
    for life in ("first", "second"):
        with Broker(notifyd, data, clock) as broker:
            for where, was in said.items():
                status, answer = broker.call("GET", where)
                if status == 200 and where.endswith(("/callers", "/hosts")):
                    answer = switched(answer)
                found = differences(was, answer) if status == 200 else [f"is answered {status}"]
                faults += [f"{os.path.basename(path)}, {life} start: {where} {each}" for each in found]
            if life == "second":
                faults += [f"{os.path.basename(path)}: {each}" for each in goes_on(broker, said)]
            if broker.stop() != 0:
                faults.append(f"{os.path.basename(path)}: SIGTERM: {broker.said()[-1000:]}")
    return faults


def goes_on(broker, said):
    """Whether it works on what was there, and on what is new."""
    if not said:
        return []
    faults = []

    def want(what, there):
        if not there:
            faults.append(what)

    status, answer = broker.call("POST", "/v1/notifies", {"url": NOWHERE + "later", "due_at": LATER, "data": {"a": [1, "two", None]}, "lane": "later",
                                                          "caller": "shop", "headers": {"X-A": "1"}, "priority": 7, "idempotency_key": "once"})
    want(f"the idempotency key is not known: {status} {answer}", status == 200 and answer.get("duplicate"))
    status, answer = broker.call("POST", "/v1/notifies", {"url": NOWHERE + "new", "due_at": LATER})
    known = max(item["id"] for item in said[NOTIFIES]["items"])
    want(f"a new one: {status} {answer} behind {known}", status == 201 and answer["id"] > known)
    status, answer = broker.call("POST", "/v1/fkeys/order-4/trigger")
    want(f"the held one is not triggered: {status} {answer}", status == 202)
    for ns in ("default", "team"):
        stats = broker.call("GET", f"/v1/namespaces/{ns}/stats")[1]
        totals = stats["totals"]
        ended = sum(totals[each] for each in ("succeeded", "failed", "cancelled", "expired"))
        want(f"the books of {ns} do not balance: {stats}", totals["accepted"] + totals["revived"] == stats["pending"] + ended)
    return faults


def check(arguments):
    faults = []
    for path in files():
        place = tempfile.mkdtemp(prefix="store-")
        try:
            faults += judge(arguments.notifyd, path, place)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    for fault in faults:
        print("BROKEN", fault)
    print(f"{len(files())} stores, {len(faults)} faults")
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "check"])
    parser.add_argument("format", nargs="?", type=int)
    parser.add_argument("--notifyd", required=True)
    arguments = parser.parse_args()
    arguments.notifyd = os.path.abspath(arguments.notifyd)
    return {"make": make, "check": check}[arguments.what](arguments)


if __name__ == "__main__":
    sys.exit(main())
