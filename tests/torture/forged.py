"""Histories that are made up, for the oracle's own test."""

import base64
import hmac

from checker import judge


class Forged:
    """A history that is made up: one namespace "a" and a receiver, unless said otherwise. Times are seconds; the wall clock says the same."""

    def __init__(self):
        self.submitter, self.receiver, self.killer = [], [], []
        self.stored, self.spaces, self.op, self.n = {}, {}, 0, 0
        self.drained, self.metrics, self.removes = True, None, False

    def ask(self, do, t, items, status=201, ids=None, ns="a", took=0.001, whole=False):
        self.op += 1
        self.submitter.append({"e": "ask", "op": self.op, "t": t, "w": t * 1000, "do": do, "ns": ns, "items": items, "whole": whole})
        if status is not None:
            end = t + took
            self.submitter.append({"e": "ans", "op": self.op, "t": end, "w": end * 1000, "status": status, "ids": ids})
        return self

    def submit(self, t, *tags, lane="l", mode="concurrent", status=201, ns="a", do="submit", **more):
        """One request. Each tag's id is n-TAG where the answer is a 2xx."""
        items = [{"tag": tag, "lane": lane, "mode": mode, **more} for tag in tags]
        return self.ask(do, t, items, status, [f"n-{tag}" for tag in tags], ns, whole=len(tags) > 1)

    def steer(self, do, t, tag, status=200, ns="a"):
        return self.ask(do, t, [{"tag": tag}], status, None, ns)

    def call(self, t, tag, number=1, status=200, took=0.001, ns="a", known=None, **more):
        """status None: its connection ends without an answer after `took`; took None: nothing more is seen of it."""
        self.n += 1
        self.receiver.append({"e": "come", "n": self.n, "t": t, "w": t * 1000, "tag": tag, "id": known or f"n-{tag}", "try": number, "ns": ns,
                              **more})
        if took is not None:
            end = {"e": "gone"} if status is None else {"e": "done", "status": status}
            self.receiver.append({**end, "n": self.n, "t": t + took})
        return self

    def dead(self, t, how="kill", window=0.05, until=None, **more):
        self.killer.append({"e": "dead", "t": t, "until": until or t + 0.001, "how": how, "window": window, **more})
        return self

    def away(self, t, until):
        self.killer.append({"e": "away", "t": t, "until": until})
        return self

    def owns(self, t, member, ns="a", since=None, skipped=0):
        """From between 50 ms before and then this member has the namespace; None: nobody. skipped: so many had it before, whom nobody saw."""
        epoch = 1 + skipped + max((e["epoch"] for e in self.killer if e["e"] == "owns"), default=0)
        self.killer.append({"e": "owns", "since": since or t - 0.05, "t": t, "ns": ns, "epoch": epoch, "member": member})
        return self

    def change(self, t, tag, status=200, **given):
        return self.ask("change", t, [{"tag": tag, **given}], status)

    def told(self, t, tag, state="succeeded", **more):
        self.submitter.append({"e": "told", "t": t, "tag": tag, "state": state, **more})
        return self

    def filled(self, pending, most, **totals):
        """So many are scheduled, and all that were accepted, unless totals say otherwise."""
        totals = {"accepted": pending, "revived": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "expired": 0} | totals
        self.submitter.append({"e": "filled", "t": 3, "ns": "a", "states": {"held": 0, "scheduled": pending}, "totals": totals, "most": most})
        return self

    def key(self, t, secret=b"secret"):
        self.secret = secret
        self.submitter.append({"e": "key", "t": t, "ns": "a", "secret": "whsec_" + base64.b64encode(secret).decode()})
        return self

    def signed(self, t, tag, known=None, secret=None, ns="a"):
        """A call with a signature, of `known` (its id), by `secret` (that of the key)."""
        known = known or f"n-{tag}"
        right = base64.b64encode(hmac.digest(secret or self.secret, f"{known}.12.{{}}".encode(), "sha256")).decode()
        return self.call(t, tag, ns=ns, signed=[known, "12", f"v1,other v1,{right}"], body="{}")

    def stall(self, t, until):
        self.receiver.append({"e": "stall", "t": t, "until": until})
        return self

    def clock(self, t, offset, **more):
        self.killer.append({"e": "clock", "t": t, "offset": offset, **more})
        return self

    def end(self, ns="a", revived=0, off=None, **states):
        """In the end these tags are stored, in these states; the books are as that makes them, but for what `off` adds."""
        items = [{"id": f"n-{tag}", "tag": tag, "state": state} for tag, state in states.items()]
        count = {state: list(states.values()).count(state) for state in set(states.values())}
        totals = {"accepted": len(items), "revived": revived}
        totals.update({state: count.get(state, 0) for state in ("succeeded", "failed", "cancelled", "expired")})
        totals["succeeded"] += revived
        counts = {state: count.get(state, 0) for state in ("held", "scheduled", "ready", "sending", "retrying")}
        for word, value in (off or {}).items():
            (totals if word in totals else counts)[word] += value
        self.spaces[ns] = {"items": items, "stats": {"totals": totals, "states": counts}}
        return self

    def verdict(self, judged_by=judge):
        final = {"drained": self.drained, "namespaces": self.spaces, "metrics": self.metrics, "removes": self.removes}
        return judged_by(self.submitter, self.receiver, self.killer, final)[0]


def fine():
    """One that is submitted, arrives and is stored."""
    return Forged().submit(1, "x").call(2, "x").end(x="succeeded")


def fifo(*tags, **more):
    forged = Forged()
    for at, tag in enumerate(tags):
        forged.submit(1 + at / 100, tag, mode="fifo", **more)
    return forged


def removing(forged):
    """What succeeded is not kept for long."""
    forged.removes = True
    return forged


def undrained(forged):
    forged.drained = False
    return forged


def add(forged, **fields):
    for name, value in fields.items():
        setattr(forged, name, value)
    return forged


def without(forged, tag, ns="a"):
    """The same, but that the store shows no tag of this one, as of an event's notify."""
    for entry in forged.spaces[ns]["items"]:
        if entry["tag"] == tag:
            entry["tag"] = None
    return forged


def schedule(*times, late=0.002, ends=()):
    """One that is asked for at 0.5, and has these runs. ends: [(when, what is answered)] of requests for its end."""
    forged, times = Forged(), times or (1000,)
    forged.submitter.append({"e": "ask", "op": 99, "t": 0.5, "w": 500, "do": "schedule", "ns": "a", "items": [], "name": "s", "every_ms": 1000, "lane": "s"})
    forged.submitter.append({"e": "scheduled", "t": 0.5, "w": 500, "name": "s"})
    for at in times:
        forged.call(at / 1000 + late, f"sch.s@{at}")
    forged.submitter += [{"e": "unscheduled", "name": "s", "asked": asked, "status": status} for asked, status in ends]
    return forged.end(**{f"sch.s@{at}": "succeeded" for at in times})


def no_runs(forged):
    forged.receiver.clear()
    return forged.end()


CALLBACK = {"tag": "cb.x", "lane": "c", "mode": "concurrent", "virtual": True, "of": "x"}



def stopped():
    """Of two that are fifo the first one was in flight at a member that then stood still, until another one had had the namespace for a while."""
    return (fifo("x", "y").owns(0.5, "A").call(2, "x", by="A", status=None, took=7.6).dead(2.5, "stop", until=9.5, member="A").owns(8, None).owns(8.2, "B")
            .call(8.3, "x", by="B").call(8.4, "y", by="B").end(x="succeeded", y="succeeded"))


def judge_all(test, table):
    """Each row of the table: the rule that its history breaks, "" for none; what it is; the history."""
    for rule, what, forged in table:
        with test.subTest(rule=rule or "fine", what=what):
            faults = forged.verdict()
            test.assertEqual(bool(rule), bool(faults), faults)
            if rule:
                test.assertIn(rule, {broken for broken, _ in faults}, faults)
