"""The crash points of a store on PostgreSQL: transactions, what is found out over a new connection, the lease, moves out of it and from one of its
cells to another. See points.py."""

import glob
import http.client
import json
import shutil
import signal
import time

import points
import rounds
from postgres import Database, Lone, programs
from receiver import ms_of
from stage import Stage, until

# What ends all connections of the broker.
CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'notifyd' AND pid <> pg_backend_pid()"


CELL, MOVED = "east", "beta"
ROUNDED_S = 0.01


class One(Lone):
    """One broker on the database, which has the store again once the lease of its life before is over."""

    def start(self, wait=True):
        self.sit(0)
        super().start(wait)
        self.seats[0][3:] = [self.broker, self.log_path]

    def dsn(self, database="postgres"):
        return self.arguments[self.arguments.index("--store-postgres-dsn") + 1].replace("dbname=postgres", f"dbname={database}")

    def configure(self, name, more=""):
        super().configure(name, more)
        with open(self.path(name), "a", encoding="utf-8") as file:
            file.write(f'\n[store.postgres.cells]\n{CELL} = "{self.dsn(CELL)}"\n')

    def verdict(self):
        """Each death of the one broker is noted by who has it die; that it takes the store again is none."""
        self.note_moves()
        self.note_waits()
        return Stage.verdict(self)

    def note_moves(self):
        """What is in flight of a namespace that stands still for its move is broken off after the grace, and repeated, as at an orderly stop."""
        ahead = time.time() - time.monotonic()
        for path in glob.glob(self.path("log.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    if '"a namespace moved to another cell"' in line:
                        moved, ended = json.loads(line), ms_of(json.loads(line)["time"]) / 1000 - ahead
                        self.killer.add("dead", t=ended - moved["stood_ms"] / 1000 - ROUNDED_S, until=ended, how="term", window=0)

    def note_waits(self):
        """From its start until it has the store nobody serves, for as long as the lease of its life before goes on."""
        ahead = time.time() - time.monotonic()
        for path in glob.glob(self.path("log.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
            times = [ms_of(json.loads(line)["time"]) / 1000 - ahead for line in lines if '"the store is this broker\'s"' in line]
            if times:
                self.killer.add("away", t=ms_of(json.loads(lines[0])["time"]) / 1000 - ahead, until=times[0])

    def up(self):
        until(lambda: self.broker.poll() is not None or self.owns(0), "the broker has the store, or has ended")


def under_load(pair, name):
    points.await_end(pair, name)


def at_stop(pair, name):
    pair.up()
    pair.work(0.05, 0.3)
    since = time.monotonic()
    pair.broker.send_signal(signal.SIGTERM)
    points.await_end(pair, name, "term", since)


def at_cut(pair, name):
    """Its connections are cut under load, until it dies over one that it makes anew."""
    pair.up()

    def cut():
        pair.work(0.05, 0.2)
        if pair.broker.poll() is None:
            pair.databases[0].ask(CUT)
        return pair.broker.poll() is not None

    begun = time.monotonic()
    until(cut, f"{name} is passed")
    points.await_end(pair, name, "database", begun)


def moves_on(pair, to=None):
    """Whether the namespace is on its way to the other cell, or to that one: it lies there and moves no more, or begins to move."""
    if pair.broker.poll() is not None:
        return "it has ended"
    try:
        status, body = pair.call("GET", f"/v1/namespaces/{MOVED}")
        if status != 200:
            return None
        row = json.loads(body)
        there = row["settings"].get("cell") or "home"
        if row.get("moving"):
            return None
        if there == to:
            return there
        status, _ = pair.call("PATCH", f"/v1/namespaces/{MOVED}", {"cell": to or ("home" if there == CELL else CELL)})
        return "it moves" if status == 200 and not to else None
    except (OSError, http.client.HTTPException):
        return None


def at_cell(pair, name):
    pair.up()
    pair.work(0.05, 0.3)
    until(lambda: moves_on(pair), f"{MOVED} moves to another cell, or the broker has ended")
    points.await_end(pair, name)


def at_move(pair, name):
    """What a move leaves that died no broker opens; moved again it is whole. The store itself stays as it was."""
    until(lambda: moves_on(pair, to="home"), f"{MOVED} lies at home")
    pair.stop()
    target = pair.path("moved")
    command = ["move", "--from", "postgres:" + pair.dsn(), "--to", "rocksdb:" + target]
    points.must_die(name, *points.run(pair, command, name))
    code, said = points.started(pair, target)
    if code == 0 or "half-made" not in said:
        raise RuntimeError(f"{name}: a broker on what is half-moved ends with {code}: {said[-500:]}")
    points.must_be_done("move", *points.run(pair, command))
    shutil.rmtree(target)
    pair.start()


WAYS = {
    "pg": (under_load, True), "event": (under_load, True), "group": (under_load, True), "pg.before_acquire": (at_cut, True),
    "pg.after_acquire": (at_cut, True), "lease": (under_load, True), "lease.before_release": (at_stop, True), "move": (at_move, False),
    "cell": (at_cell, True),
}


def attacks(settings, seed, count):
    """So many of the points, each once; all of them where so many are asked for."""
    found = programs()
    if not found:
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome, database = rounds.Outcome(), Database(found)
    names = [name for name in points.names(settings.notifyd) if points.way_of(name, WAYS)]
    try:
        database.start()
        database.ask(f"CREATE DATABASE {CELL}")
        # While nobody has the store what is asked in vain would pile up, and is asked again in the end.
        load = ["--pause-ms", "40"]
        with One([database], settings.notifyd, seed, load=load, place=settings.fast) as pair:
            pair.random.shuffle(names)
            pair.start()
            pair.up()
            pair.begin_load()
            for name in names[:count]:
                if time.monotonic() > settings.deadline:
                    break
                pair.up()
                pair.work(0, settings.work_s / 4)
                points.die_at(pair, name, WAYS, outcome)
            pair.end_load()
            pair.owner()
            return outcome.judged(pair.verdict())
    finally:
        database.drop()
