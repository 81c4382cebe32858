"""Versions under load: a notifyd of before begins, this one goes on with its directory, by stop, by kill -9 and by restart in place; so do the members of
a cluster one after the other, and all goes on while they are of two versions."""

import os
import shutil
import subprocess
import time

import cluster as clusters
import rounds
from stage import Stage, end_with_parent, until


def by_kill(stage, become):
    stage.kill()
    become()
    stage.start()
    return "kill -9, then the next version"


def by_stop(stage, become):
    stage.stop()
    become()
    stage.start()
    return "SIGTERM, then the next version"


def in_place(stage, become):
    """Its file is another one by the time that it starts it."""
    become()
    stage.restart_in_place()
    return "restart in place into the next version"


WAYS = [by_kill, by_stop, in_place]


def format_of(directory):
    with open(os.path.join(directory, "FORMAT"), encoding="ascii") as file:
        return int(file.read().split("\n")[1].split(" ")[1])


def refused(stage):
    """What is wrong with how the version of before takes a store that is newer than it: it is to say so, and to change nothing."""
    done = subprocess.run([stage.before, "--data-dir", stage.data, "--listen", "127.0.0.1:0"], env=stage.environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, preexec_fn=end_with_parent)
    faults = []
    if done.returncode not in (1, 2):
        faults.append(("downgrade", f"exit code {done.returncode}"))
    if "the store has format" not in done.stderr or "reads up to format" not in done.stderr:
        faults.append(("downgrade", f"it is not said in words: {done.stderr[-1000:]}"))
    return faults


def upgrades(settings, seed, count):
    """So many stores, each begun by the version of before, under the mixed load, and gone on with by this one."""
    if not settings.before:
        return rounds.skipped("no earlier notifyd was named (--before)")
    outcome = rounds.Outcome()
    for number in range(count):
        if time.monotonic() > settings.deadline:
            break
        upgrade(settings, seed + number, WAYS[(seed + number) % len(WAYS)], outcome)
    return outcome


def upgrade(settings, seed, way, outcome):
    with Stage(settings.notifyd, seed, place=settings.fast) as stage:
        # Under one name, as a package puts the next version in place of the one before it.
        stage.before, stage.notifyd = settings.before, stage.path("notifyd")

        def become(binary=settings.notifyd):
            shutil.copy(binary, stage.notifyd + ".new")
            os.rename(stage.notifyd + ".new", stage.notifyd)

        become(settings.before)
        stage.start()
        stage.begin_load()
        # What it leaves has been through a start of its own, and has tables.
        for _ in range(stage.random.randint(1, 2)):
            stage.work(0.3, 2 * settings.work_s + 0.3)
            rounds.kill(stage)
        stage.work(0.3, 2 * settings.work_s + 0.3)
        was = format_of(stage.data)
        outcome.rounds[way(stage, become)] += 1
        for _ in range(2):
            stage.work(0.1, settings.work_s)
            rounds.kill(stage)
        outcome.judged(stage.verdict())
        stage.stop()
        if format_of(stage.data) > was:
            outcome.rounds["the version of before refuses the store"] += 1
            outcome.faults += refused(stage)


# ---- a cluster


class Mixed(clusters.Cluster):
    """A cluster whose members begin as the version of before; each has a file of its own, which is replaced as a package does it."""

    def __init__(self, settings, *arguments):
        super().__init__(*arguments)
        self.versions = {"before": settings.before, "this": settings.notifyd}
        # Earlier versions lost runs of schedules where a member ended.
        self.load_arguments += ["--schedules", "0"]
        for member in self.members:
            member.notifyd = self.path(f"notifyd-{member.name}")
            self.install(member, "before")

    def install(self, member, version):
        shutil.copy(self.versions[version], member.notifyd + ".new")
        os.rename(member.notifyd + ".new", member.notifyd)
        member.version = version


def drained(cluster, member):
    """As the document of a cluster says it: emptied, then stopped."""
    others = [each for each in cluster.members if each is not member]
    until(lambda: any(each.ask("POST", f"/v1/cluster/members/{member.name}/drain")[0] == 204 for each in others), f"{member.name} is to be emptied")
    cluster.work(0.5, 2)
    return clusters.term(cluster, member)


CLUSTER_WAYS = {"drain and SIGTERM": drained, "SIGTERM": clusters.term, "kill -9": clusters.kill, "restart in place": clusters.restart}


def whole(act):
    """Runs an act to its end, and gives its name."""
    name = next(act)
    next(act, None)
    return name


def replaced(cluster, member, version, way):
    """One member goes from one version to the other."""
    cluster.install(member, version)
    whole(CLUSTER_WAYS[way](cluster, member))
    cluster.steady()
    return f"{way}, then the {'next version' if version == 'this' else 'version before again'}"


def roll(cluster, settings, outcome):
    """All members one after the other, of which the first goes back once now and then; and while they differ one of them dies now and then."""
    back = cluster.random.random() < 0.5
    for member in cluster.random.sample(cluster.members, len(cluster.members)):
        for version in ("this", "before", "this") if back else ("this",):
            cluster.work(0.2, 2 * settings.work_s)
            outcome.rounds[replaced(cluster, member, version, cluster.random.choice(list(CLUSTER_WAYS)))] += 1
            if len({each.version for each in cluster.members}) > 1 and cluster.random.random() < 0.5:
                cluster.work(0.1, settings.work_s)
                outcome.rounds[whole(clusters.kill(cluster, cluster.random.choice(cluster.members))) + " while members differ"] += 1
                cluster.steady()
        back = False
    cluster.work(0.2, 2 * settings.work_s)


def rolled(settings, seed, outcome, wires, databases):
    with Mixed(settings, wires, databases, settings, seed) as cluster:
        clusters.follow(cluster)
        cluster.begin_load()
        roll(cluster, settings, outcome)
        outcome.judged(cluster.verdict())
        outcome.faults += cluster.ended
        return outcome


def cluster_upgrades(settings, seed, count):
    """So many clusters, each begun by members of the version of before, under the mixed load, and gone on with by this one."""
    if not settings.before:
        return rounds.skipped("no earlier notifyd was named (--before)")
    outcome = rounds.Outcome()
    for one in range(seed, seed + count):
        if time.monotonic() > settings.deadline:
            break
        came = clusters.staged(settings, one, lambda wires, databases, one=one: rolled(settings, one, outcome, wires, databases))
        if came.skipped:
            return came
    return outcome
