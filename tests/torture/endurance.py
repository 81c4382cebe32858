"""What is looked at over a long time: PostgreSQL under churn with a transaction held open beside it, and brokers that run and run.

Figures are never held against a number of another machine, nor of another hour: what is judged runs beside a twin on the same machine at the same
time, under the same load, that lacks only what is judged; or it is the slope of one run.
"""

import json
import subprocess
import time

import cluster
import history
import rounds
from checker import judge
from postgres import Database, Pair, programs
from reading import idle_acts
from resources import held
from stage import end_with_parent, until
from wires import HUB, Wires

MINUTE_S = 60
# What takes some ms on a busy machine is not said to be slower by less than this.
LEAST_MS = 5
RATIO = 1.5
ABOVE = 30
# So much of what an open transaction left may stay: whole pages in which something lives, that are used again.
KEPT_RATIO, KEPT_BYTES = 1.25, 16 << 20
BACK_S = 600


def percentile(values, part=0.99):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def sure_part(*samples):
    """The 99th of a hundred, or of few values one that so many lie above that chance does not decide."""
    return min(0.99, max(0.5, 1 - ABOVE / max(1, min(map(len, samples)))))


def latencies(stage, begun, ended):
    """In ms, of what was asked between these: commits (what was acknowledged), reads, and by how much what was due came late."""
    asks, found = {}, {"commits": [], "reads": [], "due": []}
    due, seen = {}, set()
    for event in history.read(stage.path("submitter")):
        if event["e"] == "ask":
            asks[event["op"]] = event
            due.update({item["tag"]: item["due"] for item in event["items"] if "due" in item and item.get("mode") == "concurrent" and "fkey" not in item})
        elif event["e"] == "ans" and event["status"] // 100 == 2 and begun <= asks[event["op"]]["t"] < ended:
            found["commits"].append((event["t"] - asks[event["op"]]["t"]) * 1000)
        elif event["e"] == "read" and event["status"] == 200 and begun <= event["t"] - event["took"] < ended:
            found["reads"].append(event["took"] * 1000)
    for event in history.read(stage.path("receiver")):
        if event["e"] == "come" and event["tag"] in due and event["tag"] not in seen:
            seen.add(event["tag"])
            if begun <= event["t"] < ended:
                found["due"].append(max(0.0, event["w"] - due[event["tag"]]))
    return found


# ---- churn

CHURN_LOAD = ["--pause-ms", "300"]
CHURN = ["--retention-succeeded-ms", "300000"]
SIZE = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'notifyd' AND c.relkind = 'r'"
PARTS = ("SELECT json_object_agg(relname, json_build_array(pg_total_relation_size(relid), n_dead_tup)) FROM pg_stat_user_tables "
         "WHERE schemaname = 'notifyd'")


class HeldTransaction:
    """A session of PostgreSQL with a transaction that has seen the tables, and does nothing more."""

    def __init__(self, database):
        self.session = subprocess.Popen(database.command("psql", "-h", database.place, "-U", "notifyd", "-d", "postgres", "-qAt"), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        self.session.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current(), count(*) FROM notifyd.owners;\n")
        self.session.stdin.flush()
        self.session.stdout.readline()

    def end(self):
        self.session.stdin.close()
        self.session.wait()


def churn(settings, seed, minutes):
    """Two brokers, each on a PostgreSQL of its own, under the same load for so many minutes; beside one a transaction is held open all along."""
    found = programs()
    if not found:
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    outcome, databases = rounds.Outcome(), [Database(found), Database(found)]
    try:
        for database in databases:
            database.start()
        with Pair(databases[:1], settings.notifyd, seed, CHURN, load=CHURN_LOAD, place=settings.place) as held, \
                Pair(databases[1:], settings.notifyd, seed, CHURN, load=CHURN_LOAD, place=settings.place) as free:
            for pair in (held, free):
                pair.start_at(0)
                until(lambda pair=pair: pair.owns(0), "the broker owns the store")
                pair.begin_load()
            churned([held, free], databases, outcome, minutes * MINUTE_S)
            for pair in (held, free):
                pair.end_load()
                outcome.judged(judged_with_removals(pair))
            return outcome
    finally:
        for database in databases:
            database.drop()


def churned(pairs, databases, outcome, seconds):
    """The first one of each is the one beside whose database a transaction is open."""
    transaction, begun = HeldTransaction(databases[0]), time.monotonic()
    try:
        while time.monotonic() < begun + seconds:
            pairs[0].work(min(30, seconds), min(30, seconds))
            pairs[1].work(0, 0)
            sizes = [int(database.ask(SIZE)) for database in databases]
            note(pairs[0], {"after_s": round(time.monotonic() - begun), "bytes": sizes})
    finally:
        transaction.end()
    ended = time.monotonic()
    outcome.rounds["minutes of churn under an open transaction"] += round((ended - begun) / MINUTE_S)
    compare(pairs, outcome, begun, ended)
    for at, database in enumerate(databases):
        note(pairs[0], {"which": at, "parts": json.loads(database.ask(PARTS))})
    most = [int(database.ask(SIZE)) for database in databases]
    try:
        until(lambda: small([int(database.ask(SIZE)) for database in databases]), "the size is back", BACK_S)
    except TimeoutError:
        outcome.faults.append(("churn", f"{BACK_S} s after the transaction ended the tables take {int(databases[0].ask(SIZE))} bytes, "
                                        f"and {int(databases[1].ask(SIZE))} where there was none"))
    for at, database in enumerate(databases):
        note(pairs[0], {"which": at, "after": json.loads(database.ask(PARTS))})
    outcome.counts["MiB under it"] = most[0] >> 20
    outcome.counts["MiB without it"] = most[1] >> 20
    outcome.counts["MiB once it had ended"] = int(databases[0].ask(SIZE)) >> 20
    outcome.counts["s until the size was back"] = round(time.monotonic() - ended)


def small(sizes):
    time.sleep(1)
    return sizes[0] <= sizes[1] * KEPT_RATIO + KEPT_BYTES


def note(stage, what):
    with open(stage.path("figures"), "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


def compare(pairs, outcome, begun, ended):
    """The p99 of each kind, against the twin's of the same time: in all, and of the last quarter, when most has gathered."""
    for since, when in ((begun, "in all"), (ended - (ended - begun) / 4, "in the last quarter")):
        beside, alone = (latencies(pair, since, ended) for pair in pairs)
        for kind in ("commits", "due", "reads"):
            slow, quick = percentile(beside[kind]), percentile(alone[kind])
            note(pairs[0], {"when": when, "kind": kind, "p99_ms": [slow, quick], "p50_ms": [percentile(beside[kind], 0.5), percentile(alone[kind], 0.5)],
                            "count": [len(beside[kind]), len(alone[kind])]})
            if when == "in all":
                outcome.counts[f"{kind} p99 ms"] = round(slow)
                outcome.counts[f"{kind} p99 ms without"] = round(quick)
            part = sure_part(beside[kind], alone[kind])
            slow, quick = percentile(beside[kind], part), percentile(alone[kind], part)
            if slow > RATIO * max(quick, LEAST_MS):
                outcome.faults.append(("churn", f"p{part * 100:.0f} of {kind} {when} is {slow:.1f} ms beside an open transaction, and {quick:.1f} ms without"))


def judged_with_removals(pair):
    """As verdict(), of a store whose retention is short."""
    pair.note_lives()
    final = pair.final() | {"removes": True}
    faults, counts = judge(*(history.read(pair.path(name)) for name in ("submitter", "receiver", "killer")), final)
    faults += idle_acts(counts)
    pair.found = bool(faults)
    return faults, counts


# ---- soak

# A slope that is less than this over the half that is looked at is none: an allocator keeps that much more or less.
SLOPE_PART, SLOPE_BYTES = 0.01, 2 << 20
SOAK_LOAD = ["--pause-ms", "120"]


def slope(points):
    """By how much the line that lies closest rises from the first point to the last."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = (sum(each) / len(points) for each in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread * (points[-1][0] - points[0][0]) if spread else 0.0


def soak(settings, seed, minutes):
    """Three brokers on one PostgreSQL under a modest load for so many minutes: what they hold must be flat over the last half."""
    found = programs()
    if not found:
        return rounds.skipped("no PostgreSQL 15 or later (apt-get install postgresql)")
    with Wires(len(cluster.NAMES)) as wires:
        if wires.fault:
            return rounds.skipped(f"no network of its own: {wires.fault}")
        outcome, database = rounds.Outcome(), Database(found, address=HUB[0])
        try:
            database.start()
            with cluster.Cluster(wires, [database], settings, seed) as stage:
                stage.load_arguments += SOAK_LOAD
                stage.begin_load()
                soaked(stage, outcome, minutes * MINUTE_S)
                return outcome.judged(stage.verdict())
        finally:
            database.drop()


def soaked(stage, outcome, seconds):
    begun, points = time.monotonic(), {member.name: [] for member in stage.members}
    while time.monotonic() < begun + seconds:
        stage.work(min(5, seconds / 8), min(5, seconds / 8))
        for member in stage.members:
            points[member.name].append((time.monotonic() - begun, *held(member.process)))
    ended = time.monotonic()
    outcome.rounds["minutes of three brokers"] += round((ended - begun) / MINUTE_S)
    halves = [latencies(stage, begun, (begun + ended) / 2), latencies(stage, (begun + ended) / 2, ended)]
    for kind in ("commits", "due", "reads"):
        first, last = (percentile(half[kind]) for half in halves)
        note(stage, {"kind": kind, "p99_ms": [first, last], "p50_ms": [percentile(half[kind], 0.5) for half in halves], "count": [len(half[kind]) for half in halves]})
        outcome.counts[f"{kind} p99 ms, first half"], outcome.counts[f"{kind} p99 ms, last half"] = round(first), round(last)
    for name, each in points.items():
        judge_flat(name, each[len(each) // 2:], outcome)
        note(stage, {"member": name, "points": each[:: max(1, len(each) // 60)]})


def judge_flat(name, half, outcome):
    """half: (seconds, descriptors, threads, resident bytes)"""
    for at, what, least in ((1, "descriptors", 10), (2, "threads", 1), (3, "resident bytes", SLOPE_BYTES)):
        rise = slope([(point[0], point[at]) for point in half])
        mean = sum(point[at] for point in half) / len(half)
        if rise > max(least, mean * SLOPE_PART):
            outcome.faults.append(("soak", f"{name}: {what} rose by {rise:.0f} over the last half, from {half[0][at]} to {half[-1][at]}"))
        if at == 3:
            outcome.counts["KiB more over the last half"] = max(outcome.counts["KiB more over the last half"], round(rise) >> 10)
            outcome.counts["MiB of one broker"] = max(outcome.counts["MiB of one broker"], round(mean) >> 20)
