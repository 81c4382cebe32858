"""The stage: a broker that is killed and started, the receiver and the submitter beside it, and what the store lists in the end."""

import ctypes
import glob
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import history
from checker import judge
from reading import PENDING, idle_acts
from receiver import ms_of

HERE = os.path.dirname(os.path.abspath(__file__))
# For whatever a busy machine may take; nothing waits so long where all is well.
PATIENCE_S = 120
SYNC_WINDOW_S = 0.05
# So long what is in flight at an orderly stop may take.
STOP_GRACE_S = 0.15

CONFIGURATION = """
[destinations]
allow = ["{host}/32"]
[limits]
in_flight = 200
[breaker]
failures = 3
open_ms = 100
[[tube]]
name = "mail"
url = "http://{host}:{receiver}/tube"
content_type = "text/plain"
mode = "fifo"
"""
# What a store elsewhere has not.
BACKUPS = """
[backup]
directory = "{place}/backup"
"""
# What two brokers of one machine cannot both have.
DOOR = """
[[listener]]
address = "127.0.0.1:{door}"
protocol = "beanstalkd"
namespace = "default"
"""
# By it each call says whose it is, as the broker sees it.
RULE = """
[[destination]]
match = "http://{host}:*"
namespaces = ["{ns}"]
headers = {{ X-Namespace = "{ns}"{more} }}
"""


# What the books are of.
BOOKS = ("accepted", "revived", "succeeded", "failed", "cancelled", "expired", "pending")


def books(metrics):
    """Of a page of metrics; each word must be there, since two pages without any are the same."""
    found = re.findall(r"^notifyd_(accepted|revived|succeeded|failed|cancelled|expired)_total (\d+)$|^notifyd_(pending) (\d+)$", metrics, re.MULTILINE)
    words = {one or other: int(total or pending) for one, total, other, pending in found}
    if set(words) != set(BOOKS):
        raise RuntimeError(f"the metrics have no {', '.join(sorted(set(BOOKS) - set(words)))}")
    return words


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_port():
    """Below those that the kernel gives to clients, so that nobody has it while the broker is away."""
    while True:
        port = random.randint(15000, 32000)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def until(there, what, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        found = there()
        if found:
            return found
        time.sleep(0.005)
    raise TimeoutError(f"not in {patience_s} s: {what}")


def ask_text(host, port, path, timeout):
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def ask_json(host, port, method, path, timeout):
    """(status, JSON or None); (0, None) where no answer came."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


class Stage:
    """A with block: the receiver runs all along; the broker as the rounds say; in the end verdict()."""

    # Whether the store is the broker's own, and whether there is one broker, which has a door.
    alone = has_door = True
    # Where receivers, and the broker, listen.
    host = "127.0.0.1"
    spaces_used = ("alpha", "beta", "default")

    def __init__(self, notifyd, seed, arguments=(), environment=None, load=(), place=None):
        self.notifyd, self.seed, self.arguments, self.load_arguments = notifyd, seed, list(arguments), list(load)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("NOTIFYD_")} | (environment or {})
        self.random = random.Random(f"stage/{seed}")
        self.place = tempfile.mkdtemp(prefix="torture-", dir=place)
        self.data = os.path.join(self.place, "data")
        self.broker = self.load = self.receiver = None
        self.lives, self.found, self.down = 0, False, None

    def __enter__(self):
        try:
            self.flapping = free_port()
            self.killer = history.Log(self.path("killer"))
            self.killer.watch_stalls()
            self.killer.watch_disk(self.path("synced"))
            self.receiver = subprocess.Popen([sys.executable, f"{HERE}/receiver.py", "--log", self.path("receiver"), "--host", self.host,
                                              "--flapping", str(self.flapping)],
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=end_with_parent)
            self.receiver_port = int(self.receiver.stdout.readline())
            self.port, self.door = free_port(), free_port()
            self.configure("notifyd.toml")
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, failed, *_):
        for process in (self.load, self.broker, self.receiver):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        if (failed or self.found) and os.environ.get("TORTURE_KEEP"):
            print("kept:", self.place, file=sys.stderr)
        else:
            shutil.rmtree(self.place, ignore_errors=True)

    def configure(self, name, more=""):
        """more: further headers of each rule."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            text = CONFIGURATION + (BACKUPS if self.alone else "") + (DOOR if self.has_door else "")
            file.write(text.format(place=self.place, door=self.door, receiver=self.receiver_port, host=self.host))
            for ns in (*self.spaces_used, "tight"):
                file.write(RULE.format(ns=ns, host=self.host, more=more))

    def path(self, name):
        return os.path.join(self.place, name)

    # ---- the broker

    def start(self, wait=True):
        """A new life. Its log goes to a file of its own."""
        self.lives += 1
        self.down = self.down or time.monotonic()
        self.log_path = self.path(f"log.{self.lives}")
        command = [self.notifyd, "--config", self.path("notifyd.toml"), "--listen", f"127.0.0.1:{self.port}", "--data-dir", self.data,
                   "--log-format", "json", "--shutdown-grace-ms", f"{STOP_GRACE_S * 1000:.0f}", *self.arguments]
        with open(self.log_path, "wb") as log:
            self.broker = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL, env=self.environment, preexec_fn=end_with_parent)
        if wait:
            self.listening()
            self.killer.add("away", t=self.down, until=time.monotonic())
            self.down = None

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def listening(self, times=1):
        def there():
            if self.broker.poll() is not None:
                raise RuntimeError(f"notifyd ended with {self.broker.returncode}: {self.log_text()[-2000:]}")
            return len(re.findall(r'"listening on 127\.0\.0\.1:%d"' % self.port, self.log_text())) >= times

        until(there, "the broker listens")

    def end(self, number, how, window, **more):
        """Sends a signal and waits for the end; gives the exit code."""
        begun = time.monotonic()
        self.down = self.down or begun
        self.broker.send_signal(number)
        code = self.broker.wait(PATIENCE_S)
        self.killer.add("dead", t=begun, until=time.monotonic(), how=how, window=window, **more)
        return code

    def kill(self):
        self.end(signal.SIGKILL, "kill", SYNC_WINDOW_S)

    def stop(self):
        code = self.end(signal.SIGTERM, "term", 0, grace=STOP_GRACE_S)
        if code != 0:
            raise RuntimeError(f"SIGTERM: exit code {code}: {self.log_text()[-2000:]}")

    def restart_in_place(self):
        """Until it listens again. What is in flight when its grace is over is aborted, and repeated."""
        before = self.log_text().count("restarted in place")
        begun = time.monotonic()
        self.broker.send_signal(signal.SIGUSR1)

        def there():
            if self.broker.poll() is not None:
                raise RuntimeError(f"restart in place: ended with {self.broker.returncode}: {self.log_text()[-2000:]}")
            return self.log_text().count("restarted in place") > before

        until(there, "the broker has restarted in place")
        self.killer.add("dead", t=begun, until=time.monotonic(), how="restart", window=0, grace=STOP_GRACE_S)

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path):
        """JSON of a 200, asked again while the broker wakes or takes nothing yet."""

        def there():
            status, text = self.call("GET", path)
            return json.loads(text) if status == 200 else None

        return until(there, f"GET {path} answers 200")

    # ---- the load

    def begin_load(self):
        command = [sys.executable, f"{HERE}/load.py", "--log", self.path("submitter"), "--broker", f"{self.host}:{self.port}", "--door",
                   str(self.door) if self.has_door else "0",
                   "--receiver", f"{self.host}:{self.receiver_port}", "--seed", str(self.seed), "--flapping",
                   str(self.flapping), "--spaces", *self.spaces_used, *self.load_arguments]
        self.load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=end_with_parent)
        if self.load.stdout.readline() != b"ready\n":
            raise RuntimeError("the load did not begin")

    def end_load(self):
        self.receiver.stdin.write(b"stay\n")
        self.receiver.stdin.flush()
        if self.load.poll() is not None and self.load.returncode == 0:
            return
        self.load.stdin.close()
        if self.load.wait(2 * PATIENCE_S) != 0:
            raise RuntimeError(f"the load ended with a fault{self.ended_by_itself()}")

    def work(self, low_s, high_s):
        """Lets the load run for some time between these."""
        time.sleep(self.random.uniform(low_s, high_s))
        if self.load.poll() is not None:
            raise RuntimeError(f"the load ended{self.ended_by_itself()}")

    def ended_by_itself(self):
        """Where the broker did, what it said last."""
        if self.broker is None or self.broker.poll() is None:
            return ""
        return f"; the broker has ended with {self.broker.returncode}: {self.log_text().strip()[-500:]}"

    # ---- the end

    def spaces(self):
        return [each["name"] for each in self.get("/v1/namespaces")["items"]]

    def drain(self):
        """Until nothing is pending but what is held for good."""

        def waits(ns):
            states = self.get(f"/v1/namespaces/{ns}/stats")["states"]
            if sum(states.values()) > states["held"]:
                return True
            held = self.get(f"/v1/namespaces/{ns}/notifies?state=held&limit=1000")["items"]
            # One of a group waits for its turn there, which comes once the one before it is written.
            if any(each["due_at"] or each.get("group_id") for each in held):
                return True
            # The figures are of what is decided, a list is of what is written, which follows.
            others = ",".join(state for state in PENDING if state != "held")
            if len(held) != min(states["held"], 1000) or self.get(f"/v1/namespaces/{ns}/notifies?state={others}&limit=1")["items"]:
                return True
            # One that fell due between the two is in neither.
            return self.get(f"/v1/namespaces/{ns}/stats")["states"] != states

        def drained():
            return not any(waits(ns) for ns in self.spaces())

        try:
            until(drained, "all is settled", PATIENCE_S)
        except TimeoutError:
            pass  # what is stuck is named by the checker

    def listed(self, ns):
        items, cursor = [], ""
        while True:
            page = self.get(f"/v1/namespaces/{ns}/notifies?limit=1000{cursor}")
            items += [{"id": each["id"], "state": each["state"], "tag": self.tag_of(each)} for each in page["items"]]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    @staticmethod
    def tag_of(each):
        """What the listed fields tell of an item's tag: as receiver.named has it."""
        path = each["url"].partition("?")[0]
        if each.get("schedule"):
            return f"sch.{each['schedule']}@{ms_of(each['scheduled_at'])}"
        if "/cb/" in path:
            return "cb." + path.rpartition("/cb/")[2]
        return path.rpartition("/t/")[2] if "/t/" in path else None

    def metrics(self):
        """The books of all namespaces together; they follow within a second."""
        return books(self.call("GET", "/metrics")[1].decode())

    def final(self):
        self.drain()
        spaces = {ns: {"items": self.listed(ns), "stats": self.get(f"/v1/namespaces/{ns}/stats")} for ns in self.spaces()}
        sums = {word: sum(space["stats"]["totals"].get(word, space["stats"]["pending"]) for space in spaces.values()) for word in BOOKS}
        try:
            until(lambda: self.metrics() in (sums, None), "the metrics have what the namespaces have", 10)
        except TimeoutError:
            pass  # the checker says which
        metrics = self.metrics()
        return {"drained": True, "namespaces": spaces, "metrics": metrics}

    def verdict(self):
        """Ends the load, waits for all, and judges: (faults, counts)."""
        self.end_load()
        final = self.final()
        with open(self.path("final"), "w", encoding="utf-8") as file:
            json.dump(final, file)
        faults, counts = judge(history.read(self.path("submitter")), history.read(self.path("receiver")), history.read(self.path("killer")), final)
        faults += idle_acts(counts)
        self.found = bool(faults)
        return faults, counts | {"breakers": self.logged("breaker opened")}

    def logged(self, event):
        """How often the broker's lives said this."""
        count = 0
        for path in glob.glob(self.path("log.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                count += sum(f'"event":"{event}"' in line for line in file)
        return count
