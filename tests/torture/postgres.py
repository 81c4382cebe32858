"""The store on PostgreSQL under attack: two brokers on one database, of which one owns the store; brokers and database are killed and stopped."""

import glob
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

import rounds
from receiver import ms_of
from stage import SYNC_WINDOW_S, Stage, end_with_parent, free_port, until

# The broker's lease, and some more: a standby has the store by then.
LEASE_S = 6.6
# From when one may have the store until it says so.
TAKING_S = 0.2


def programs():
    """Where PostgreSQL's programs are, of the newest version; None: nowhere."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda place: int(place.split("/")[-2]))
    return found[-1] if found and int(found[-1].split("/")[-2]) >= 15 else None


class Database:
    """A PostgreSQL of its own, with fsync, in a directory of its own."""

    port = 5432

    def __init__(self, bin_directory, settings=(), of=None, address="", place=None, preloaded=None):
        """`of`: it is a standby of that one, and made from it. address: where it listens, besides a socket in its directory, which is made in `place`."""
        self.bin, self.process, self.settings, self.address, self.preloaded = bin_directory, None, settings, address, preloaded
        self.place = tempfile.mkdtemp(prefix="torture-pg-", dir=place)
        self.user = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.place, owner.pw_uid, owner.pw_gid)
            self.user = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        if of:
            self.run("pg_basebackup", "-D", "data", "-h", of.place, "-U", "notifyd", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")
        else:
            self.run("initdb", "-D", "data", "-U", "notifyd", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        if address:
            with open(os.path.join(self.place, "data/pg_hba.conf"), "a", encoding="utf-8") as file:
                file.write("host all all samenet trust\n")

    def run(self, program, *arguments):
        done = subprocess.run(self.command(program, *arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout.strip()

    def ask(self, sql):
        return self.run("psql", "-h", self.place, "-U", "notifyd", "-d", "postgres", "-Atc", sql)

    def command(self, program, *arguments):
        preload = [f"LD_PRELOAD={self.preloaded}"] if self.preloaded else []
        return ["setpriv", "--pdeathsig=QUIT", *self.user, "env", f"--chdir={self.place}", *preload, f"{self.bin}/{program}", *arguments]

    def start(self):
        # The sessions of one that was killed end by themselves, and until then another one does not begin on their memory.
        end = time.monotonic() + 60
        while True:
            with open(os.path.join(self.place, "log"), "wb") as log:
                settings = (f"listen_addresses={self.address}", "dynamic_shared_memory_type=mmap", f"unix_socket_directories={self.place}", *self.settings)
                given = [part for setting in settings for part in ("-c", setting)]
                self.process = subprocess.Popen(self.command("postgres", "-D", "data", *given), stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                                preexec_fn=end_with_parent)
            try:
                until(lambda: self.ready() or self.process.poll() is not None, "PostgreSQL starts")
                if self.process.poll() is None:
                    return
            finally:
                if time.monotonic() > end:
                    raise RuntimeError("PostgreSQL does not start: " + self.log())
            time.sleep(0.05)

    def log(self):
        with open(os.path.join(self.place, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def ready(self):
        return re.search("database system is ready to accept (read-only )?connections", self.log())

    def stop_all(self, number):
        """A signal to it and to each of its processes."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        for each in [self.process.pid, *map(int, children)]:
            try:
                os.kill(each, number)
            except ProcessLookupError:
                pass

    def kill(self):
        self.process.kill()
        self.process.wait()

    def drop(self):
        if self.process and self.process.poll() is None:
            self.stop_all(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)


class Pair(Stage):
    """Two brokers on one database. What Stage calls its broker is the one that owns the store."""

    alone = has_door = False
    # Where a disk is watched, if not the database's own.
    watched = None

    def __init__(self, databases, *arguments, **more):
        super().__init__(*arguments, **more)
        self.databases = databases
        hosts, ports = ",".join(database.place for database in databases), ",".join(str(database.port) for database in databases)
        self.arguments += ["--store-engine", "postgres", "--store-postgres-dsn", f"host={hosts} port={ports} user=notifyd dbname=postgres"]

    def __enter__(self):
        super().__enter__()
        # What is written waits for the database's disk.
        self.killer.watch_disk(os.path.join(self.watched or self.databases[0].place, "synced"))
        # (port, door, data, process, log) of the two.
        self.seats = [[self.port, self.door, self.data, None, None], [free_port(), free_port(), self.data + "2", None, None]]
        return self

    def __exit__(self, *arguments):
        for seat in self.seats:
            if seat[3] and seat[3].poll() is None:
                seat[3].kill()
                seat[3].wait()
        super().__exit__(*arguments)

    def sit(self, at):
        self.port, self.door, self.data, self.broker, self.log_path = self.seats[at]

    def start_at(self, at):
        """Starts the broker of a seat; the first one to begin owns the store."""
        self.sit(at)
        self.start()
        self.seats[at][3:] = [self.broker, self.log_path]

    def owns(self, at):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.seats[at][0], timeout=5)
            connection.request("GET", "/v1/stats")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def owner(self):
        """Waits until one of the two owns the store, takes its seat, and gives which."""
        begun = time.monotonic()
        at = until(lambda: next((str(i) for i in (0, 1) if self.owns(i)), None), "a broker owns the store")
        self.killer.add("away", t=begun, until=time.monotonic())
        self.sit(int(at))
        return int(at)

    def died(self, how, begun, ended=None):
        self.killer.add("dead", t=begun, until=ended or time.monotonic(), how=how, window=SYNC_WINDOW_S)


    def verdict(self):
        self.note_lives()
        return super().verdict()

    def note_lives(self):
        """Each time that a broker takes the store ends a life of the one before it, whatever was done to whom."""
        ahead = time.time() - time.monotonic()
        for path in glob.glob(self.path("log.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    if '"the store is this broker\'s"' in line:
                        taken = ms_of(json.loads(line)["time"]) / 1000 - ahead
                        self.died("kill", taken - TAKING_S, taken)


class Lone(Pair):
    """One broker alone, which has a door."""

    has_door = True


def two(pair):
    """Both brokers are there; which owns. One that was stopped at the end of its lease may have ended by then."""
    at = pair.owner()
    if pair.seats[1 - at][3].poll() is not None:
        pair.start_at(1 - at)
        pair.sit(at)
    return at


def kill_owner(pair, _):
    at, begun = two(pair), time.monotonic()
    pair.broker.kill()
    pair.broker.wait()
    pair.died("kill", begun)
    pair.start_at(at)
    pair.owner()
    return "kill -9 of the broker that owns"


def stop_owner(pair, _):
    """For longer than its lease: the other one takes over, and what this one does when it goes on must change nothing."""
    at, begun = two(pair), time.monotonic()
    pair.broker.send_signal(signal.SIGSTOP)
    until(lambda: pair.owns(1 - at), "the standby takes over")
    pair.seats[at][3].send_signal(signal.SIGCONT)
    until(lambda: not pair.owns(at), "the older owner knows that it is none any more")
    pair.died("kill", begun)
    return "SIGSTOP of the broker that owns"


def kill_standby(pair, _):
    at = 1 - two(pair)
    pair.seats[at][3].kill()
    pair.seats[at][3].wait()
    pair.start_at(at)
    pair.owner()
    return "kill -9 of the standby"


def kill_database(pair, database):
    pair.owner()
    begun = time.monotonic()
    database.kill()
    time.sleep(pair.random.uniform(0, 0.5))
    database.start()
    pair.owner()
    pair.died("database", begun)
    return "kill -9 of PostgreSQL"


def stop_database(pair, database):
    pair.owner()
    begun = time.monotonic()
    database.stop_all(signal.SIGSTOP)
    time.sleep(pair.random.choice([0.5, 2, LEASE_S + 2]))
    database.stop_all(signal.SIGCONT)
    pair.owner()
    pair.died("database", begun)
    return "SIGSTOP of PostgreSQL"


ATTACKS = [(kill_owner, 35), (kill_database, 30), (stop_owner, 15), (stop_database, 15), (kill_standby, 5)]


def attacks(settings, seed, count):
    """kill -9 and SIGSTOP of the broker that owns, of the standby, of the database, under the mixed load."""
    found = programs()
    if not found:
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome, database = rounds.Outcome(), Database(found, place=rounds.place_of(settings, seed))
    try:
        database.start()
        with Pair([database], settings.notifyd, seed, place=settings.fast) as pair:
            pair.start_at(0)
            until(lambda: pair.owns(0), "the first broker owns the store")
            pair.start_at(1)
            pair.sit(0)
            pair.load_arguments += ["--broker", *(f"127.0.0.1:{seat[0]}" for seat in pair.seats)]
            pair.begin_load()
            functions, weights = zip(*ATTACKS)
            for _ in range(count):
                if time.monotonic() > settings.deadline:
                    break
                pair.work(0.2, 2 * settings.work_s)
                outcome.rounds[pair.random.choices(functions, weights)[0](pair, database)] += 1
            pair.end_load()
            pair.owner()
            return outcome.judged(pair.verdict())
    finally:
        database.drop()


# ---- fail-over


def fail_over(settings, seed, synchronous):
    """The database dies under load and its standby is promoted; (faults, counts, what the broker said of it)."""
    bin_directory = programs()
    # From its first start on: what is set later holds for sessions once each process has seen it.
    naming = ["synchronous_standby_names=*"] if synchronous else []
    place = rounds.place_of(settings, seed)
    first = Database(bin_directory, ["wal_level=replica", "max_wal_senders=4", *naming], place=place)
    databases = [first]
    try:
        first.start()
        state = "sync" if synchronous else "async"
        databases.append(Database(bin_directory, ["hot_standby=on"], first, place=place))
        databases[1].start()
        following = f"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '{state}'"
        until(lambda: first.ask(following) == "1", "the standby follows")
        return failed_over(settings, seed, databases, synchronous)
    finally:
        for database in databases:
            database.drop()


def failed_over(settings, seed, databases, synchronous):
    first, second = databases
    # A control is to see that what was acknowledged is lost, not a run of a schedule.
    with Lone(databases, settings.notifyd, seed, load=["--schedules", str(int(synchronous))], place=settings.fast) as pair:
        pair.start_at(0)
        until(lambda: pair.owns(0), "the broker owns the store")
        pair.begin_load()
        pair.work(0.5, 2)
        if not synchronous:
            # What it is behind by is lost for sure.
            second.stop_all(signal.SIGSTOP)
            pair.work(1, 1)
        begun = time.monotonic()
        first.kill()
        second.stop_all(signal.SIGCONT)
        second.run("pg_ctl", "promote", "-D", "data", "-s")
        until(lambda: pair.owns(0) or pair.broker.poll() is not None, "the broker goes on, or stops")
        # It finds what is lost as each of its connections is made anew.
        pair.work(1.5, 2.5)
        stopped = pair.broker.poll() is not None and pair.log_text().splitlines()[-1]
        if stopped:
            pair.start_at(0)
        pair.owner()
        pair.died("database", begun)
        pair.work(0.2, 1)
        pair.end_load()
        return (*pair.verdict(), stopped)


def failovers(settings, seed, count):
    """The database dies, and its synchronous standby is promoted: nothing that was acknowledged is lost."""
    if not programs():
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome = rounds.Outcome()
    for number in range(count):
        faults, counts, stopped = fail_over(settings, seed + number, True)
        outcome.judged((faults, counts))
        outcome.rounds["fail-over"] += 1
        if stopped:
            outcome.faults.append(("failover", f"the broker stopped: {stopped}"))
    return outcome


def failover_control(settings, seed, count):
    """The negative control: a standby that is behind is promoted. It must lose, and be seen to."""
    if not programs():
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome = rounds.Outcome()
    for number in range(count):
        faults, _, stopped = fail_over(settings, seed + number, False)
        lost = any(rule == "I1" for rule, _ in faults)
        outcome.rounds["fail-over to one that is behind, loss seen" if lost else "fail-over to one that is behind"] += 1
        if stopped:
            outcome.rounds["of these the broker stopped"] += 1
        if not lost:
            outcome.faults.append(("control", "what the standby did not have was lost, and the oracle saw no loss"))
    return outcome
