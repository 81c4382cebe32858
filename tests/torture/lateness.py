"""What is due is sent soon: how long each one could have been sent, by somebody who was there, before it was.

What a restart heals is seen by that: the time over which no broker served, and that for which the machine stood still, is taken off, and what is
left is how long it lay there with nothing to wait for.
"""

import bisect
from collections import defaultdict

from reading import FOREVER, SURE_S, Histories

# Nothing that is due, and may be sent, waits for longer: behind it are pauses of the load's receivers, waits before retries, and the load of a start.
LATE_S = 5


class Lateness(Histories):
    def __init__(self, submitter, receiver, killer, final):
        super().__init__(submitter, receiver, killer, final)
        self.faults = []
        self.pauses = [(e["t"], e["until"]) for e in killer if e["e"] == "away"]
        self.away = {}
        self.schedules = [e for e in [*submitter, *killer] if e["e"] in ("scheduled", "unscheduled")]
        self.latest_s = 0.0

    def fault(self, rule, text):
        self.faults.append((rule, text))

    # ---- for how long one could have been sent

    def pauses_of(self, ns):
        """The times over which a namespace may not have been served, since who had it stood still, was on the way to its end or not there yet: what
        it would have sent waits. None of them lies over another."""
        if ns not in self.away:
            merged = []
            lives = [(death["t"], death["until"]) for death in self.deaths if death.get("ns", ns) == ns]
            for start, end in sorted([*self.pauses, *lives, *self.owners.unserved(ns)]):
                if merged and start <= merged[-1][1]:
                    merged[-1][1] = max(merged[-1][1], end)
                else:
                    merged.append([start, end])
            self.away[ns] = merged
        return self.away[ns]

    def served(self, start, end, ns):
        """For how much of a time a namespace was served."""
        pauses = self.pauses_of(ns)
        total, at = end - start, max(0, bisect.bisect_left(pauses, [start]) - 1)
        while at < len(pauses) and pauses[at][0] < end:
            total -= max(0.0, min(pauses[at][1], end) - max(pauses[at][0], start))
            at += 1
        return total

    def waited(self, times, ns):
        """For how long one was left that could be sent over these times: [(start, end)] in their order."""
        if not times:
            return 0.0
        return sum(self.served(start, end, ns) for start, end in times) - self.noise(times[0][0], times[-1][1])

    def times_due(self, due, ahead, start, end):
        """When, between these, the broker's wall clock had reached a due time (ms). ahead: by what this machine's is before the monotonic one (ms)."""
        steps = self.clock.get(None, [])
        times = []
        for at in range(-1, len(steps)):
            offset = steps[at][1] if at >= 0 else 0
            first = max(start, (due - ahead - offset) / 1000, steps[at][0] + SURE_S if at >= 0 else start)
            last = min(end, steps[at + 1][0] if at + 1 < len(steps) else end)
            if first < last:
                times.append((first, last))
        return times

    # ---- notifies

    def check_lateness(self):
        """Each one's first call."""
        if any(offset for member, steps in self.clock.items() if member is not None for _, offset in steps):
            return
        busy = defaultdict(list)
        for call in self.calls:
            item = self.items.get(call.tag)
            if item and item.given["mode"] == "fifo":
                busy[(call.ns, item.given["lane"])].append(call)
        for tag, calls in self.by_tag.items():
            item = self.items.get(tag)
            if item is None or item.given.get("unseen") or item.cancels and item.retries:
                continue
            start = self.free_since(item, calls[0], busy)
            if start is not None:
                self.check_wait(item, self.times_sendable(item, start, calls[0].t))
            self.check_retry_waits(item, calls)

    def check_wait(self, item, times):
        waited = self.waited(times, item.ns)
        self.latest_s = max(self.latest_s, waited)
        if waited > LATE_S:
            self.fault("I1", f"{item.tag} was left for {waited:.1f} s, though it was due, and somebody there to send it")

    def check_retry_waits(self, item, calls):
        """A retry by hand is for now. (None of a fifo lane is asked for.)"""
        for ask in item.retries:
            again = next((call for call in calls if call.t >= ask.t), None)
            if ask.done() and again and not any(not change.refused() and change.ended() >= ask.t for change in item.changes):
                self.check_wait(item, [(ask.answer["t"], again.t)] if ask.answer["t"] < again.t else [])

    def free_since(self, item, call, busy):
        """From when on it was known, and nothing that it waits for was under way any more; None: nobody can say."""
        if not item.acked and item.do != "schedule":
            return None
        acked = item.acked["t"] if item.acked else item.asks[0].t
        before = [self.by_tag.get(tag, []) for tag in item.before()]
        if item.given["mode"] == "fifo":
            before.append([each for each in busy[(call.ns, item.given["lane"])] if each.t < call.t])
        elif not all(before):
            return None
        ends = [each.end for calls in before for each in calls if each.t < call.t]
        ends += [self.ended_by(ask) for tag in item.before() for ask in self.items[tag].cancels]
        return None if any(end >= call.t for end in ends) else max([acked, *ends])

    @staticmethod
    def ended_by(cancel):
        """When one was settled by a cancel, at the latest."""
        return 0 if cancel.refused() else cancel.answer["t"] if cancel.done() else FOREVER

    def times_sendable(self, item, start, end):
        """When, between these, it was due."""
        given, ahead = item.given, item.asks[0].w - item.asks[0].t * 1000
        due = self.due_at(item, given, item.acked) if item.acked else given["due"]
        triggered = min((ask.answer["t"] for ask in item.triggers if ask.done()), default=FOREVER)
        if given.get("fkey") and due is None:
            due = FOREVER
        for ask in sorted((ask for ask in item.changes if not ask.refused() and ask.t < end), key=lambda ask: ask.t):
            changed = self.due_at(item, ask.given, ask.answer or {"t": end, "w": end * 1000 + ahead})
            due = changed if ask.done() else max(due, changed)
            start = max(start, min(end, ask.answer["t"])) if ask.done() else start
        triggered_at = [(max(start, triggered), end)] if triggered < end else []
        if due is None:
            return triggered_at or [(start, end)]
        times = self.times_due(due, ahead, start, end) if due < FOREVER else []
        return min(times, triggered_at, key=lambda each: each[0][0] if each else FOREVER)

    def due_at(self, item, given, answer):
        """By the broker's wall clock, in ms, at the latest."""
        if "delay" in given:
            return answer["w"] + self.offset(answer["t"], max) + given["delay"] + 1
        return given.get("due")

    # ---- schedules

    def check_schedule(self, schedule):
        """Each of a schedule's times has one run, from its PUT to its DELETE. The tags of its calls are sch.NAME@TIME, the time in ms."""
        name, every = schedule["name"], schedule["every_ms"]
        before = f"sch.{name}@"
        times = sorted({int(tag[len(before):]) for tag in [*self.by_tag, *self.listed] if tag.startswith(before)})
        for one, next_one in zip(times, times[1:]):
            if next_one - one != every:
                self.fault("I1", f"schedule {name}: no run between {one} and {next_one}")
        made = next((e for e in self.schedules if e["e"] == "scheduled" and e["name"] == name), None)
        ends = sorted((e for e in self.schedules if e["e"] == "unscheduled" and e["name"] == name), key=lambda e: e["asked"])
        if made:
            self.check_schedule_ends(schedule, made["w"], times, ends)

    def check_schedule_ends(self, schedule, made, times, ends):
        """It begins at the latest one turn after it was acknowledged, and goes on until somebody wants it to end."""
        name, every, ahead = schedule["name"], schedule["every_ms"], schedule["w"] - schedule["t"] * 1000
        if times and times[0] > made + every:
            self.fault("I1", f"schedule {name}: no run before {times[0]}, though it was acknowledged at {made:.0f}")
        if not ends:
            return
        following = times[-1] + every if times else made + every
        missed = self.waited([((following - ahead) / 1000, ends[0]["asked"])], schedule["ns"])
        if missed > LATE_S:
            self.fault("I1", f"schedule {name}: no run from {following:.0f} on, {missed:.1f} s before its end was asked for")
        if ends[0]["status"] == 404:
            self.fault("I1", f"schedule {name} was acknowledged, and its end did not find it")
