"""The store on a PostgreSQL that Patroni keeps: three of it, in synchronous mode, fail over under load; in asynchronous mode they must lose, and be seen to.

Each node is in a process namespace of its own, so that it ends as a machine does: Patroni, PostgreSQL and all of its sessions at once.
"""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import rounds
from postgres import Lone, programs
from stage import ask_json, end_with_parent, free_port, until

NODES = 3
# What Patroni takes at the least; a leader that is gone with its machine is missed for as long.
TTL_S = 20


class Node:
    """Patroni and its PostgreSQL, whose sockets lie in `place`."""

    def __init__(self, name, bin_directory, place):
        self.name, self.bin, self.process = name, bin_directory, None
        self.place = tempfile.mkdtemp(prefix="torture-patroni-", dir=place)
        owner = pwd.getpwnam("postgres")
        os.chown(self.place, owner.pw_uid, owner.pw_gid)
        self.user = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        self.port, self.rest, self.raft = free_port(), free_port(), free_port()

    def configure(self, nodes, synchronous):
        everybody = {"username": "notifyd", "password": "x"}
        configuration = {
            "scope": "torture", "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "raft": {"data_dir": f"{self.place}/raft", "self_addr": f"127.0.0.1:{self.raft}",
                     "partner_addrs": [f"127.0.0.1:{node.raft}" for node in nodes if node is not self]},
            "bootstrap": {
                "dcs": {"ttl": TTL_S, "loop_wait": 1, "retry_timeout": 9, "maximum_lag_on_failover": 1 << 30, "primary_start_timeout": 0,
                        "master_start_timeout": 0, "synchronous_mode": synchronous, "synchronous_mode_strict": synchronous,
                        "postgresql": {"use_pg_rewind": True, "use_slots": True,
                                       "parameters": {"fsync": "on", "max_connections": 100, "wal_keep_size": "256MB", "dynamic_shared_memory_type": "mmap"}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}", "connect_address": f"127.0.0.1:{self.port}", "data_dir": f"{self.place}/data", "bin_dir": self.bin,
                "pgpass": f"{self.place}/pgpass", "parameters": {"unix_socket_directories": self.place},
                "authentication": {"superuser": everybody, "replication": everybody, "rewind": everybody}},
        }
        with open(f"{self.place}/patroni.yml", "w", encoding="utf-8") as file:
            json.dump(configuration, file)  # which is YAML

    def start(self):
        # Everything of it is gone, and by its number it may be taken for what began since.
        pid = f"{self.place}/data/postmaster.pid"
        if os.path.exists(pid):
            os.unlink(pid)
        # Another user is a new beginning: what was said of the parent's end holds no more.
        command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "setpriv", *self.user, "--pdeathsig=KILL", "env", "-u", "PYTHONPATH",
                   f"--chdir={self.place}", f"HOME={self.place}", "/usr/bin/patroni", f"{self.place}/patroni.yml"]
        with open(f"{self.place}/log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)

    def inside(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return int(children[0]) if children else None

    def kill(self):
        """As when its machine ends."""
        first = self.inside()
        with contextlib.suppress(ProcessLookupError):
            if first:
                os.kill(first, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def signal_postgres(self, number, of=None):
        """To its postmaster, or to its processes of which the title has a word."""
        with open(f"{self.place}/data/postmaster.pid", encoding="ascii") as file:
            script = f"kill -{number} {int(file.readline())}"
        if of:
            # The shell's own command line must not match: it would signal itself.
            script = f"for p in $(pgrep -f 'postgres: .*[{of[0]}]{of[1:]}'); do kill -{number} $p; done"
        subprocess.run(["nsenter", f"--target={self.inside()}", "--pid", "--mount", "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True)

    def report(self, path):
        """(status, JSON), (0, None) where Patroni does not answer."""
        return ask_json("127.0.0.1", self.rest, "GET", path, timeout=5)

    def drop(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.place, ignore_errors=True)


class Nodes:
    """A with block: three nodes, of which one leads."""

    def __init__(self, synchronous, place):
        self.synchronous, self.nodes = synchronous, [Node(f"p{n}", programs(), place) for n in range(NODES)]

    def __enter__(self):
        try:
            for node in self.nodes:
                node.configure(self.nodes, self.synchronous)
                node.start()
            self.whole()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.drop()

    def leader(self):
        return next((node for node in self.nodes if node.report("/primary")[0] == 200), None)

    def whole(self):
        """Until one leads, all others follow it, and one of them does so synchronously where that is asked for."""

        def is_whole():
            leader = self.leader()
            members = (leader.report("/cluster")[1] or {}).get("members", []) if leader else []
            roles = [member["role"] for member in members]
            follow = sum(member["state"] in ("running", "streaming") and member["role"] != "leader" for member in members)
            return leader and follow == NODES - 1 and (not self.synchronous or "sync_standby" in roles) and leader

        try:
            return until(is_whole, "Patroni's three are whole", 600)
        except TimeoutError as fault:
            logs = ""
            for node in self.nodes:
                with open(f"{node.place}/log", encoding="utf-8", errors="replace") as file:
                    logs += f"\n{node.name}: {file.read()[-800:]}"
            raise RuntimeError(f"{fault}{logs}") from None


def missing():
    """Why this is not to be had here; None: it is."""
    if not programs():
        return "no PostgreSQL 15 or later (apt-get install postgresql)"
    if not os.path.exists("/usr/bin/patroni"):
        return "no Patroni (apt-get install patroni python3-pysyncobj)"
    if subprocess.run(["/usr/bin/python3", "-c", "import pysyncobj, psycopg2"], capture_output=True).returncode != 0:
        return "Patroni has no consensus of its own (apt-get install python3-pysyncobj)"
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, text=True)
    return f"no process namespaces: {tried.stderr.strip()}" if tried.returncode else None


def on_patroni(settings, seed, synchronous, work):
    """work(pair, nodes) with the load under way; then judged."""
    with Nodes(synchronous, settings.fast) as nodes:
        load = ["--schedules", str(int(synchronous)), "--pause-ms", "15"]
        with Lone(nodes.nodes, settings.notifyd, seed, load=load, place=settings.fast) as pair:
            pair.start_at(0)
            until(lambda: pair.owns(0), "the broker owns the store")
            pair.begin_load()
            pair.work(0.5, 1)
            work(pair, nodes)
            pair.work(0.2, 1)
            pair.end_load()
            pair.owner()
            return pair.verdict()


def goes_on(pair, begun, outcome, fault):
    """Until the broker owns the store of the new leader; where it stopped it is started again, and where it should not have, that is a fault."""
    until(lambda: pair.owns(0) or pair.broker.poll() is not None, "the broker goes on, or stops", 240)
    pair.work(1.5, 2.5)
    if pair.broker.poll() is not None:
        outcome.rounds["of these the broker stopped"] += 1
        if fault:
            outcome.faults.append(("failover", f"the broker stopped: {pair.log_text().splitlines()[-1]}"))
        pair.start_at(0)
    pair.owner()
    pair.died("database", begun)


def fail_over(pair, nodes, outcome):
    """PostgreSQL of the leader is killed, which Patroni sees; or its whole machine ends, which is missed after the time to live."""
    leader, begun = nodes.whole(), time.monotonic()
    machine = pair.random.random() < 0.3
    if machine:
        leader.kill()
    else:
        leader.signal_postgres(9)
    until(lambda: nodes.leader() not in (None, leader), "another one leads", 600)
    goes_on(pair, begun, outcome, True)
    if machine:
        leader.start()
    outcome.rounds["fail-over, the leader's machine ended" if machine else "fail-over, kill -9 of the leader"] += 1


def failovers(settings, seed, count):
    why = missing()
    if why:
        return rounds.skipped(why)
    outcome = rounds.Outcome()

    def work(pair, nodes):
        for _ in range(count):
            if time.monotonic() > settings.deadline:
                break
            pair.work(0.5, 1.5)
            fail_over(pair, nodes, outcome)

    return outcome.judged(on_patroni(settings, seed, True, work))


def control(settings, seed, count):
    """The negative control: asynchronous standbys that receive nothing for a moment."""
    why = missing()
    if why:
        return rounds.skipped(why)
    outcome = rounds.Outcome()

    def work(pair, nodes):
        leader, begun = nodes.whole(), time.monotonic()
        others = [node for node in nodes.nodes if node is not leader]
        for node in others:
            node.signal_postgres(19, "walreceiver")
        pair.work(1.5, 1.5)
        leader.kill()
        for node in others:
            node.signal_postgres(15, "walreceiver")
            node.signal_postgres(18, "walreceiver")
        until(lambda: nodes.leader() not in (None, leader), "another one leads", 600)
        goes_on(pair, begun, outcome, False)

    for number in range(count):
        lost = any(rule == "I1" for rule, _ in on_patroni(settings, seed + number, False, work)[0])
        outcome.rounds["fail-over to one that is behind, loss seen" if lost else "fail-over to one that is behind"] += 1
        if not lost:
            outcome.faults.append(("control", "what the standby did not have was lost, and the oracle saw no loss"))
    return outcome
