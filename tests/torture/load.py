"""The submitter: a mixed load over every feature, from several threads, through whatever becomes of the broker. Logs what it asks and is told.

load.py --log FILE --broker HOST:PORT... --door PORT --receiver HOST:PORT --seed N [--spaces NAME...] [--clients N] [--pause-ms N]

Prints "ready" once the load runs, and goes on until its standard input ends. Then what was to be asked again is asked, schedules end, and it ends
with 0. Of several brokers that one is asked which takes it.
"""

import argparse
import http.client
import json
import random
import socket
import sys
import threading
import time
from datetime import datetime, timezone

import bodies
from history import Log

# For whatever a busy machine and a broker that is away may take.
PATIENCE_S = 120
# Where there are others to ask, one that does not answer is not waited for so long.
OTHERS_S = 15
# So often another one of several is asked, though nothing was wrong with the one before.
OTHER = 0.1
EVERY_MS = 1000
# A namespace of its own, that takes so many at once.
TIGHT, MOST_PENDING = "tight", 30
# The namespace whose calls are signed.
SIGNED = "beta"


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Asker:
    """Asks the broker for one thread, and logs it."""

    numbers = iter(range(1, 1 << 60))
    lock = threading.Lock()

    def __init__(self, log, ports):
        self.log, self.ports, self.connection = log, list(ports), None

    def connected(self):
        """Waits for a broker that can be reached: what is not sent is not asked."""
        end = time.monotonic() + PATIENCE_S
        while self.connection is None:
            connection = http.client.HTTPConnection(self.ports[0], timeout=OTHERS_S if len(self.ports) > 1 else PATIENCE_S)
            try:
                connection.connect()
                self.connection = connection
            except OSError:
                if time.monotonic() > end:
                    raise
                self.other()

    def call(self, method, path, body=None):
        """(status, JSON), (0, None) where no answer came."""
        if len(self.ports) > 1 and random.random() < OTHER:
            self.drop()
            self.other()
        self.connected()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.getheader("Connection", "").lower() == "close":
                self.drop()
            if answer.status == 503 and len(self.ports) > 1:
                self.drop()
                self.other()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError):
            self.drop()
            if len(self.ports) > 1:
                self.other()
            return 0, None

    def other(self):
        """The next one asks another broker, where there are several."""
        time.sleep(0.005)
        self.ports.append(self.ports.pop(0))

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def sure(self, method, path, body=None):
        """Until it is done; for what is set up before the load."""
        end = time.monotonic() + PATIENCE_S
        while True:
            status, answer = self.call(method, path, body)
            if status // 100 == 2:
                return answer
            # Members of a cluster know a namespace that one of them has made within half a second.
            made = status == 404 and len(self.ports) > 1
            if status // 100 == 4 and not made or time.monotonic() > end:
                raise RuntimeError(f"{method} {path}: {status} {answer}")
            time.sleep(0.05)

    def ask(self, do, ns, items, method, path, body=None, ids=lambda answer: None, whole=False):
        """Logs the request before it is sent, and its answer; gives (status, JSON)."""
        self.connected()
        with Asker.lock:
            op = next(Asker.numbers)
        self.log.add("ask", op=op, do=do, ns=ns, items=items, whole=whole)
        status, answer = self.call(method, f"/v1/namespaces/{ns}{path}", body)
        more = {} if status // 100 == 2 or not answer else {"detail": answer.get("detail")}
        self.log.add("ans", op=op, status=status, ids=ids(answer) if status // 100 == 2 else None, **more)
        return status, answer


class Client:
    """One thread of the load. What waits for something, by tag: (ns, id, what was given)."""

    def __init__(self, number, seed, settings, log, stopped):
        self.number, self.settings, self.log, self.stopped = number, settings, log, stopped
        self.random = random.Random(f"{seed}/{number}")
        self.asker = Asker(log, settings.broker)
        self.made, self.again, self.held, self.waiting, self.sent = 0, [], [], [], []
        # What some triggers merge, by tag; and keys that other namespaces may have as well, by what they are for: (key, the namespaces that have it).
        self.merged, self.keys = {}, {"fkey": [], "submit": [], "group": [], "publish": []}
        # What is done, and how often in a hundred and so.
        self.acts = [(self.single, 30), (self.batch, 10), (self.later, 12), (self.hold, 10), (self.trigger, 8), (self.cancel, 8), (self.group, 6),
                     (self.publish, 8), (self.look, 8), (self.retry, 3), (self.mortal, 3), (self.change, 6), (self.tight, 5), (self.flapping, 4)]

    def run(self):
        acts, weights = zip(*self.acts)
        while not self.stopped.is_set():
            self.random.choices(acts, weights)[0]()
            if self.again and self.random.random() < 0.7:
                self.again.pop(0)()
            time.sleep(self.random.random() * self.settings.pause_ms / 500)
        while self.again:
            self.again.pop(0)()

    # ---- notifies

    def tag(self):
        self.made += 1
        return f"c{self.number}-{self.made}"

    def space(self):
        return self.random.choice(self.settings.spaces)

    def key(self, what, ns, tag):
        """At times the one that another namespace has: there it is another one."""
        others = [each for each in self.keys[what] if ns not in each[1]]
        if others and self.random.random() < 0.4:
            key, spaces = self.random.choice(others)
            spaces.add(ns)
            return key
        self.keys[what].append((tag, {ns}))
        del self.keys[what][:-8]
        return tag

    def filled(self, tag, body, item, merged=False):
        """With a body of its own, and a header."""
        fields, known = bodies.borne(tag, self.random, merged)
        return {**body, **fields, "headers": {bodies.HEADER: known}}, {**item, "sum": known, "head": known}

    def fate(self):
        """(fate, fields of the notify, fields of the item)"""
        slow, failing = f"slow:{self.random.randint(2, 60)}", f"fail:{self.random.randint(1, 3)}"
        fates = [("ok", 50), (slow, 25), (failing, 12), ("cut:1", 5), ("hang:1", 3), ("dead", 5)]
        fate = self.random.choices([f for f, _ in fates], [w for _, w in fates])[0]
        policy = {"retry": {"schedule_ms": [self.random.randint(1, 40)], "jitter": 0, "max_attempts": 2 if fate == "dead" else 12}}
        if fate == "hang:1":
            policy["timeout_ms"] = 400
        more = {"fails": True} if fate == "dead" else {}
        return fate, policy, more | {"attempts": policy["retry"]["max_attempts"]}

    def lane(self):
        """(lane, mode, fields of the item). The lanes "s..." let others pass while one waits."""
        lanes = [("wide", "concurrent", {}), (f"f{self.number}", "fifo", {}), ("shared", "fifo", {}), (f"s{self.number}", "fifo", {"skip": True})]
        return self.random.choices(lanes, [50, 20, 15, 15])[0]

    def notify(self, lane=None, merged=False, **fields):
        """(the notify, its item). merged: data is merged into its body."""
        tag, (fate, policy, more) = self.tag(), self.fate()
        name, mode, passing = lane or self.lane()
        place = "service://recv" if self.random.random() < 0.15 else f"http://{self.settings.receiver}"
        body = {"url": f"{place}/t/{tag}?f={fate}", "lane": name, "mode": mode, **policy, **fields}
        return self.filled(tag, body, {"tag": tag, "lane": name, "mode": mode, **more, **passing}, merged)

    def single(self, **fields):
        ns, (body, item) = self.space(), self.notify(**fields)
        if self.random.random() < 0.1:
            return self.submit_and_wait(ns, body, item)
        if self.random.random() < 0.7:
            body["idempotency_key"] = self.key("submit", ns, item["tag"])
        items = [item]
        if self.random.random() < 0.1:
            body["callback_url"] = f"http://{self.settings.receiver}/cb/{item['tag']}"
            items.append({"tag": "cb." + item["tag"], "lane": "cb", "mode": "concurrent", "virtual": True, "of": item["tag"]})
        return self.submit(ns, body, items)

    def submit(self, ns, body, items):
        status, answer = self.asker.ask("submit", ns, items, "POST", "/notifies", body, lambda a: [a["id"]])
        if status // 100 == 2:
            self.sent.append((ns, answer["id"], items[0]))
            del self.sent[:-200]
            return ns, answer["id"], items[0]
        if "idempotency_key" in body and (status == 0 or status >= 500):
            self.again.append(lambda: self.submit(ns, body, items))
        return None

    def submit_and_wait(self, ns, body, item):
        """The answer comes once it is settled, with what the receiver said, or when the wait is over."""
        status, answer = self.asker.ask("submit", ns, [item], "POST", f"/notifies?wait_ms={self.random.choice([20, 200])}", body, lambda a: [a["id"]])
        if status == 200 and answer["state"] in ("succeeded", "failed", "cancelled", "expired"):
            self.log.add("told", tag=item["tag"], state=answer["state"], answered=(answer.get("response") or {}).get("status"))

    def tight(self):
        """Some that wait for a little, where there is room for a few; what is too much is refused."""
        items, these = [], []
        for _ in range(self.random.randint(1, 12)):
            tag, wait = self.tag(), self.random.randint(100, 1500)
            body, item = self.filled(tag, {"url": f"http://{self.settings.receiver}/t/{tag}?f=ok", "lane": "tight", "delay_ms": wait},
                                     {"tag": tag, "lane": "tight", "mode": "concurrent", "delay": wait})
            items.append(item)
            these.append(body)
        self.asker.ask("submit", TIGHT, items, "POST", "/notifies", these, lambda a: [each["id"] for each in a["items"]], whole=True)
        status, answer = self.asker.call("GET", f"/v1/namespaces/{TIGHT}/stats")
        if status == 200:
            self.log.add("filled", ns=TIGHT, states=answer["states"], totals=answer["totals"], most=MOST_PENDING)

    def flapping(self):
        """To a port at which now and then nobody listens, so that its breaker opens and closes."""
        if not self.settings.flapping:
            return
        ns, tag = self.space(), self.tag()
        name, mode = self.random.choice([("flap", "concurrent"), ("flap", "fifo")])
        body = {"url": f"http://{self.settings.receiver.rpartition(':')[0]}:{self.settings.flapping}/t/{tag}?f=ok", "lane": name, "mode": mode,
                "idempotency_key": self.key("submit", ns, tag), "retry": {"schedule_ms": [30], "jitter": 0, "max_attempts": 100}}
        body, item = self.filled(tag, body, {"tag": tag, "lane": name, "mode": mode, "unseen": True})
        self.submit(ns, body, [item])

    def batch(self):
        ns, lane = self.space(), self.lane() if self.random.random() < 0.6 else None
        pairs = [self.notify(lane) for _ in range(self.random.randint(2, 12))]
        self.asker.ask("submit", ns, [item for _, item in pairs], "POST", "/notifies", [body for body, _ in pairs],
                       lambda a: [each["id"] for each in a["items"]], whole=True)

    def later(self):
        ns, (body, item) = self.space(), self.notify()
        wait = self.random.choice([20, 100, 400, 1500]) + self.random.randint(0, 50)
        if self.settings.delays or self.random.random() < 0.5:
            body["delay_ms"] = item["delay"] = wait
        else:
            item["due"] = int(time.time() * 1000) + wait
            body["due_at"] = iso(item["due"])
        made = self.submit(ns, body, [item])
        if made and wait >= 400:
            self.waiting.append(made)

    def hold(self):
        ns, with_data = self.space(), self.random.random() < 0.5
        body, item = self.notify(merged=with_data)
        body["fkey"] = item["fkey"] = self.key("fkey", ns, item["tag"])
        if with_data:
            self.merged[item["tag"]] = self.trigger_data(item["tag"], body)
        if self.random.random() < 0.3:
            body["delay_ms"] = item["delay"] = self.random.randint(200, 2000)
        made = self.submit(ns, body, [item])
        # Some are never triggered, and stay.
        if made and self.random.random() < 0.85:
            self.held.append(made)

    def trigger_data(self, tag, body):
        """(what its trigger brings, the sum of what it has then): a new key, one in the place of another, or all of it."""
        data = {"paid": tag, "text": bodies.text_of("paid " + tag, bodies.size_of(self.random))}
        return data, bodies.sum_of_data(body.get("data", {}) | data)

    def take(self, these):
        return these.pop(self.random.randrange(len(these))) if these else None

    def trigger(self):
        taken = self.take(self.held)
        if not taken:
            return
        ns, _, item = taken
        data, known = self.merged.get(item["tag"], (None, None))
        more = {"sum": known} if known else {}
        status, _ = self.asker.ask("trigger", ns, [{"tag": item["tag"], **more}], "POST", f"/fkeys/{item['fkey']}/trigger", data and {"data": data})
        if status == 0 or status >= 500:
            self.held.append(taken)

    def cancel(self):
        taken = self.take(self.random.choice([self.held, self.waiting, self.sent]))
        if taken:
            ns, known, item = taken
            self.asker.ask("cancel", ns, [{"tag": item["tag"]}], "DELETE", f"/notifies/{known}")

    def change(self):
        """Another due time for one that waits for its own."""
        if not self.waiting:
            return
        ns, known, item = self.random.choice(self.waiting)
        wait = self.random.choice([0, 50, 300, 1000]) + self.random.randint(0, 50)
        if self.settings.delays or self.random.random() < 0.5:
            body, changed = {"delay_ms": wait}, {"tag": item["tag"], "delay": wait}
        else:
            changed = {"tag": item["tag"], "due": int(time.time() * 1000) + wait}
            body = {"due_at": iso(changed["due"])}
        if self.random.random() < 0.3:
            # Another body, too: what was there is gone.
            data = bodies.data_of(f"{item['tag']} changed {self.random.random()}", bodies.size_of(self.random))
            body |= {"data": data, "body": None, "body_base64": None, "content_type": None}
            changed["sum"] = bodies.sum_of_data(data)
        self.asker.ask("change", ns, [changed], "PATCH", f"/notifies/{known}", body)

    def mortal(self):
        """One that no attempt of succeeds, until its time is over."""
        ns, tag = self.space(), self.tag()
        body = {"url": f"http://{self.settings.receiver}/t/{tag}?f=dead", "lane": "mortal", "ttl_ms": 150,
                "retry": {"schedule_ms": [40], "jitter": 0, "max_attempts": 50}}
        body, item = self.filled(tag, body, {"tag": tag, "lane": "mortal", "mode": "concurrent", "fails": True, "ttl": 150})
        self.submit(ns, body, [item])

    # ---- together

    def group(self):
        ns, tag, sequential = self.space(), self.tag(), self.random.random() < 0.5
        rest = self.random.random() < 0.3
        pairs = [self.notify(("wide", "concurrent", {})) for _ in range(self.random.randint(2, 4))]
        items = [item for _, item in pairs]
        for before, item in zip([None, *items], items):
            if sequential and before:
                item["after"] = before["tag"]
            if rest:
                item["may_cancel"] = True
        callback = {"tag": f"cb.{tag}", "lane": "cb", "mode": "concurrent", "virtual": True, "of": [item["tag"] for item in items]}
        body = {"sequential": sequential, "on_failure": "cancel_rest" if rest else "continue", "notifies": [body for body, _ in pairs],
                "callback_url": f"http://{self.settings.receiver}/cb/{tag}", "idempotency_key": self.key("group", ns, tag)}
        self.ask_group(ns, items + [callback], body)

    def ask_group(self, ns, items, body):
        status, _ = self.asker.ask("group", ns, items, "POST", "/groups", body, lambda a: [each["id"] for each in a["notifies"]], whole=True)
        if status == 0 or status >= 500:
            self.again.append(lambda: self.ask_group(ns, items, body))

    def publish(self):
        ns, tag = self.space(), self.tag()
        fate = self.random.choice(["ok", "slow:20", "fail:1"])
        body = {"data": bodies.data_of(tag, bodies.size_of(self.random)) | {"f": fate}}
        if self.random.random() < 0.7:
            body["idempotency_key"] = self.key("publish", ns, tag)
        known = bodies.sum_of_data(body["data"])
        items = [{"tag": f"{tag}@{name}", "lane": f"subscription/{name}", "mode": mode, "virtual": True, "sum": known, "head": name}
                 for name, mode in (("wide", "concurrent"), ("fifo", "fifo"))]
        self.ask_publish(ns, items, body)

    def ask_publish(self, ns, items, body):
        status, _ = self.asker.ask("publish", ns, items, "POST", "/topics/order.made/publish", body, whole=True)
        if "idempotency_key" in body and (status == 0 or status >= 500):
            self.again.append(lambda: self.ask_publish(ns, items, body))

    # ---- what is told

    def look(self):
        if not self.sent:
            return
        ns, known, item = self.random.choice(self.sent)
        page = self.random.choice(["lanes?limit=100", "notifies?limit=20", "notifies?state=failed&limit=20"])
        self.read(f"/v1/namespaces/{ns}/{page}")
        self.read(f"/v1/namespaces/{ns}/notifies/{known}")
        status, answer = self.asker.call("GET", f"/v1/namespaces/{ns}/notifies/{known}?wait_ms=20")
        if status == 200 and answer["state"] in ("succeeded", "failed", "cancelled", "expired"):
            self.log.add("told", tag=item["tag"], state=answer["state"])
        elif status == 404:
            self.log.add("told", tag=item["tag"], state="missing")

    def read(self, path):
        begun = time.monotonic()
        status, _ = self.asker.call("GET", path)
        self.log.add("read", status=status, took=time.monotonic() - begun)

    def retry(self):
        taken = self.take(self.sent)
        if taken and taken[2]["mode"] == "concurrent" and "fkey" not in taken[2]:
            ns, known, item = taken
            self.asker.ask("retry", ns, [{"tag": item["tag"]}], "POST", f"/notifies/{known}/retry")


class Door:
    """A producer at the beanstalkd door: one tube, whose jobs go out in their order."""

    def __init__(self, settings, log, stopped):
        self.settings, self.log, self.stopped, self.made, self.socket = settings, log, stopped, 0, None
        self.random = random.Random(f"{settings.seed}/door")

    def run(self):
        while not self.stopped.is_set():
            try:
                self.put()
            except OSError:
                self.socket = None
            time.sleep(0.02)

    def line(self, text):
        self.socket.sendall(text)
        answer = b""
        while not answer.endswith(b"\r\n"):
            more = self.socket.recv(4096)
            if not more:
                raise OSError("closed")
            answer += more
        return answer.decode().strip()

    def put(self):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.settings.door), PATIENCE_S)
            self.line(b"use mail\r\n")
        self.made += 1
        tag = f"j{self.made}"
        job = f"{tag} slow:5 {bodies.text_of(tag, bodies.size_of(self.random))}".encode()
        with Asker.lock:
            op = next(Asker.numbers)
        self.log.add("ask", op=op, do="put", ns="default", items=[{"tag": tag, "lane": "mail", "mode": "fifo", "sum": bodies.sum_of(bodies.TEXT, job)}], whole=False)
        try:
            answer = self.line(b"put 0 0 60 %d\r\n%s\r\n" % (len(job), job))
        except OSError:
            self.log.add("ans", op=op, status=0, ids=None)
            raise
        word, _, number = answer.partition(" ")
        done = word == "INSERTED"
        self.log.add("ans", op=op, status=201 if done else 503, ids=[f"n{int(number):016x}"] if done else None, detail=answer)


def set_up(asker, settings, log):
    """Namespaces, a service, subscriptions, lanes and schedules; all are there before the load begins."""
    place = f"http://{settings.receiver}"
    retry = {"schedule_ms": [20], "jitter": 0, "max_attempts": 50}
    open_to = {"destinations": {"allow": [f"{settings.receiver.rpartition(':')[0]}/32"]}}
    for ns in settings.spaces:
        base = f"/v1/namespaces/{ns}"
        if ns != "default":
            asker.sure("PUT", base, open_to)
        asker.sure("PUT", f"{base}/services/recv", {})
        asker.sure("PUT", f"{base}/services/recv/instances/one", {"url": place})
        asker.sure("PUT", f"{base}/subscriptions/wide", {"topic": "order.#", "url": f"{place}/sub/wide", "headers": {bodies.HEADER: "wide"}, "retry": retry})
        asker.sure("PUT", f"{base}/subscriptions/fifo", {"topic": "order.*", "url": f"{place}/sub/fifo", "mode": "fifo", "retry": retry,
                                                         "headers": {bodies.HEADER: "fifo"}})
        for number in range(settings.clients):
            asker.sure("PATCH", f"{base}/lanes/fifo/s{number}", {"on_retry": "skip"})
        if settings.schedules:
            name, data = f"tick-{ns}", bodies.data_of(f"tick-{ns}", 200)
            known = bodies.sum_of_data(data)
            log.add("ask", op=0, do="schedule", ns=ns, items=[], name=name, every_ms=settings.every_ms, lane=f"sch-{ns}", sum=known, head=known)
            asker.sure("PUT", f"{base}/schedules/{name}", {"every_ms": settings.every_ms, "missed": "all", "notify": {
                "url": f"{place}/sch/{name}", "lane": f"sch-{ns}", "data": data | {"at": "{{scheduled_at}}"}, "headers": {bodies.HEADER: known},
                "retry": retry}})
            log.add("scheduled", name=name)
    asker.sure("PUT", f"/v1/namespaces/{TIGHT}", open_to | {"max_pending": MOST_PENDING})
    made = asker.sure("POST", f"/v1/namespaces/{SIGNED}/keys", {"name": "torture"})
    log.add("key", ns=SIGNED, secret=made["secret"])


def end_schedule(asker, log, ns):
    status = None
    while status not in (204, 404):
        asked = time.monotonic()
        status, _ = asker.call("DELETE", f"/v1/namespaces/{ns}/schedules/tick-{ns}")
        log.add("unscheduled", name=f"tick-{ns}", asked=asked, status=status)
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--broker", nargs="+", required=True, help="HOST:PORT")
    parser.add_argument("--receiver", required=True, help="HOST:PORT")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--spaces", nargs="+", default=["alpha", "beta", "default"])
    parser.add_argument("--door", type=int, default=0)
    parser.add_argument("--flapping", type=int, default=0, help="a port of the receiver's at which it listens now and then")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause-ms", type=float, default=4)
    parser.add_argument("--schedules", type=int, default=1)
    parser.add_argument("--every-ms", type=int, default=EVERY_MS, help="of schedules; where clocks jump no more than 1,000 of their times may lie between")
    parser.add_argument("--delays", type=int, default=0, help="1: what is due later says delay_ms alone")
    settings = parser.parse_args()
    log, stopped, faults = Log(settings.log), threading.Event(), []
    log.watch_stalls()
    asker = Asker(log, settings.broker)
    set_up(asker, settings, log)
    workers = [Client(number, settings.seed, settings, log, stopped) for number in range(settings.clients)]
    if settings.door:
        workers.append(Door(settings, log, stopped))

    def work(worker):
        try:
            worker.run()
        except Exception as fault:  # whatever it was: the load is not what it should be
            faults.append(repr(fault))
            raise

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    stopped.set()
    for thread in threads:
        thread.join()
    for ns in settings.spaces if settings.schedules else ():
        end_schedule(asker, log, ns)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
