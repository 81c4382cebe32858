"""Histories as they are judged: reads what the submitter, the receiver and the one who kills have logged, and what the store lists in the end.

An item is what one ask wants to be made: tag (unique, comes with the call), lane, mode (fifo, concurrent); optional: due (ms of the wall clock),
delay (ms), fkey, skip (the lane lets others pass while one waits), fails (all its attempts do), ttl, may_cancel (its group may), virtual (its id is
in no answer: callbacks, events' notifies), of (the tag, or tags, that a callback is about), after (the one before it in its sequential group), none
(no answer counts), unseen (its receiver is not always there), attempts (so many may be made), sum and head (of what it bears, and what its header
says of that: bodies.py).

The store in the end: {"drained": bool, "namespaces": {name: {"items": [{"id", "state", "tag"}], "stats": {...}}}, "metrics": {...} or None}. tag is None
where the list does not show it (an event's notify). "removes": what succeeded is not kept for so long.
"""

import bisect
import itertools
import os
from collections import defaultdict

from owners import Owners

# What a machine with other work does to a time beside the stalls that were noticed.
NOISE_S = 0.02
# A call that was sent before a cancel was acknowledged, or before the broker was killed, may take so long to be seen.
ON_ITS_WAY_S = 0.1
# Before the broker was asked to stop: so long what it is doing at that moment may take. Under a sanitizer it is several times slower.
STOPPING_S = ON_ITS_WAY_S * int(os.environ.get("NOTIFYD_TEST_SLOWNESS", "1"))
# So long before and after it was set a clock may have been read, and what was decided by it be seen.
SURE_S = 0.5
# No acknowledgement that took longer is looked for.
LONGEST_WAIT_S = 10
SETTLED = ("succeeded", "failed", "cancelled", "expired")
PENDING = ("held", "scheduled", "ready", "sending", "retrying")
FOREVER = float("inf")
# What a load asks; a job is put only where it has a door.
ACTS = ("submit", "group", "publish", "trigger", "cancel", "change", "retry", "put")
# By so many submits that were acknowledged each act has come, and been done; so many of one are not all refused, or without an answer, by chance.
A_LOAD, AN_ACT = 500, 100
# What is asked of one that is there, by where its asks are kept.
STEERING = {"trigger": "triggers", "cancel": "cancels", "retry": "retries", "change": "changes"}


def idle_acts(counts):
    """What is wrong with a load as the oracle counted it: an act of which none was acknowledged proves nothing of itself."""
    return [("load", f"{do}: of {counts[f'{do} asked']} asks none was acknowledged, of submits {counts['submit done']}") for do in ACTS
            if not counts[f"{do} done"] and (counts[f"{do} asked"] >= AN_ACT or do != "put" and counts["submit done"] >= A_LOAD)]


class Item:
    def __init__(self, ask, given):
        self.tag, self.ns, self.given = given["tag"], ask["ns"], given
        self.do = ask["do"]
        self.asks = []
        self.ids = set()
        self.acked = None
        # changes: asks, each with the item that it gives
        self.triggers, self.cancels, self.retries, self.changes = [], [], [], []

    def refused(self):
        return all(ask.refused() for ask in self.asks)

    def acknowledged(self):
        return self.acked is not None

    def before(self):
        """The tags of those after whose end it is sent: the one before it in its group, or what it tells of."""
        tags = self.given.get("of") or self.given.get("after") or []
        return [tags] if isinstance(tags, str) else tags

    def retried(self, since=0.0, until=FOREVER):
        """Whether it may have been sent again by hand: by a retry that was asked for until then, and nobody knows to have been done before `since`."""
        return any(not ask.refused() and ask.t <= until and ask.ended() >= since for ask in self.retries)


class Ask:
    """A request and what became of it."""

    def __init__(self, event):
        self.event, self.t, self.w, self.answer = event, event["t"], event["w"], None

    def status(self):
        return self.answer["status"] if self.answer else 0

    def done(self):
        return self.status() // 100 == 2

    def refused(self):
        return 300 <= self.status() < 500

    def unknown(self):
        return not self.done() and not self.refused()

    def ended(self):
        """By when it was done, or refused."""
        return FOREVER if self.unknown() else self.answer["t"]


class Call:
    """An arrival: one request at the receiver."""

    def __init__(self, event):
        self.n, self.t, self.w = event["n"], event["t"], event["w"]
        self.tag, self.id, self.number, self.ns = event["tag"], event["id"], event["try"], event["ns"]
        self.by, self.signed, self.body = event.get("by"), event.get("signed"), event.get("body")
        self.sum, self.head, self.about = event.get("sum"), event.get("head"), event.get("about")
        self.status, self.end = None, FOREVER

    def good(self):
        return self.status is not None and self.status // 100 == 2

class Histories:
    """What the logs say, put together: items by tag, calls by tag and id, what is listed, and how sure a time is."""

    def __init__(self, submitter, receiver, killer, final):
        self.final = final
        self.counts = defaultdict(int)
        self.oldest_repeat_s = 0.0
        everything = submitter + receiver + killer
        self.stalls = sorted((e["t"], e["until"]) for e in everything if e["e"] == "stall")
        # How long those up to each took together.
        self.stalled = [0.0, *itertools.accumulate(end - start for start, end in self.stalls)]
        # By the member whose clock it is; None: of one broker alone.
        self.clock = defaultdict(list)
        for event in sorted((e for e in killer if e["e"] == "clock"), key=lambda e: e["t"]):
            self.clock[event.get("member")].append((event["t"], event["offset"]))
        self.waits = []
        self.told, self.filled, self.keys = ([e for e in submitter if e["e"] == kind] for kind in ("told", "filled", "key"))
        self.read_submitter(submitter)
        self.read_receiver(receiver)
        self.read_final()
        # Of brokers that share namespaces each has its own ends, by what it served; of one alone all are everybody's.
        self.owners = Owners(killer)
        self.deaths = sorted([e for e in killer if e["e"] == "dead" and "member" not in e] + self.owners.deaths(), key=lambda e: e["t"])
        self.stops = [e for e in killer if e["e"] == "dead" and e["how"] == "term" and "grace" in e]
        self.take_out_late_ones()

    # ---- reading

    def read_submitter(self, events):
        asks, self.items, self.wholes = {}, {}, []
        for event in events:
            if event["e"] == "ask":
                asks[event["op"]] = self.read_ask(event)
            elif event["e"] == "ans" and event["op"] in asks:
                self.read_answer(asks[event["op"]], event)
        self.waits.sort()
        self.counts["submitted"] = len(self.items)
        self.counts["acknowledged"] = sum(1 for item in self.items.values() if item.acknowledged())
        for do in ACTS:
            these = [ask for ask in asks.values() if ask.event["do"] == do]
            self.counts[f"{do} asked"], self.counts[f"{do} done"] = len(these), sum(1 for ask in these if ask.done())

    def read_ask(self, event):
        ask = Ask(event)
        for given in event["items"]:
            item = self.items.get(given["tag"])
            if event["do"] in STEERING:
                if event["do"] == "change":
                    ask.given = given
                getattr(item, STEERING[event["do"]]).append(ask)
                continue
            if item is None:
                item = self.items[given["tag"]] = Item(event, given)
            item.asks.append(ask)
        if event.get("whole"):
            self.wholes.append(ask)
        return ask

    def read_answer(self, ask, event):
        ask.answer = event
        self.waits.append((ask.t, event["t"]))
        if not ask.done() or ask.event["do"] in STEERING:
            return
        ids = event.get("ids") or []
        for at, given in enumerate(ask.event["items"]):
            item = self.items[given["tag"]]
            if item.acked is None:
                item.acked = event
            if at < len(ids) and ids[at]:
                item.ids.add(ids[at])

    def read_receiver(self, events):
        self.calls, by_number = [], {}
        for event in events:
            if event["e"] == "come":
                call = by_number[event["n"]] = Call(event)
                self.calls.append(call)
            elif event["e"] in ("done", "gone"):
                call = by_number[event["n"]]
                call.end = min(call.end, event["t"])
                if event["e"] == "done":
                    call.status = event["status"]
        self.calls.sort(key=lambda call: (call.t, call.n))
        self.by_tag, self.by_id = defaultdict(list), defaultdict(list)
        for call in self.calls:
            self.by_tag[call.tag].append(call)
            self.by_id[call.id].append(call)
        self.counts["arrived"] = len(self.calls)

    def read_final(self):
        """What is listed, by tag. What shows no tag is known by its calls, or by the answer that named it."""
        tag_of = {call.id: call.tag for call in self.calls}
        for item in self.items.values():
            for known in item.ids:
                tag_of[known] = item.tag
        self.listed = defaultdict(list)
        self.nameless = []
        for name, space in self.final["namespaces"].items():
            for entry in space["items"]:
                tag = entry.get("tag") or tag_of.get(entry["id"])
                if tag is None:
                    self.nameless.append((name, entry))
                else:
                    self.listed[tag].append((name, entry))

    def calls_between(self, start, end):
        first, last = (bisect.bisect_left(self.calls, t, key=lambda call: call.t) for t in (start, end))
        return self.calls[first:last]

    # ---- times

    def noise(self, start, end):
        """How much less sure a time between these is, in seconds."""
        # Those that begin between them all count; those before where they last until then.
        before, first, last = (bisect.bisect_left(self.stalls, (t, 0)) for t in (start - 5, start, end))
        total = NOISE_S + max(0.0, self.stalled[max(first, last)] - self.stalled[first])
        for at in range(before, min(first, last)):
            if self.stalls[at][1] >= start:
                total += self.stalls[at][1] - self.stalls[at][0]
        return total

    def wait(self, end, death):
        """How long an acknowledgement had taken that was asked for around then, up to the death: what ends is written no sooner than that."""
        first = bisect.bisect_left(self.waits, (end - LONGEST_WAIT_S, 0))
        last = bisect.bisect_left(self.waits, (death, 0))
        return max((min(answered, death) - asked for asked, answered in self.waits[first:last] if answered >= end), default=0)

    def sure(self, first, second):
        """Whether these two calls came in this order, also where the receiver had been held up, and then read what had come meanwhile."""
        return second.t - first.t > self.noise(first.t - ON_ITS_WAY_S, second.t) - NOISE_S

    def offset(self, t, pick, by=None):
        """By how much a broker's wall clock was off at about t: the least or the most (pick), where it was set just then, and where nobody knows whose."""
        offsets = []
        for steps in [self.clock[by]] if by in self.clock else self.clock.values():
            first = bisect.bisect_right(steps, (t - SURE_S, FOREVER))
            last = bisect.bisect_right(steps, (t + SURE_S, FOREVER))
            offsets += [offset for _, offset in steps[max(0, first - 1):last]]
            if first == 0:
                offsets.append(0)
        return pick(offsets, default=0)

    def between(self, start, end, ns):
        """The deaths of who served a namespace that lie between two moments, the time over which one happens included, and what was on its way then."""
        return [d for d in self.deaths if d.get("ns", ns) == ns and d["t"] <= end and d["until"] + ON_ITS_WAY_S + self.noise(d["until"], start) >= start]

    # ---- what comes late

    def take_out_late_ones(self):
        """What a broker sent that had the namespace no more is no part of an order, nor an attempt: it is judged by itself."""
        self.late = []
        if not self.owners.tenures:
            return
        for calls in self.owners.by_space(self.calls):
            self.late += self.owners.late(calls, self.noise)
        gone = {call.n for call in self.late}
        self.calls = [call for call in self.calls if call.n not in gone]
        for known in (self.by_tag, self.by_id):
            for name in list(known):
                known[name] = [call for call in known[name] if call.n not in gone]
                if not known[name]:
                    del known[name]
        self.counts["late ones"] = len(self.late)
