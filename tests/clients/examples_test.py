"""Runs a client's examples, which its README and docs/clients.md show, against a broker, and looks at what they brought about.

examples_test.py --notifyd FILE --run 'COMMAND {}' EXAMPLE...: each EXAMPLE is the file of one task; {} in the command is replaced by it (a compiled
language says its binary). What a task's file is called, before its extension, tells which one it is: a function below. All find in their environment
what broker.py says, and ORDERS_URL, where a receiver listens; `receive` gets PORT instead, to listen there.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import time

from broker import Broker, PATIENCE_S, Receiver, until


class Task:
    """What an example needs: its command, a broker that lives on, a receiver of its own."""

    def __init__(self, broker, command):
        self.broker, self.command, self.receiver = broker, command, Receiver()

    def run(self):
        """Runs it to its end, and gives what it printed."""
        environment = {**self.broker.environment(), "ORDERS_URL": self.receiver.url}
        done = subprocess.run(self.command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=2 * PATIENCE_S)
        if done.returncode:
            raise AssertionError(f"it ended with {done.returncode}")
        return done.stdout

    def called(self, count=1):
        """Waits until the receiver was called so often, and gives the bodies."""
        until(lambda: len(self.receiver.calls) >= count, f"{count} calls")
        return [json.loads(body) for _, _, body in self.receiver.calls]

    def states(self):
        items = self.broker.of_namespace("GET", "/notifies?limit=1000")["items"]
        return sorted(item["state"] for item in items if item["url"] == self.receiver.url)


def equal(seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{seen!r} instead of {wanted!r}")


def submit(task):
    """Submits {"order": 17}, and prints the notify's id."""
    printed = task.run()
    equal(task.called(), [{"order": 17}])
    found = [item["id"] for item in task.broker.of_namespace("GET", "/notifies")["items"] if item["url"] == task.receiver.url]
    equal([one for one in found if one in printed], found)


def delay_and_cancel(task):
    """Submits one that is due later, and cancels it."""
    task.run()
    equal(task.states(), ["cancelled"])
    equal(task.receiver.calls, [])


def trigger(task):
    """Holds {"order": 17} under an fkey, and triggers it with {"paid": true}."""
    task.run()
    equal(task.called(), [{"order": 17, "paid": True}])


def retry_failed(task):
    """Lists the failed ones of the lane `orders`, prints their ids, and sends them again."""
    notify = {"url": task.receiver.url, "lane": "orders", "data": {"order": 17}, "retry": {"max_attempts": 1}}
    task.receiver.status = 500
    made = [task.broker.of_namespace("POST", "/notifies", notify)["id"] for _ in range(3)]
    until(lambda: task.states() == ["failed"] * 3, "three failed")
    task.receiver.status = 200
    printed = task.run()
    equal([one for one in made if one in printed], made)
    until(lambda: task.states() == ["succeeded"] * 3, "three succeeded")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def post(port, headers, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/orders", body, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def signed(key, name, body, at_s):
    secret = base64.b64decode(key[len("whsec_"):])
    mac = hmac.new(secret, f"{name}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": name, "webhook-timestamp": str(at_s), "webhook-signature": "v1," + base64.b64encode(mac).decode(), "Notify-Id": name}


def refused(port, headers, body, reason):
    status, text = post(port, headers, body)
    equal(status, 401)
    equal(reason if reason in text else text, reason)


def receive(task):
    """Listens on PORT with the key in WEBHOOK_KEY, prints `order N` once for each signed call, and drops repeats.

    Answers 400 to a signed body that is no JSON, and 401 and why to all that is not signed.
    """
    port = free_port()
    environment = {**task.broker.environment(), "PORT": str(port)}
    process = subprocess.Popen(task.command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: process.poll() is not None or reachable(port), "the receiver listens")
        notify = {"url": f"http://127.0.0.1:{port}/orders", "data": {"order": 17}}
        made = task.broker.of_namespace("POST", "/notifies?wait_ms=60000", notify)
        equal((made["state"], made["attempts_made"]), ("succeeded", 1))
        key, body, now = task.broker.key, b'{"order":18}', int(time.time())
        equal(post(port, signed(key, "n00000000000000ff", body, now), body)[0] // 100, 2)
        equal(post(port, signed(key, "n00000000000000ff", body, now), body)[0] // 100, 2)
        # What cannot be read is not done, though it is signed.
        for _ in range(2):
            equal(post(port, signed(key, "n0000000000000103", b"no JSON", now), b"no JSON")[0], 400)
        refused(port, signed(key, "n0000000000000100", body, now), body + b" ", "no_match")
        refused(port, signed(key, "n0000000000000101", body, now - 3600), body, "too_old")
        refused(port, {"Notify-Id": "n0000000000000102"}, body, "missing_header")
    finally:
        process.terminate()
        printed = process.communicate(timeout=PATIENCE_S)[0]
    equal([line for line in printed.splitlines() if line.startswith("order")], ["order 17", "order 18"])


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


TASKS = {task.__name__: task for task in (submit, delay_and_cancel, trigger, retry_failed, receive)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--notifyd", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("examples", nargs="+")
    arguments = parser.parse_args()
    names = {os.path.splitext(os.path.basename(path))[0]: path for path in arguments.examples}
    equal(sorted(names), sorted(TASKS))
    wrong = 0
    with Broker(arguments.notifyd) as broker:
        for name, path in sorted(names.items()):
            task = Task(broker, [part.replace("{}", path) for part in shlex.split(arguments.run)])
            try:
                TASKS[name](task)
                print(f"ok {name}")
            except Exception as error:  # pylint: disable=broad-except
                print(f"FAILED {name}: {error}", file=sys.stderr)
                wrong += 1
            finally:
                task.receiver.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
