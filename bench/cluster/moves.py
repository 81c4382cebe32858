#!/usr/bin/env python3
"""Measures what users see of several brokers on one PostgreSQL: how long nothing of a namespace is sent while it moves in order (a drain, a SIGTERM),
how long after a crash (SIGKILL) its new owner sends, and what a submit costs more that another member is to serve.

    bench/cluster/moves.py --bin build/release/bin [--only drain,stop,kill,standby,pass] [--moves 50] [--rounds 10] [--namespaces 50]

Starts a PostgreSQL of its own (Debian's, fsync on), brokers on free ports of 127.0.0.1, and a receiver that notes each arrival and each answer;
prints medians and percentiles. Standard library only; nothing is signalled but what was started here.
"""
import argparse
import glob
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PAYLOAD = {"data": "x" * 200}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def say(name, values, unit="ms"):
    print(f"{name}: n {len(values)}, p50 {percentile(values, 0.5):.2f} {unit}, p99 {percentile(values, 0.99):.2f} {unit}, "
          f"most {max(values, default=float('nan')):.2f} {unit}", flush=True)


class Postgres:
    def __init__(self, place):
        self.place = place
        self.programs = programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.as_user = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(place, user.pw_uid, user.pw_gid)
            self.as_user = ["setpriv", "--pdeathsig=QUIT", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        run = dict(cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(self.as_user + [programs + "/initdb", "-D", "data", "-U", "notifyd", "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, **run)
        self.child = subprocess.Popen(self.as_user + [programs + "/postgres", "-D", "data", "-c", "listen_addresses=", "-c", "max_connections=300",
                                                      "-c", f"unix_socket_directories={place}"], **run)
        while not os.path.exists(place + "/.s.PGSQL.5432"):
            time.sleep(0.05)
        time.sleep(0.5)
        self.dsn = f"host={place} user=notifyd dbname=postgres"

    def ask(self, sql):
        return subprocess.run([self.programs + "/psql", "-h", self.place, "-U", "notifyd", "-d", "postgres", "-Atc", sql], capture_output=True,
                              text=True).stdout.strip()

    def stop(self):
        self.child.send_signal(signal.SIGQUIT)
        self.child.wait()


class Receiver:
    """Notes, by path, when each request came and when it was answered (seconds of the monotonic clock). A thread a connection."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Lock()
        self.seen = {}  # path: [(came, answered)]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                came = time.monotonic()
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                while len(buffer) < length:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                buffer = buffer[length:]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                path = head.split(b" ")[1].decode()
                with self.lock:
                    self.seen.setdefault(path, []).append((came, time.monotonic()))
        except OSError:
            pass
        finally:
            connection.close()

    def of(self, path):
        with self.lock:
            return list(self.seen.get(path, []))

    def count(self, path):
        with self.lock:
            return len(self.seen.get(path, []))

    def gap_ms(self, path, begin, end):
        """The longest time from an answer to the next arrival that reaches into [begin, end]."""
        seen = sorted(self.of(path))
        longest, last = 0.0, None
        for came, answered in seen:
            if last is not None and came >= begin and last <= end:
                longest = max(longest, came - last)
            last = answered if last is None else max(last, answered)
        return longest * 1e3


class Broker:
    def __init__(self, binary, place, name, dsn, arguments, member=True):
        self.name, self.port = name, free_port()
        os.makedirs(f"{place}/{name}", exist_ok=True)
        self.log_path = f"{place}/{name}.log"
        command = [binary + "/notifyd", "--listen", f"127.0.0.1:{self.port}", "--data-dir", f"{place}/{name}", "--store-engine", "postgres",
                   "--store-postgres-dsn", dsn, "--store-postgres-connections", "2"]
        if member:
            command += ["--cluster-advertise", f"127.0.0.1:{free_port()}", "--cluster-insecure", "true", "--cluster-name", name]
        self.child = subprocess.Popen(command + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.log_path, "ab"))

    def call(self, method, path, body=None, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text[:1] in b"{[" and text else None
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def end(self, number):
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait()


def wait(what, done, timeout_s=60):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        value = done()
        if value:
            return value
        time.sleep(0.02)
    raise RuntimeError("waited in vain for " + what)


class Cluster:
    def __init__(self, options, names, place):
        self.options, self.place = options, place
        self.postgres_place = tempfile.mkdtemp(prefix="pg", dir=place)
        os.chmod(place, 0o755)
        self.postgres = Postgres(self.postgres_place)
        self.receiver = Receiver()
        self.members = {}
        for name in names:
            self.start(name)

    def start(self, name, member=True):
        self.members[name] = Broker(self.options.bin, self.place, name, self.postgres.dsn, self.options.broker_arg, member)
        wait("readiness of " + name, lambda: self.members[name].call("GET", "/healthz")[0] == 200)

    def any(self, but=()):
        return next(m for n, m in self.members.items() if n not in but and m.child.poll() is None)

    def report(self, but=()):
        return wait("a report", lambda: self.any(but).call("GET", "/v1/cluster")[1])

    def owners(self, but=()):
        return {n["name"]: n["owner"] for n in self.report(but)["namespaces"]}

    def leader(self, but=()):
        return wait("a leader", lambda: next((m["name"] for m in self.report(but)["members"] if m["leading"]), None))

    def make(self, spaces):
        for space in spaces:
            wait("namespace " + space, lambda: self.any().call("PUT", f"/v1/namespaces/{space}", {"destinations": {"allow": ["127.0.0.0/8"]}})[0] // 100 == 2)
        wait("owners", lambda: all(self.owners().get(space) for space in spaces))

    def stop(self):
        for member in self.members.values():
            member.end(signal.SIGKILL)
        self.postgres.stop()


class Load:
    """So many submits a second, round the namespaces, by workers that each keep a connection to one of the brokers. Open: late ones are caught up."""

    def __init__(self, cluster, spaces, rate, brokers, workers=24):
        self.cluster, self.spaces, self.rate, self.brokers = cluster, spaces, rate, brokers
        self.next, self.lock, self.began, self.ending = 0, threading.Lock(), time.monotonic(), False
        self.accepted, self.refused, self.took = 0, [], []
        self.threads = [threading.Thread(target=self.work, args=(i,), daemon=True) for i in range(workers)]
        for thread in self.threads:
            thread.start()

    def work(self, worker):
        connection, at = None, worker
        while not self.ending:
            with self.lock:
                number = self.next
                self.next += 1
            pause = self.began + number / self.rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            space = self.spaces[number % len(self.spaces)]
            body = json.dumps(dict(PAYLOAD, url=f"http://127.0.0.1:{self.cluster.receiver.port}/{space}"))
            begun = time.monotonic()
            try:
                if connection is None:
                    names = [n for n in self.brokers() if self.cluster.members[n].child.poll() is None]
                    connection = http.client.HTTPConnection("127.0.0.1", self.cluster.members[names[at % len(names)]].port, timeout=10)
                    connection.connect()
                    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.request("POST", f"/v1/namespaces/{space}/notifies", body)
                response = connection.getresponse()
                response.read()
                status = response.status
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException):
                status, connection, at = 0, None, at + 1
            with self.lock:
                if status == 201:
                    self.accepted += 1
                    self.took.append((begun, (time.monotonic() - begun) * 1e3))
                else:
                    self.refused.append((begun, status))

    def stop(self):
        self.ending = True
        for thread in self.threads:
            thread.join(15)


def drain(cluster, options):
    spaces = ["s1", "s2", "s3"]
    cluster.make(spaces)
    leader = cluster.leader()
    others = [n for n in cluster.members if n != leader]
    time.sleep(11)
    load = Load(cluster, spaces, options.rate, lambda: list(cluster.members))
    time.sleep(1)
    moves, turn, gaps, waits = 0, 0, [], []
    while moves < options.moves:
        away, back = others[turn % 2], others[(turn + 1) % 2]
        turn += 1
        asked, before = time.monotonic(), cluster.owners()
        cluster.any().call("DELETE", f"/v1/cluster/members/{back}/drain")
        cluster.any().call("POST", f"/v1/cluster/members/{away}/drain")
        mine = [s for s in spaces if before[s] == away]
        wait("an empty " + away, lambda: away not in [o for n, o in cluster.owners().items() if n in spaces])
        ended = time.monotonic()
        time.sleep(1.2)
        for space in mine:
            gaps.append(cluster.receiver.gap_ms("/" + space, asked, ended + 0.5))
            moves += 1
        if moves == 0 and turn > 4:
            raise RuntimeError("nothing moves")
    load.stop()
    quiet = [cluster.receiver.gap_ms("/" + s, load.began + 0.2, load.began + 0.9) for s in spaces]
    say("drain: from the last end to the first start", gaps)
    say("       without a move, the longest pause of 0.7 s", quiet)
    say("       submits meanwhile", [took for _, took in load.took])
    print(f"       {load.accepted} submits accepted, {len(load.refused)} not {sorted(set(s for _, s in load.refused))}", flush=True)


def stop(cluster, options):
    spaces = ["s1", "s2", "s3"]
    cluster.make(spaces)
    gaps, whole, refused = [], [], {}
    for round_number in range(options.rounds):
        victim = next(iter(set(o for n, o in cluster.owners().items() if n in spaces)))
        leads = victim == cluster.leader()
        mine = [s for s, o in cluster.owners().items() if o == victim and s in spaces]
        load = Load(cluster, spaces, options.rate, lambda: [n for n in cluster.members if n != victim])
        time.sleep(1.5)
        asked = time.monotonic()
        cluster.members[victim].end(signal.SIGTERM)
        whole.append((time.monotonic() - asked) * 1e3)
        time.sleep(2.5)
        of_round = [cluster.receiver.gap_ms("/" + space, asked, asked + 2) for space in mine]
        print(f"  round {round_number}: {victim}{' (leads)' if leads else ''} had {len(mine)}: {[round(g) for g in of_round]} ms, "
              f"stopped in {whole[-1]:.0f} ms", flush=True)
        gaps += of_round
        load.stop()
        for _, status in load.refused:
            refused[status] = refused.get(status, 0) + 1
        cluster.start(victim)
        wait("its namespaces", lambda: all(cluster.owners().get(s) for s in spaces))
        time.sleep(1)
    say("SIGTERM: from the last end to the first start", gaps)
    say("         until the process had ended", whole)
    print(f"         submits refused, by status: {refused}", flush=True)


def kill(cluster, options):
    spaces = [f"k{i:02}" for i in range(options.namespaces)]
    cluster.make(spaces)
    first, last = [], []
    for round_number in range(options.rounds):
        time.sleep(2 + 0.2 * round_number)  # at another time of its renewals each round, where that is not looked at
        owners = cluster.owners()
        victim = max(set(owners.values()), key=lambda m: sum(o == m for n, o in owners.items() if n in spaces))
        leads = victim == cluster.leader()
        mine = [s for s in spaces if owners[s] == victim]
        # What waits with it, due soon: no client is needed for it to go on.
        now = time.time()
        due_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 6)) + ".000Z"
        for space in mine:
            notify = {"url": f"http://127.0.0.1:{cluster.receiver.port}/{space}-{round_number}", "due_at": due_at}
            wait("a submit", lambda: cluster.members[victim].call("POST", f"/v1/namespaces/{space}/notifies", notify)[0] == 201)
        if not options.any_time:
            # The worst: right behind a renewal.
            before = cluster.postgres.ask(f"SELECT renewal FROM notifyd.members WHERE name = '{victim}'")
            wait("a renewal", lambda: cluster.postgres.ask(f"SELECT renewal FROM notifyd.members WHERE name = '{victim}'") != before)
        mine = [s for s, o in cluster.owners().items() if o == victim and s in mine]  # some may have moved meanwhile
        killed = time.monotonic()
        cluster.members[victim].end(signal.SIGKILL)
        wait("all to go on", lambda: all(cluster.receiver.of(f"/{s}-{round_number}") for s in mine), 30)
        took = sorted(cluster.receiver.of(f"/{s}-{round_number}")[0][0] - killed for s in mine)
        first.append(took[0])
        last.append(took[-1])
        print(f"  round {round_number}: {victim}{' (leads)' if leads else ''} had {len(mine)}: first {took[0]:.2f} s, last {took[-1]:.2f} s", flush=True)
        cluster.start(victim)
        wait("its membership", lambda: victim in [m["name"] for m in cluster.report()["members"] if m["alive"]])
        wait("an even spread", lambda: min(list(cluster.owners().values()).count(n) for n in cluster.members) > 0, 60)
    say("SIGKILL: from the kill to the first arrival of what waited", first, "s")
    say("         to that of the last namespace", last, "s")


def standby(options, place):
    """One broker and a standby, without cluster.advertise."""
    cluster = Cluster(options, [], place)
    try:
        for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGKILL, "SIGKILL")):
            took = []
            for round_number in range(options.rounds if number == signal.SIGTERM else max(2, options.rounds // 3)):
                key = f"/{name}{round_number}"
                cluster.members.clear()
                cluster.start("one", member=False)
                one = cluster.members["one"]
                wait("the store", lambda: one.call("GET", "/readyz")[0] == 200)
                two = Broker(options.bin, place, "two", cluster.postgres.dsn, options.broker_arg, member=False)
                wait("the standby", lambda: two.call("GET", "/healthz")[0] == 200)
                time.sleep(1 + 0.17 * round_number)
                due_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2)) + ".000Z"
                one.call("POST", "/v1/notifies", {"url": f"http://127.0.0.1:{cluster.receiver.port}{key}", "due_at": due_at})
                time.sleep(0.3)
                begun = time.monotonic()
                one.child.send_signal(number)
                one.child.wait()
                ended = time.monotonic()
                wait("the standby to send", lambda: cluster.receiver.of(key), 30)
                wait("readiness", lambda: two.call("GET", "/readyz")[0] == 200)
                came = cluster.receiver.of(key)[0][0]
                took.append(came - (begun if number == signal.SIGKILL else ended))
                two.end(signal.SIGTERM)
            say(f"standby, {name}: until its first start", [t * 1e3 for t in took])
    finally:
        cluster.stop()


def passed(cluster, options):
    """A submit to whoever serves it, and to another member that passes it on, in turn over two kept connections."""
    cluster.make(["p1"])
    owner = cluster.owners()["p1"]
    other = next(n for n in cluster.members if n != owner)
    connections = {}
    for name in (owner, other):
        connections[name] = http.client.HTTPConnection("127.0.0.1", cluster.members[name].port)
        connections[name].connect()
        connections[name].sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took = {owner: [], other: []}
    far = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    for what in ("submit", "get"):
        took = {owner: [], other: []}
        notify = None
        for i in range(options.passes):
            for name in (owner, other) if i % 2 else (other, owner):
                begun = time.monotonic()
                if what == "submit":
                    connections[name].request("POST", "/v1/namespaces/p1/notifies", json.dumps(dict(PAYLOAD, url="http://127.0.0.1:9/", due_at=far)))
                else:
                    connections[name].request("GET", f"/v1/namespaces/p1/lanes?limit=1")
                response = connections[name].getresponse()
                response.read()
                assert response.status in (200, 201), response.status
                if i >= 50:
                    took[name].append((time.monotonic() - begun) * 1e3)
        say(f"{what} to its owner", took[owner])
        say(f"{what} passed on  ", took[other])
        print(f"{what}: passing on adds {percentile(took[other], 0.5) - percentile(took[owner], 0.5):.2f} ms at p50, "
              f"{percentile(took[other], 0.99) - percentile(took[owner], 0.99):.2f} ms at p99", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="where notifyd lies")
    parser.add_argument("--only", default="drain,stop,kill,standby,pass")
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--namespaces", type=int, default=50, help="of the cluster whose member is killed")
    parser.add_argument("--passes", type=int, default=2000)
    parser.add_argument("--any-time", action="store_true", help="kill at any time, not right behind a renewal")
    parser.add_argument("--broker-arg", action="append", default=[])
    parser.add_argument("--keep", action="store_true", help="leave the logs, and say where")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    scenarios = {"drain": drain, "stop": stop, "kill": kill, "pass": passed}
    for name in options.only.split(","):
        place = tempfile.mkdtemp(prefix="notifyd-moves-")
        try:
            if name == "standby":
                standby(options, place)
                continue
            cluster = Cluster(options, ["a", "b", "c"], place)
            try:
                scenarios[name](cluster, options)
            finally:
                cluster.stop()
        finally:
            if options.keep:
                print("logs in " + place, flush=True)
            else:
                shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
