"""Who served which namespace when, of several brokers on one store: read from what the database said (owns) and from who was killed, stopped or cut off.

The database is asked, not the brokers: a member's row of a namespace is what its transactions are held against.
"""

from collections import defaultdict

# What is in flight at a hand-over has so long to end; what had ended sooner was written.
GRACE_S = 0.5
# A member that could not renew its lease goes on being one for so long, and is seen to be gone a little later.
SEEN_S = 2.0
FOREVER = float("inf")
ANYBODY = "*"
# A member's end by which every namespace that it serves begins anew, whether or not another member has it next.
ENDS = ("kill", "term", "restart")
# After these, what was in flight at it may come when it has the namespace no more.
LEAVES_LATE_ONES = ("kill", "stop", "gone")


class Tenure:
    """A member has a namespace: from some time in [since, t], until some time in [end_since, end]."""

    def __init__(self, row):
        self.member, self.since, self.t = row["member"], row["since"], row["t"]
        self.end_since = self.end = FOREVER

    def ended(self, row):
        self.end_since, self.end = row["since"], row["t"]
        return self


class Owners:
    def __init__(self, killer):
        self.acts = sorted((e for e in killer if e["e"] == "dead" and "member" in e), key=lambda e: e["t"])
        self.tenures = defaultdict(list)
        rows = sorted((e for e in killer if e["e"] == "owns"), key=lambda e: (e["ns"], e["epoch"]))
        before = None
        for row in rows:
            same = before and before["ns"] == row["ns"]
            if same and before["member"] is not None:
                self.tenures[row["ns"]][-1].ended(row)
            if same and row["epoch"] > before["epoch"] + 1:
                # Between two looks it was somebody's of whom nobody knows.
                self.tenures[row["ns"]].append(Tenure({**row, "member": ANYBODY}).ended(row))
            if row["member"] is not None:
                self.tenures[row["ns"]].append(Tenure(row))
            before = row

    # ---- ends of lives

    def deaths(self):
        """Each end of a member's service of a namespace, as a "dead" event with `ns`."""
        return [death for ns, tenures in self.tenures.items() for at, tenure in enumerate(tenures)
                for death in self.ends_of(ns, tenure, tenures[at + 1].t if at + 1 < len(tenures) else None)]

    def ends_of(self, ns, tenure, taken):
        acts = [act for act in self.acts if act["member"] == tenure.member and act["t"] <= tenure.end and act["until"] >= tenure.since]
        ended_by = next((act for act in reversed(acts) if act["until"] + act.get("seen", SEEN_S) >= tenure.end_since), None) if taken is not None else None
        for act in acts:
            if act is not ended_by and act["how"] in ENDS:
                yield {**act, "ns": ns}
        if ended_by:
            yield {**ended_by, "ns": ns, "until": max(taken, ended_by["until"])}
        elif taken is not None:
            yield {"how": "moved", "ns": ns, "t": tenure.end_since - GRACE_S, "until": taken, "window": 0}

    def unserved(self, ns):
        """From when until when nobody may have served a namespace: while who had it was harmed, and where its process had ended until another one has it."""
        tenures = self.tenures[ns] if ns in self.tenures else []
        for at, tenure in enumerate(tenures):
            for act in self.acts:
                if act["member"] == tenure.member and act["t"] <= tenure.end and act["until"] >= tenure.since:
                    over = act["how"] in ("kill", "term") and at + 1 < len(tenures)
                    yield act["t"], max(act["until"], tenures[at + 1].t) if over else act["until"]

    # ---- what comes late

    def by_space(self, calls):
        spaces = defaultdict(list)
        for call in calls:
            if call.ns in self.tenures and call.by is not None:
                spaces[call.ns].append(call)
        return spaces.values()

    def late(self, calls, noise):
        """Of a namespace's calls in their order those of a member that did not have it, or had it no more since another one had begun."""
        late, taken_over = [], set()
        for call in calls:
            tenures = [(at, each) for at, each in enumerate(self.tenures[call.ns])
                       if each.member in (call.by, ANYBODY) and each.since - noise(each.since, call.t) <= call.t <= each.end + noise(each.end, call.t)]
            alive = [at for at, _ in tenures if at not in taken_over]
            if not alive:
                late.append(call)
            else:
                taken_over.update(range(min(alive)))
        return late

    def may_be_late(self, call, noise):
        """Whether it was in flight at a member that was killed, or stood still, and lost the namespace by that; it is seen a little later."""
        for act in self.acts:
            if act["member"] == call.by and act["how"] in LEAVES_LATE_ONES and act["t"] <= call.t <= act["until"] + GRACE_S + noise(act["until"], call.t):
                return True
        return False
