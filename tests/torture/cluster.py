"""Several brokers on one PostgreSQL that has a synchronous standby, each on a wire of its own: killed, stopped, cut off, slow, drained; one, or two at once.

The load goes through all of them in turn, and what it submits is of namespaces that are spread over them. Who served what when is asked of the database
(owners.py). An act is a generator: up to its yield it does harm, behind it it heals; so two acts can be under way at once.
"""

import glob
import json
import os
import signal
import subprocess
import threading
import time

import history
import rounds
from postgres import LEASE_S, Database, programs
from receiver import ms_of
from stage import BOOKS, PATIENCE_S, STOP_GRACE_S, SYNC_WINDOW_S, Stage, ask_json, ask_text, books, end_with_parent, until
from wires import HUB, Wires

NAMES = ("a", "b", "c")
SPACES = ("alpha", "beta", "gamma", "delta", "default")
# By number, as they are made: default and system are there from the first.
UNITS = {0: "default", **{2 + at: name for at, name in enumerate((*SPACES[:-1], "tight"))}}
PORT, OTHERS_PORT = 7000, 7400
LOOK = ("SELECT round(extract(epoch FROM clock_timestamp()) * 1000, 3), json_object_agg(o.unit, json_build_array(o.epoch, m.name)) "
        "FROM notifyd.owners o LEFT JOIN notifyd.members m ON m.incarnation = o.incarnation AND NOT m.free;\n")
LOOK_S = 0.05


class Watch(threading.Thread):
    """Asks the database who has which namespace, twenty times a second, and logs what is new."""

    def __init__(self, log, database):
        super().__init__(daemon=True)
        self.log, self.database, self.ended, self.known, self.before = log, database, False, {}, time.monotonic()
        self.ahead = time.time() - time.monotonic()

    def session(self):
        return subprocess.Popen(self.database.command("psql", "-h", self.database.place, "-U", "notifyd", "-d", "postgres", "-qAt"), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def run(self):
        while not self.ended:
            session = self.session()
            try:
                while not self.ended:
                    session.stdin.write(LOOK)
                    session.stdin.flush()
                    line = session.stdout.readline()
                    if not line:
                        break
                    self.seen(*line.split("|", 1))
                    time.sleep(LOOK_S)
            except OSError:
                pass
            session.kill()
            session.wait()
            time.sleep(LOOK_S)

    def seen(self, ms, units):
        at = float(ms) / 1000 - self.ahead
        for unit, (epoch, member) in (json.loads(units) if units.strip() else {}).items():
            if int(unit) in UNITS and self.known.get(unit, (None,))[0] != epoch:
                self.log.add("owns", ns=UNITS[int(unit)], epoch=epoch, member=member, since=self.before, t=at)
            self.known[unit] = (epoch, member)
        self.before = at

    def served_by(self, name):
        return [unit for unit, (_, member) in self.known.items() if member == name and int(unit) in UNITS]


class Member:
    def __init__(self, cluster, name, host):
        self.cluster, self.name, self.host, self.process, self.lives, self.log_path = cluster, name, host, None, 0, None
        self.notifyd = cluster.notifyd

    def command(self):
        cluster = self.cluster
        return [*self.host.inside(), self.notifyd, "--config", cluster.path(f"{self.name}.toml"), "--listen", f"{self.host.address}:{PORT}",
                "--data-dir", cluster.path(f"data-{self.name}"), "--log-format", "json", "--shutdown-grace-ms", f"{STOP_GRACE_S * 1000:.0f}", "--auth-mode", "none",
                "--store-engine", "postgres", "--store-postgres-dsn", cluster.dsn, "--store-postgres-connections", "2",
                "--cluster-advertise", f"{self.host.address}:{OTHERS_PORT}", "--cluster-name", self.name, *cluster.trust(self.name),
                *(rounds.KEPT if cluster.clocks else [])]

    def start(self):
        self.lives += 1
        self.log_path = self.cluster.path(f"log.{self.name}.{self.lives}")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command(), stderr=log, stdin=subprocess.DEVNULL, env=self.environment(), preexec_fn=end_with_parent)

    def environment(self):
        """Its wall clock is a file's, where clocks are set."""
        if not self.cluster.clocks:
            return self.cluster.environment
        return self.cluster.environment | rounds.faked() | {"FAKETIME_TIMESTAMP_FILE": self.cluster.path(f"clock-{self.name}")}

    def set_clock(self, seconds):
        self.cluster.killer.add("clock", offset=seconds * 1000, member=self.name)
        self.cluster.furthest = max(self.cluster.furthest, seconds)
        rounds.write_clock(self.cluster.path(f"clock-{self.name}"), seconds)

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def dead(self, how, begun, window=SYNC_WINDOW_S, **more):
        self.cluster.killer.add("dead", t=begun, until=time.monotonic(), how=how, window=window, member=self.name, **more)

    def ask(self, method, path, timeout=10):
        """(status, JSON or None); (0, None) where no answer came."""
        return ask_json(self.host.address, PORT, method, path, timeout)

    def still_there(self):
        """One that ended by itself is found out, and started again."""
        if self.process.poll() is not None:
            begun = time.monotonic()
            self.cluster.ended.append(("cluster", f"{self.name} ended by itself with {self.process.returncode}: {self.log_text().strip()[-500:]}"))
            self.start()
            self.dead("kill", begun - LEASE_S)

    def is_member(self):
        """Whether it answers, and the others know it."""
        for member in self.cluster.members:
            member.still_there()
        status, report = self.ask("GET", "/v1/cluster")
        alive = {each["name"] for each in report["members"] if each["alive"]} if status == 200 else set()
        return alive >= {member.name for member in self.cluster.members} and all(each["owner"] for each in report["namespaces"])


class Cluster(Stage):
    """Three members, two databases. What Stage calls its broker is whichever is asked next."""

    alone, has_door, host, spaces_used = False, False, HUB[2], SPACES

    def __init__(self, wires, databases, settings, seed):
        super().__init__(settings.notifyd, seed, load=["--clients", "5"], place=settings.fast)
        self.databases, self.dsn = databases, f"host={HUB[0]},{HUB[1]} user=notifyd dbname=postgres"
        self.members = [Member(self, name, host) for name, host in zip(NAMES, wires.hosts)]
        self.load_arguments += ["--broker", *(f"{member.host.address}:{PORT}" for member in self.members)]
        self.insecure, self.watch, self.ended, self.lost = seed % 2 == 0, None, [], 0
        # Each third time the members' clocks are set, too.
        self.clocks, self.furthest = seed % 3 == 0 and rounds.faked() is not None, 0
        if self.clocks:
            self.load_arguments += rounds.CLOCK_LOAD

    def __enter__(self):
        super().__enter__()
        try:
            self.killer.watch_disk(os.path.join(self.databases[0].place, "synced"))
            if not self.insecure:
                self.make_certificates()
            for member in self.members:
                self.configure(f"{member.name}.toml", f', X-Member = "{member.name}"')
                if self.clocks:
                    member.set_clock(0)
                member.start()
            self.steady()
            self.watched(self.databases[0])
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, *arguments):
        if self.watch:
            self.watch.ended = True
        for member in self.members:
            if member.process and member.process.poll() is None:
                member.process.kill()
                member.process.wait()
        super().__exit__(*arguments)

    def make_certificates(self):
        """An authority, and one of each member for its address."""
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=members")
        for member in self.members:
            self.openssl("req", "-x509", *key, "-keyout", f"{member.name}.key", "-out", f"{member.name}.pem", "-subj", f"/CN={member.name}", "-CA", "ca.pem",
                         "-CAkey", "ca.key", "-addext", f"subjectAltName=IP:{member.host.address}", "-addext", "basicConstraints=critical,CA:FALSE")

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.place, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"openssl: {done.stderr}")

    def trust(self, name):
        if self.insecure:
            return ["--cluster-insecure", "true"]
        return ["--cluster-cert-file", self.path(f"{name}.pem"), "--cluster-key-file", self.path(f"{name}.key"), "--cluster-ca-file", self.path("ca.pem")]

    def watched(self, database):
        known, before = (self.watch.known, self.watch.before) if self.watch else ({}, time.monotonic())
        if self.watch:
            self.watch.ended = True
            self.watch.join(PATIENCE_S)
        self.watch = Watch(self.killer, database)
        self.watch.known, self.watch.before = known, before
        self.watch.start()

    # ---- as Stage has it

    def call(self, method, path, body=None):
        """By whichever member answers."""
        for member in self.random.sample(self.members, len(self.members)):
            status, answer = member.ask(method, path)
            if status == 200:
                return status, json.dumps(answer).encode()
        return status, b""

    def metrics(self):
        """Each member's are of what it serves."""
        each = [books(ask_text(member.host.address, PORT, "/metrics", 10)) for member in self.members]
        return {word: sum(words[word] for words in each) for word in BOOKS}

    def steady(self):
        """All members know each other, and each namespace is served."""
        for member in self.members:
            try:
                until(member.is_member, f"{member.name} is a member again, and every namespace is served")
            except TimeoutError as fault:
                report = [each.ask("GET", "/v1/cluster") for each in self.members]
                raise RuntimeError(f"{fault}: {json.dumps(report)}") from None

    def verdict(self):
        self.end_load()
        if self.clocks:
            for member in self.members:
                member.set_clock(self.furthest)
        self.steady()
        self.same_units()
        self.note_gone()
        faults, counts = super().verdict()
        return faults, counts | {"leases lost": self.lost}

    def note_gone(self):
        """A member that did not come to renew its lease, with nobody's doing, on a machine that had too much else to do: it stood still. By its log it was so."""
        acts = [event for event in history.read(self.path("killer")) if event["e"] == "dead"]
        ahead = time.time() - time.monotonic()
        for member in self.members:
            for path in glob.glob(self.path(f"log.{member.name}.*")) if not self.clocks else ():
                for at in times_of(path, LOST):
                    begun = at - ahead - LEASE_S - 1
                    if not any(act["t"] <= at - ahead and act["until"] >= begun and act.get("member", member.name) == member.name for act in acts):
                        self.lost += 1
                        self.killer.add("dead", t=begun, until=at - ahead + 1, how="gone", window=SYNC_WINDOW_S, seen=2 * LEASE_S, member=member.name)

    def same_units(self):
        """What is taken for a namespace's number is: the broker's own report has the same epochs."""

        def same():
            report = self.members[0].ask("GET", "/v1/cluster")[1]
            epochs = {each["name"]: each["epoch"] for each in report["namespaces"]} if report else {}
            return all(self.watch.known.get(str(unit), (None,))[0] == epochs.get(name) for unit, name in UNITS.items())

        until(same, "the database and the broker say the same of who has which namespace", 30)


# What a member says that had to give up what it served.
LOST = "the store is not this broker's any more, going on as a standby"


def times_of(path, event):
    """When a log says something, in s of the wall clock."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return [ms_of(json.loads(line)["time"]) / 1000 for line in file if f'"event":"{event}"' in line]


# ---- acts on a member


def kill(cluster, member):
    begun = time.monotonic()
    member.process.kill()
    member.process.wait()
    member.dead("kill", begun)
    yield "kill -9"
    time.sleep(cluster.random.choice([0, 0.5, LEASE_S]))
    member.start()


def stop(cluster, member):
    """For longer than its lease, until others have what it had: what it does when it goes on must change nothing."""
    begun = time.monotonic()
    member.process.send_signal(signal.SIGSTOP)
    yield "SIGSTOP for longer than the lease"
    until(lambda: not cluster.watch.served_by(member.name), "others have what a stopped member had", 60)
    time.sleep(cluster.random.uniform(0, 1))
    member.process.send_signal(signal.SIGCONT)
    member.dead("stop", begun)


def pause(cluster, member):
    """For less than its lease; where it loses that all the same the machine was too slow."""
    begun = time.monotonic()
    member.process.send_signal(signal.SIGSTOP)
    yield "SIGSTOP for less than the lease"
    time.sleep(cluster.random.uniform(0.5, 3))
    member.process.send_signal(signal.SIGCONT)
    member.dead("stop", begun)


def term(cluster, member):
    begun = time.monotonic()
    member.process.send_signal(signal.SIGTERM)
    yield "SIGTERM"
    code = member.process.wait(PATIENCE_S)
    member.dead("term", begun, 0, grace=STOP_GRACE_S)
    if code != 0:
        raise RuntimeError(f"SIGTERM of {member.name}: exit code {code}: {member.log_text()[-2000:]}")
    member.start()


def restart(cluster, member):
    begun, before = time.monotonic(), member.log_text().count("restarted in place")
    member.process.send_signal(signal.SIGUSR1)
    yield "restart in place"
    until(lambda: member.process.poll() is not None or member.log_text().count("restarted in place") > before, f"{member.name} has restarted in place")
    member.dead("restart", begun, 0, grace=STOP_GRACE_S)


def drain(cluster, member):
    others = [each for each in cluster.members if each is not member]

    def asked(method):
        return any(each.ask(method, f"/v1/cluster/members/{member.name}/drain")[0] == 204 for each in others)

    # While the database is away nobody can be told.
    told = asked("POST")
    yield "drain" if told else "drain that nobody could be told"
    time.sleep(cluster.random.uniform(1, 4))
    if told:
        until(lambda: asked("DELETE"), f"{member.name} drains no more")


def cut_from_database(cluster, member):
    """From its standby, too, which may be promoted meanwhile."""
    begun, addresses = time.monotonic(), [database.address for database in cluster.databases]
    for address in addresses:
        member.host.cut(address)
    yield "cut of a member from the database"
    if cluster.random.random() < 0.5:
        time.sleep(cluster.random.uniform(0.5, 3))
    else:
        until(lambda: not cluster.watch.served_by(member.name), "others have what a member had that is cut off", 60)
        time.sleep(cluster.random.uniform(0, 1))
    for address in addresses:
        member.host.heal(address)
    member.dead("cut", begun)


def cut_from_another(cluster, member):
    other = cluster.random.choice([each for each in cluster.members if each is not member])
    member.host.cut(other.host.address)
    other.host.cut(member.host.address)
    yield "cut of two members from each other"
    time.sleep(cluster.random.uniform(1, 6))
    member.host.heal(other.host.address)
    other.host.heal(member.host.address)


def slow(cluster, member):
    """Its wire; what it could not renew in time it has lost."""
    begun = time.monotonic()
    member.host.slow("400kbit")
    yield "slow wire"
    time.sleep(cluster.random.uniform(1, 4))
    member.host.fast()
    member.dead("cut", begun)


def jump(cluster, member):
    """Its wall clock is another one from now on."""
    member.set_clock(cluster.random.choice([rounds.DAY_S, -rounds.DAY_S, 3600, -3600, 60, -5, 0]))
    yield "clock set"


ACTS = [(kill, 30), (stop, 12), (pause, 8), (term, 10), (restart, 8), (drain, 8), (cut_from_database, 14), (cut_from_another, 5), (slow, 5)]


# ---- acts on the database


def kill_database(cluster):
    begun, database = time.monotonic(), cluster.databases[0]
    database.kill()
    yield "kill -9 of PostgreSQL"
    time.sleep(cluster.random.uniform(0, 1))
    database.start()
    follow(cluster)
    cluster.killer.add("dead", t=begun, until=time.monotonic(), how="database", window=SYNC_WINDOW_S)


def stop_database(cluster):
    begun, database = time.monotonic(), cluster.databases[0]
    database.stop_all(signal.SIGSTOP)
    yield "SIGSTOP of PostgreSQL"
    time.sleep(cluster.random.choice([0.5, 2, LEASE_S + 2]))
    database.stop_all(signal.SIGCONT)
    cluster.killer.add("dead", t=begun, until=time.monotonic(), how="database", window=SYNC_WINDOW_S)


def promote(cluster):
    """The primary dies, its synchronous standby is promoted; then that one gets a standby in its turn."""
    begun, (first, second) = time.monotonic(), cluster.databases
    first.kill()
    yield "kill -9 of PostgreSQL, its standby promoted"
    second.run("pg_ctl", "promote", "-D", "data", "-s")
    until(lambda: second.ask("SELECT pg_is_in_recovery()") == "f", "the standby is promoted")
    cluster.watched(second)
    address, place = first.address, os.path.dirname(first.place)
    first.drop()
    third = Database(second.bin, STANDBY, second, address, place)
    cluster.databases[:] = [second, third]
    third.start()
    second.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
    second.ask("SELECT pg_reload_conf()")
    follow(cluster)
    cluster.killer.add("dead", t=begun, until=time.monotonic(), how="database", window=SYNC_WINDOW_S)


DATABASE_ACTS = [(kill_database, 45), (stop_database, 30), (promote, 25)]
PRIMARY = ["wal_level=replica", "max_wal_senders=4", "synchronous_standby_names=*", "hot_standby=on"]
STANDBY = ["wal_level=replica", "max_wal_senders=4", "hot_standby=on"]


def follow(cluster):
    """Until the standby follows: nothing is committed before, and a kill would find nobody to promote."""
    following = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'"

    def follows():
        try:
            return cluster.databases[0].ask(following) == "1"
        except RuntimeError:
            return False

    until(follows, "the standby follows")


# ---- rounds


def chosen(cluster, acts):
    functions, weights = zip(*acts)
    return cluster.random.choices(functions, weights)[0]


def one_round(cluster):
    """One act, or two: of two members, or of a member and the database, which begins to heal first."""
    kind = cluster.random.choices(["member", "members", "database", "both"], [50, 22, 18, 10])[0]
    harmed = cluster.random.sample(cluster.members, 2 if kind == "members" else 1 if kind in ("member", "both") else 0)
    acts = [chosen(cluster, DATABASE_ACTS)(cluster)] if kind in ("database", "both") else []
    acts += [chosen(cluster, ACTS + [(jump, 20)] if cluster.clocks else ACTS)(cluster, member) for member in harmed]
    names = []
    for act in acts:
        names.append(next(act))
        time.sleep(cluster.random.choice([0, cluster.random.uniform(0, 1)]))
    for act in acts:
        next(act, None)
    return " with ".join(names)


def staged(settings, seed, play):
    """What `play` (a function of wires and databases) makes of a wire for each member, and of two databases, of which it may use up one."""
    found = programs()
    if not found:
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    with Wires(len(NAMES)) as wires:
        if wires.fault:
            return rounds.skipped(f"no network of its own: {wires.fault}")
        place = rounds.place_of(settings, seed)
        databases = [Database(found, PRIMARY, address=HUB[0], place=place)]
        try:
            databases[0].start()
            databases.append(Database(found, STANDBY, databases[0], HUB[1], place))
            databases[1].start()
            return play(wires, databases)
        finally:
            for database in databases:
                database.drop()


def attacks(settings, seed, count):
    """So many rounds under the mixed load, submitted through members in turn."""
    return staged(settings, seed, lambda wires, databases: attacked(settings, seed, count, wires, databases))


def attacked(settings, seed, count, wires, databases):
    outcome = rounds.Outcome()
    with Cluster(wires, databases, settings, seed) as cluster:
        follow(cluster)
        cluster.begin_load()
        for _ in range(count):
            if time.monotonic() > settings.deadline:
                break
            cluster.work(0.2, 2 * settings.work_s)
            outcome.rounds[one_round(cluster)] += 1
            # Now and then the next act finds the members still at what the last one left.
            if cluster.random.random() < 0.7:
                cluster.steady()
        outcome.judged(cluster.verdict())
        outcome.faults += cluster.ended
        return outcome
