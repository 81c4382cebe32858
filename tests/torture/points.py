"""The broker dies at each of its crash points (base/crash_point.h), under load. Which there are it says itself; each must be passed, and what it
passes at is a way of this file."""

import http.client
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time

import history
import rounds
import stores
from stage import PATIENCE_S, STOP_GRACE_S, SYNC_WINDOW_S, Stage, end_with_parent, until

VARIABLE, KEY_FILE = "NOTIFYD_CRASH_AT", "NOTIFYD_STORE_ENCRYPTION_KEY_FILE"
# Looked at so often: a death is known to have come between two looks.
LOOK_S = 0.002
# How often a point is passed until it is the process's end, at most, where it is passed often.
OFTEN = {"commit.before_mark": 1, "commit": 300, "answer": 200, "attempt": 200, "event": 8, "group": 4, "run": 3, "pg": 100, "backup.before_file": 4}


def names(notifyd):
    """The broker's own table."""
    asked = subprocess.run([notifyd, "--version"], env=os.environ | {VARIABLE: "?"}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return asked.stderr.partition("these are there: ")[2].strip().split(", ")


def passage(stage, name):
    """Which passage is to be the end: the first, or one of the next."""
    most = OFTEN.get(name, OFTEN.get(name.partition(".")[0], 1))
    return 1 if stage.random.random() < 0.25 else stage.random.randint(1, most)


class Missed(Exception):
    """A point that was not passed."""


# ---- the broker dies


def start_armed(stage, name):
    """A life that ends there."""
    stage.environment[VARIABLE] = f"{name}:{passage(stage, name)}"
    stage.start(wait=False)
    del stage.environment[VARIABLE]


def up(stage):
    """Until it listens, or has ended before."""
    until(lambda: stage.broker.poll() is not None or '"listening on ' in stage.log_text(), "the broker listens")


def await_end(stage, name, how="kill", since=None, window=SYNC_WINDOW_S):
    """Until the broker has ended itself. `since`: from when on it was on its way to an end of another kind."""
    seen, end = time.monotonic(), time.monotonic() + PATIENCE_S
    while stage.broker.poll() is None:
        seen = time.monotonic()
        if seen > end:
            raise Missed(f"{name} was not passed")
        time.sleep(LOOK_S)
    here = time.monotonic()
    stage.killer.add("dead", t=seen - LOOK_S, until=here, how="kill", window=window)
    if since:
        stage.killer.add("dead", t=since, until=here, how=how, window=0, grace=STOP_GRACE_S)
    if stage.broker.returncode != -signal.SIGKILL:
        raise Missed(f"{name}: the broker ended with {stage.broker.returncode}: {stage.log_text()[-2000:]}")


def under_load(stage, name):
    """It is passed by what the load does."""
    await_end(stage, name)


def at_start(stage, name):
    await_end(stage, name)


def at_stop(stage, name):
    up(stage)
    stage.work(0.02, 0.2)
    since = time.monotonic()
    stage.broker.send_signal(signal.SIGTERM)
    await_end(stage, name, "term", since)


def at_restart(stage, name):
    up(stage)
    stage.work(0.02, 0.2)
    since = time.monotonic()
    stage.broker.send_signal(signal.SIGUSR1)
    await_end(stage, name, "restart", since)


def ask_in_vain(stage, *asked):
    """(method, path, body) one after the other, of a broker that may die over it."""

    def ask():
        try:
            for each in asked:
                stage.call(*each)
        except (OSError, http.client.HTTPException):
            pass

    threading.Thread(target=ask, daemon=True).start()


def at_backup(stage, name):
    up(stage)
    stage.work(0.02, 0.1)
    stage.backups.append((f"b{len(stage.backups)}", time.monotonic()))
    ask_in_vain(stage, ("POST", "/v1/backups", {"name": stage.backups[-1][0]}))
    await_end(stage, name)


def at_rekey(stage, name):
    """By a key that is new each time; all that there were stay behind it."""
    up(stage)
    stage.work(0.02, 0.1)
    add_key(stage)
    ask_in_vain(stage, ("POST", "/v1/rekey"))
    await_end(stage, name)


def add_key(stage):
    path = stage.path("keys")
    before = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before = file.read()
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32) + "\n" + before)
    os.rename(path + ".new", path)


def at_agenda(stage, name):
    """A subscription is removed, which goes on over restarts until what is pending of it is cancelled."""
    up(stage)
    stage.work(0.02, 0.1)
    place = "/v1/namespaces/beta/subscriptions/short"
    made = {"topic": "nobody.publishes", "url": f"http://127.0.0.1:{stage.receiver_port}/sub/short"}
    ask_in_vain(stage, *[("PUT", place, made), ("DELETE", place)] * 20)
    await_end(stage, name)


# ---- others of its processes die


def run(stage, arguments, name=None):
    """A command of notifyd, which dies at that point; gives its exit code and what it said."""
    environment = stage.environment | ({VARIABLE: f"{name}:{passage(stage, name)}"} if name else {})
    done = subprocess.run([stage.notifyd, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, preexec_fn=end_with_parent)
    return done.returncode, done.stderr


def must_die(name, code, said):
    if code != -signal.SIGKILL:
        raise Missed(f"{name} was not passed: exit code {code}: {said[-2000:]}")


def must_be_done(what, code, said):
    if code != 0:
        raise RuntimeError(f"{what}: exit code {code}: {said[-2000:]}")


def at_restore(stage, name):
    """What a restore leaves that died is no store; another one, once that is removed, is whole."""
    made = stage.path(f"backup/of-{name}")
    stage.call("POST", "/v1/backups", {"name": f"of-{name}"})
    until(lambda: os.path.isdir(made), "a backup is made")
    target = stage.path("restored")
    command = ["restore", made, "--data-dir", target]
    must_die(name, *run(stage, command, name))
    if os.path.exists(target):
        raise RuntimeError(f"{name}: half a restore is where the whole was to be")
    shutil.rmtree(target + ".restoring")
    must_be_done("restore", *run(stage, command))
    shutil.rmtree(target)


def started(stage, data, name=None):
    """A broker beside the stage's, on that directory; it ends itself at that point, or listens and is stopped."""
    environment = stage.environment | ({VARIABLE: f"{name}:1"} if name else {})
    environment.pop(KEY_FILE, None)
    log_path = stage.path("log.beside")
    with open(log_path, "wb") as log:
        broker = subprocess.Popen([stage.notifyd, "--data-dir", data, "--listen", "127.0.0.1:0", "--log-format", "json"], stderr=log,
                                  stdin=subprocess.DEVNULL, env=environment, preexec_fn=end_with_parent)
    with open(log_path, encoding="utf-8", errors="replace") as file:
        try:
            until(lambda: broker.poll() is not None or (not name and "listening on" in file.read()), f"{name or 'a start'} is passed")
            if broker.poll() is None:
                broker.terminate()
            return broker.wait(PATIENCE_S), open(log_path, encoding="utf-8", errors="replace").read()
        finally:
            if broker.poll() is None:
                broker.kill()
                broker.wait()


def at_new(stage, name):
    data = stage.path("new")
    must_die(name, *started(stage, data, name))
    must_be_done("a start behind one that died while the store was made", *started(stage, data))
    shutil.rmtree(data)


def at_upgrade(stage, name):
    """Stores of all older formats that are in the tree."""
    for store in stores.files():
        data = stage.path("older")
        stores.lay_out(store, data)
        must_die(name, *started(stage, data, name))
        must_be_done(f"a start behind one that died while {store} was upgraded", *started(stage, data))
        shutil.rmtree(data)


# Passed by stores of formats 1 and 2 alone, of which none is in the tree: tests/storage/upgrade_test.cc makes them, and dies there.
IN_OTHER_TESTS = {"upgrade.before_batch", "upgrade.before_format_row"}

# By the name, or what stands before its dot: (what passes it, whether the broker itself dies there).
WAYS = {
    # A mark is written once nothing has come for a while, which under load is seldom, and at a stop.
    "commit.before_mark": (at_stop, True),
    "commit": (under_load, True), "event": (under_load, True), "group": (under_load, True), "run": (under_load, True),
    "answer": (under_load, True), "attempt": (under_load, True), "agenda": (at_agenda, True), "start": (at_start, True),
    "stop": (at_stop, True), "close": (at_stop, True), "restart": (at_restart, True), "backup": (at_backup, True),
    "rekey": (at_rekey, True), "restore": (at_restore, False), "new": (at_new, False), "upgrade": (at_upgrade, False),
}
# Those of a store on PostgreSQL.
ELSEWHERE = {"pg", "lease", "move", "cell"}


def way_of(name, ways):
    return ways.get(name) or ways.get(name.partition(".")[0])


def points(settings, seed, count):
    """So many of the points, each once; all of them where so many are asked for."""
    outcome = rounds.Outcome()
    all_of_them = [name for name in names(settings.notifyd) if name not in IN_OTHER_TESTS and name.partition(".")[0] not in ELSEWHERE]
    with Stage(settings.notifyd, seed, place=settings.fast) as stage:
        stage.backups = []
        add_key(stage)
        stage.environment[KEY_FILE] = stage.path("keys")
        stage.random.shuffle(all_of_them)
        stage.start()
        stage.begin_load()
        for name in all_of_them[:count]:
            if time.monotonic() > settings.deadline:
                break
            stage.work(0, settings.work_s / 4)
            die_at(stage, name, WAYS, outcome)
        outcome.judged(stage.verdict())
        stage.stop()
        asked = history.read(stage.path("submitter"))
        for name, begun in stage.backups:
            if os.path.isdir(stage.path(f"backup/{name}")):
                outcome.faults += rounds.restored(stage, name, begun, asked)
    return outcome


def die_at(stage, name, ways, outcome):
    way = way_of(name, ways)
    if not way:
        outcome.faults.append(("points", f"there is no way to {name}"))
        return
    passed, dies = way
    if dies:
        stage.kill()
        start_armed(stage, name)
    try:
        passed(stage, name)
        outcome.rounds["kill -9 at a named point"] += 1
    except Missed as missed:
        outcome.faults.append(("points", str(missed)))
        if dies and stage.broker.poll() is None:
            stage.kill()
    if dies:
        stage.start()
