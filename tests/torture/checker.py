"""The oracle: reads what a submitter was told, what a receiver got and what the store lists in the end, and judges the promises.

It knows nothing of the broker but its contract, shares no code with it nor with the simulator's auditor, and looks at histories alone (history.py).

  I1 every acknowledged notify was delivered or is stored, and is what the histories make it; a batch is there whole or not at all
  I2 first deliveries of a fifo lane are in its order, and one goes out once the one before it is settled
  I3 repeats only of what was in flight at a death, or whose end was not yet on disk (50 ms), under the same number; numbers never go back
  I4 nothing before its due time or its trigger
  I5 no attempt starts after an acknowledged cancel, nor at a broker that was asked to stop
  I6 nothing that was never submitted, nothing that was refused, nothing twice under two ids; each call bears the body and the header that were submitted
  I7 the books balance, of each namespace and in all
  I8 nothing crosses namespaces

A 5xx or a lost answer counts as unknown: what was asked may be done or not, but whole.
"""

import base64
import hmac
from collections import defaultdict

from bodies import check_bodies, check_keys
from books import Books
from lateness import Lateness
from reading import FOREVER, ON_ITS_WAY_S, PENDING, SETTLED, STOPPING_S, Ask, Item

# A new key is known to all brokers by then.
KEY_KNOWN_S = 2


class Checker(Lateness, Books):
    # ---- I1

    def check_kept(self):
        for item in self.items.values():
            calls = self.by_tag.get(item.tag, [])
            states = [entry["state"] for _, entry in self.listed.get(item.tag, [])]
            if item.acknowledged() and self.awaited(item):
                self.check_there(item, calls, states)
            for state in states:
                self.check_state(item, calls, state)
            self.check_retries(item, calls)
        for ask in self.wholes:
            self.check_whole(ask)

    def awaited(self, item):
        """A callback is there once what it is about is settled."""
        return not item.given.get("of") or all(any(e["state"] in SETTLED for _, e in self.listed.get(tag, [])) for tag in item.before())

    def check_there(self, item, calls, states):
        delivered = any(call.good() or item.given.get("none") for call in calls)
        if item.ids:
            known = any(entry["id"] in item.ids for _, entry in self.listed.get(item.tag, []))
            delivered = delivered and any(call.id in item.ids for call in calls)
        else:
            known = bool(states)
        if not known and not delivered:
            self.fault("I1", f"lost: {item.tag} {sorted(item.ids)} was acknowledged, is not stored, and was not delivered")

    def check_state(self, item, calls, state):
        given = item.given
        if state == "succeeded" and not (any(call.good() for call in calls) or given.get("none") and calls):
            self.fault("I1", f"{item.tag} is said to have succeeded, and no call of it was answered so")
        if state == "failed" and not (given.get("fails") and calls or given.get("none")):
            self.fault("I1", f"{item.tag} failed, though its receiver takes it")
        if state == "failed" and max((call.number for call in calls), default=0) < given.get("attempts", 0):
            self.fault("I1", f"{item.tag} failed before it had had its {given['attempts']} attempts")
        if state == "cancelled" and not (item.cancels or given.get("may_cancel") and self.fell_through(item)):
            self.fault("I1", f"{item.tag} was cancelled by nobody")
        if state == "expired" and not given.get("ttl"):
            self.fault("I1", f"{item.tag} expired without a ttl")
        if state != "cancelled" and any(ask.done() and not item.retried(since=ask.t) for ask in item.cancels):
            self.fault("I1", f"the acknowledged cancel of {item.tag} is lost: it is {state}")
        if state == "held" and any(ask.done() for ask in item.triggers):
            self.fault("I1", f"the acknowledged trigger of {item.tag} is lost: it is held")
        if self.final["drained"] and state in PENDING and not (state == "held" and given.get("fkey") and not {"due", "delay"} & set(given)):
            self.fault("I1", f"stuck: {item.tag} is {state} when all is to be settled")
        for ask in item.cancels + item.changes + item.retries:
            if ask.status() == 404:
                self.fault("I1", f"{item.tag} was acknowledged, and its {ask.event['do']} did not find it")

    def fell_through(self, item):
        """Whether another one of its group may have failed, or been taken out of it: then the rest is cancelled."""
        others = [self.items[given["tag"]] for given in item.asks[0].event["items"] if not given.get("of") and given["tag"] != item.tag]
        ended = {entry["state"] for other in others for _, entry in self.listed.get(other.tag, [])}
        return bool(ended & {"failed", "expired"}) or any(other.cancels or other.retried() for other in others)

    def check_retries(self, item, calls):
        """What is sent again by hand is sent, unless its end comes before that."""
        if not self.final["drained"] or {"ttl", "unseen", "may_cancel"} & set(item.given):
            return
        for ask in item.retries:
            cancelled = any(not each.refused() and each.ended() >= ask.t for each in item.cancels)
            if ask.done() and not cancelled and not any(call.t >= ask.t for call in calls):
                self.fault("I1", f"the acknowledged retry of {item.tag} is lost: it was not sent again")

    def check_whole(self, ask):
        """What is refused is judged by I6, what is acknowledged by its items: here it is what nobody answered."""
        items = [self.items[given["tag"]] for given in ask.event["items"]]
        # Of an event's notifies the store shows no tag: they are known once all has come.
        sure = [item for item in items if not item.given.get("virtual") or item.do == "publish" and self.final["drained"]]
        there = [item for item in sure if self.by_tag.get(item.tag) or self.listed.get(item.tag)]
        if there and len(there) != len(sure):
            self.fault("I1", f"torn: of a request with {len(sure)} notifies {len(there)} are there, {there[0].tag} for one")

    # ---- I2

    def key_of(self, item):
        """Between which times (wall, ms) the order key of an item lies, and whether it was set by a clock that reads ms; None: nobody can say."""
        given, first, last = item.given, item.asks[0].w, item.acked["w"] if item.acked else FOREVER
        if item.retried() or given.get("of") or given.get("after"):
            return None
        if item.changes:
            return self.changed_key(item)
        if "due" in given and not given.get("fkey"):
            return (max(given["due"], first) - 1, max(given["due"], min(last, FOREVER)) + 1) if last < FOREVER or given["due"] > first else None
        if "delay" in given and not given.get("fkey"):
            return first + given["delay"] - 1, last + given["delay"] + 1
        if given.get("fkey"):
            if not item.triggers or not item.triggers[0].done() or "due" in given or "delay" in given:
                return None
            # Of one millisecond goes first what was submitted first.
            return item.triggers[0].w - 1, item.triggers[0].answer["w"] + 1
        return first, last

    def changed_key(self, item):
        """Of one whose due time was changed once, before any call, for sure and to one that is said; it goes behind what was submitted for that time."""
        done = [ask for ask in item.changes if not ask.refused()]
        if len(done) != 1 or not done[0].done() or "due" not in done[0].given or item.given.get("fkey") or done[0].given["due"] <= done[0].answer["w"]:
            return None
        if any(call.t < done[0].answer["t"] for call in self.by_tag.get(item.tag, ())):
            return None
        return done[0].given["due"] - 1, done[0].given["due"] + 1

    def check_order(self):
        lanes = defaultdict(list)
        for item in self.items.values():
            self.check_after(item)
            if item.given["mode"] == "fifo" and self.by_tag.get(item.tag):
                lanes[(item.ns, item.given["lane"])].append(item)
        self.counts["fifo lanes"] = len(lanes)
        for ask in self.wholes:
            self.check_within(ask)
        for (ns, lane), items in lanes.items():
            self.check_firsts(f"{ns}: {lane}", items)
            if not any(item.given.get("skip") for item in items):
                self.check_turns(f"{ns}: {lane}", items)

    def check_after(self, item):
        """In a sequential group one goes out once the one before it is settled, and a callback once all that it tells of is."""
        before, calls = [self.items[tag] for tag in item.before()], self.by_tag.get(item.tag)
        for other in before if calls and not item.retried(until=calls[0].t) else ():
            earlier = self.by_tag.get(other.tag, [])
            ends = [call.end for call in earlier if call.good()] or [call.end for call in earlier]
            over = other.retried() or other.cancels or other.given.get("ttl") or other.given.get("may_cancel") and item.given.get("of")
            if not over and (not ends or min(ends) > calls[0].t):
                self.fault("I2", f"{item.tag} was sent before {other.tag} had ended, which comes before it")

    def check_firsts(self, lane, items):
        keyed = []
        for item in items:
            key = self.key_of(item)
            if key and not (self.clock and self.timed(item)):
                keyed.append((key[0], key[1], self.by_tag[item.tag][0].t, item.tag))
        by_end = sorted(keyed, key=lambda k: k[1])
        latest, at, who = -1.0, 0, None
        for low, _, first, tag in sorted(keyed):
            while at < len(by_end) and by_end[at][1] < low:
                if by_end[at][2] > latest:
                    latest, who = by_end[at][2], by_end[at][3]
                at += 1
            if latest > first:
                self.fault("I2", f"{lane}: {tag} was sent before {who}, which comes before it")

    @staticmethod
    def timed(item):
        """Where the broker's clock steps, what is due at some time, or since a trigger, cannot be compared from outside with what is due at once: of
        one due time goes first what was submitted first, and what is due at once gets that of before the step."""
        return bool({"due", "delay", "fkey"} & set(item.given))

    def check_within(self, ask):
        """What one request submits to a lane goes in the order in which it stands there."""
        lasts = {}
        for given in ask.event["items"]:
            item = self.items[given["tag"]]
            if given["mode"] != "fifo" or self.timed(item) or not self.by_tag.get(item.tag):
                continue
            first, last = self.by_tag[item.tag][0].t, lasts.get(given["lane"])
            if last and first < last[0]:
                self.fault("I2", f"{item.ns}: {given['lane']}: {item.tag} was sent before {last[1]}, which stands before it in one request")
            lasts[given["lane"]] = (first, item.tag)

    def check_turns(self, lane, items):
        """Holds a lane whose head blocks against: one at a time, and who was passed does not come again."""
        calls = sorted((call for item in items for call in self.by_tag[item.tag]), key=lambda call: (call.t, call.n))
        passed, last = {}, None
        for call in calls:
            if last is not None and call.tag != last.tag:
                passed[last.tag] = (last, call)
                if last.end > call.t + self.on_its_way(last, call) and not self.between(last.t, call.t, call.ns):
                    self.fault("I2", f"{lane}: {call.tag} was sent while {last.tag} was in flight")
            if call.tag in passed and not self.items[call.tag].retried(until=call.t):
                before, other = passed[call.tag]
                timed = self.timed(self.items[call.tag]) or self.timed(self.items[other.tag])
                if not (self.clock and timed) and not self.forgotten(before, call, power=True) and not self.put_off(before, call):
                    self.fault("I2", f"{lane}: {call.tag} was sent again behind {other.tag}, which came after it")
            last = call

    def on_its_way(self, before, call):
        """An answer is written before the next call comes; that a call was given up is seen only later."""
        return 0 if before.status is not None else ON_ITS_WAY_S + self.noise(before.t, call.t + 1)

    def put_off(self, before, call):
        """Whether it was given another due time after its attempt had failed, or was forgotten by a dead broker: it goes on at the place of that."""
        if before.good() and not self.forgotten(before, call):
            return False
        return any(not ask.refused() and before.t < (ask.answer or {"t": FOREVER})["t"] and ask.t < call.t for ask in self.items[call.tag].changes)

    # ---- I3

    def forgotten(self, call, again, power=False):
        """Whether a death between these two may have had the broker forget how the first one ended."""
        for death in self.between(call.t, again.t, again.ns):
            if power and death["how"] not in ("power", "database"):
                continue
            if call.end >= death["t"]:
                # Of an orderly stop that is what it has broken off: what is answered within its grace is written.
                grace = 0 if call.status is None else death.get("grace", 0)
                if call.end >= death["t"] + grace - self.noise(death["t"], death["t"] + grace):
                    return True
                continue
            age = death["t"] - call.end
            window = death.get("window", 0.05)
            if window and age <= window + self.noise(call.end, death["t"]) + self.wait(call.end, death["t"]):
                self.oldest_repeat_s = max(self.oldest_repeat_s, age)
                return True
        return False

    def check_repeats(self):
        repeats = []
        for known, calls in self.by_id.items():
            last = None
            for call in calls:
                if last and call.number < last.number:
                    if not self.sure(last, call):
                        continue
                    self.fault("I3", f"{call.tag}: attempt {call.number} came after attempt {last.number}")
                elif last and call.number == last.number:
                    self.check_repeat(last, call)
                    repeats.append((last, call))
                elif call.number > self.allowed(call):
                    self.fault("I3", f"{call.tag}: attempt {call.number} came, and there may be {self.allowed(call)}")
                elif last and last.good() and not self.revived(call) and not self.repeated_unseen(last, call):
                    self.fault("I3", f"{call.tag}: attempt {call.number} came although attempt {last.number} was answered {last.status}")
                last = call
        self.counts["repeated"] = len(repeats)
        self.check_fifo_repeats(repeats)
        self.check_told()
        for call in self.late:
            self.check_late(call)

    def allowed(self, call):
        """So many attempts; each retry by hand of a settled one begins anew."""
        item = self.items.get(call.tag)
        return item.given.get("attempts", FOREVER) * (1 + sum(not ask.refused() for ask in item.retries)) if item else FOREVER

    def repeated_unseen(self, last, call):
        """Where now and then nobody listens, a repeat after a death may not have come, and have been tried again."""
        item = self.items.get(call.tag)
        return item is not None and item.given.get("unseen") and self.forgotten(last, call)

    def check_late(self, call):
        """From a broker that has the namespace no more comes at most what was in flight when it was killed, or stood still: a repeat, by id and number."""
        item = self.items.get(call.tag)
        if not self.owners.may_be_late(call, self.noise):
            self.fault("I3", f"{call.tag}: attempt {call.number} came from {call.by}, which did not serve {call.ns}, and had not been stopped")
        elif not any(other.number >= call.number for other in self.by_id.get(call.id, [])) and not (item and (item.cancels or item.given.get("ttl"))):
            self.fault("I3", f"{call.tag}: attempt {call.number} came late from {call.by}, and nobody else has sent it")

    def revived(self, call):
        item = self.items.get(call.tag)
        return item is not None and item.retried(until=call.t)

    def check_repeat(self, first, again):
        if not self.between(first.t, again.t, again.ns):
            self.fault("I3", f"{first.tag}: attempt {first.number} came twice in one life of the broker")
        elif not self.forgotten(first, again):
            self.fault("I3", f"{first.tag}: attempt {first.number} came again, though it had ended {self.age(first, again)} before the broker did")

    def age(self, first, again):
        return f"{min(d['t'] - first.end for d in self.between(first.t, again.t, again.ns)) * 1000:.0f} ms"

    def check_fifo_repeats(self, repeats):
        """kill -9 repeats of a fifo lane at most the one in flight: judged where one death alone lies between."""
        seen = {}
        for first, again in repeats:
            item, deaths = self.items.get(first.tag), self.between(first.t, again.t, again.ns)
            if item is None or item.given["mode"] != "fifo" or len(deaths) != 1 or deaths[0]["how"] in ("power", "database"):
                continue
            other = seen.setdefault((item.ns, item.given["lane"], deaths[0]["t"]), first.tag)
            if other != first.tag:
                self.fault("I3", f"{item.given['lane']}: both {other} and {first.tag} came again after one kill")

    def check_told(self):
        """What the broker has told is never taken back."""
        for event in self.told:
            item = self.items[event["tag"]]
            if event["state"] == "missing":
                self.fault("I1", f"{event['tag']} was acknowledged, and then not known")
                continue
            if event.get("answered") and not any(call.status == event["answered"] for call in self.by_tag.get(event["tag"], [])):
                self.fault("I1", f"{event['tag']} is said to have been answered {event['answered']}, and no call of it was")
            self.check_told_state(item, event)
            calls = self.by_tag.get(event["tag"], [])
            for call in calls:
                if event["t"] + ON_ITS_WAY_S + self.noise(event["t"], call.t) < call.t and not item.retried(event["t"], call.t):
                    # What is told of an end was written, which outlives a process, and may not be synced for as long as a repeat is excused anyway.
                    if any(self.forgotten(before, call, power=True) for before in calls if before.t < event["t"]):
                        continue
                    self.fault("I3", f"{event['tag']} was told to be {event['state']}, and was sent again")

    def check_told_state(self, item, event):
        """An end that was told is that which is kept, but for what a power cut right behind it may have taken back."""
        ends = {entry["state"] for _, entry in self.listed.get(item.tag, [])}
        lost = any(death["how"] in ("power", "database") and death["until"] >= event["t"] and death["t"] - event["t"] <= death["window"]
                   + self.noise(event["t"], death["t"]) + self.wait(event["t"], death["t"]) for death in self.deaths)
        if ends - {event["state"]} and not item.retried(since=event["t"]) and not lost:
            self.fault("I3", f"{item.tag} was told to be {event['state']}, and is {', '.join(sorted(ends))}")

    # ---- I4, I5

    def check_times(self):
        for tag, calls in self.by_tag.items():
            item = self.items.get(tag)
            if item is None:
                continue
            first = calls[0]
            starts = self.starts(item)
            if starts and first.t < min(t for t, _ in starts) and all(self.here(first) < w for _, w in starts):
                self.fault("I4", f"{tag} was sent at {self.here(first):.1f}, and must not be before {min(w for _, w in starts):.1f}")
            self.check_cancels(item, calls)
            for ask in item.changes if not item.given.get("fkey") else ():
                self.check_put_off(item, ask, calls)

    def check_put_off(self, item, ask, calls):
        """Of one that waits for its retry, too: the next attempt behind a change that was acknowledged is none before its time."""
        if not ask.done():
            return
        acked = ask.answer["t"]
        call = next((call for call in calls if call.t > acked + ON_ITS_WAY_S + self.noise(acked, call.t)), None)
        if call is None or item.retried(ask.t, call.t) or any(not each.refused() and ask.t < each.t <= call.t for each in item.changes):
            return
        due = self.changed_to(ask)
        if self.here(call) < due:
            self.fault("I4", f"{item.tag} was sent at {self.here(call):.1f}, and had been put off to {due:.1f}")

    def here(self, call):
        """The broker's wall clock when a call came."""
        return call.w + self.offset(call.t, max, call.by)

    def starts(self, item):
        """From when one may be sent, as (monotonic, wall of the broker): whichever comes first. Empty: at once."""
        given, starts, asked = item.given, [], item.asks[0]
        base = asked.w + self.offset(asked.t, min)
        if "due" in given:
            starts.append((FOREVER, given["due"]))
        if "delay" in given:
            # The broker counts from whole milliseconds.
            starts.append((FOREVER, base + given["delay"] - 1))
        if given.get("fkey"):
            starts += [(ask.t, FOREVER) for ask in item.triggers]
            starts = starts or [(FOREVER, FOREVER)]
        if item.changes and not given.get("fkey"):
            starts = self.changed_starts(item, starts)
        starts += [(ask.t, FOREVER) for ask in item.retries if not ask.refused()] if starts else []
        return starts

    def changed_starts(self, item, starts):
        """By the last change that was acknowledged before it was first sent, or by one behind that of which nobody knows whether it was made."""
        first = self.by_tag[item.tag][0].t
        for ask in sorted((ask for ask in item.changes if ask.t < first and not ask.refused()), key=lambda ask: ask.t):
            changed = (FOREVER, self.changed_to(ask))
            starts = [changed] if ask.done() and ask.answer["t"] < first else [*starts, changed]
        return starts

    def changed_to(self, ask):
        return ask.given["due"] if "due" in ask.given else ask.w + self.offset(ask.t, min) + ask.given["delay"] - 1

    def check_cancels(self, item, calls):
        for ask in item.cancels:
            if not ask.done():
                continue
            acked = ask.answer["t"]
            for call in calls:
                if call.t > acked + ON_ITS_WAY_S + self.noise(acked, call.t) and not item.retried(ask.t, call.t):
                    self.fault("I5", f"{item.tag}: attempt {call.number} came {call.t - acked:.3f} s after its cancel was acknowledged")

    def check_stops(self):
        """Who is to stop in order begins nothing any more. A member of several goes on with what it has not handed over yet: what it has not is judged
        by who served what."""
        for stop in self.stops:
            if "member" in stop:
                continue
            for call in self.calls_between(stop["t"] + STOPPING_S, stop["until"]):
                if call.t > stop["t"] + STOPPING_S + self.noise(stop["t"], call.t):
                    self.fault("I5", f"{call.tag}: attempt {call.number} came {call.t - stop['t']:.3f} s after its broker was asked to stop")

    # ---- I6, I8

    def check_origin(self):
        for tag, calls in self.by_tag.items():
            item = self.items.get(tag)
            if item is None:
                self.fault("I6", f"{tag} arrived, and nobody submitted it")
                continue
            if item.refused():
                self.fault("I6", f"{tag} arrived, though it was refused")
            if calls[0].t < item.asks[0].t:
                self.fault("I6", f"{tag} arrived before it was submitted")
            for call in calls:
                if call.ns != item.ns:
                    self.fault("I8", f"{tag} of {item.ns} was sent as one of {call.ns}")
        for tag, entries in self.listed.items():
            item = self.items.get(tag)
            if item is None or item.refused():
                self.fault("I6", f"{tag} is stored, though it was {'refused' if item else 'never submitted'}")
                continue
            for name, _ in entries:
                if name != item.ns:
                    self.fault("I8", f"{tag} of {item.ns} is listed in {name}")
        for item in self.items.values():
            self.check_single(item)
        self.check_nameless()

    def check_single(self, item):
        ids = item.ids | {call.id for call in self.by_tag.get(item.tag, [])} | {entry["id"] for _, entry in self.listed.get(item.tag, [])}
        # What is settled once more has its callback once more.
        again = sum(not ask.refused() for tag in item.before() for ask in self.items[tag].retries)
        if len(ids) > 1 + again:
            self.fault("I6", f"{item.tag} is there more than once: {', '.join(sorted(ids))}")

    def check_nameless(self):
        """What is listed, shows no tag and was never sent: there may be as many as there are events' notifies that have not come."""
        open_ones = defaultdict(int)
        for item in self.items.values():
            if item.given.get("virtual") and not item.refused() and item.tag not in self.by_tag and item.tag not in self.listed:
                open_ones[item.ns] += 1
        for name, entry in self.nameless:
            open_ones[name] -= 1
            if open_ones[name] < 0:
                self.fault("I6", f"{entry['id']} is stored in {name}, and nobody submitted it")

    # ---- signatures

    def check_signatures(self):
        """Calls of a namespace that has a key are signed by it, as Standard Webhooks says; those of others by none."""
        secrets = {key["ns"]: base64.b64decode(key["secret"].removeprefix("whsec_")) for key in self.keys}
        since = {key["ns"]: key["t"] + KEY_KNOWN_S for key in self.keys}
        for call in self.calls:
            if call.ns not in secrets:
                if call.signed:
                    self.fault("I8", f"{call.tag} of {call.ns} is signed, and that has no key")
            elif call.signed or call.t > since[call.ns]:
                self.check_signature(call, secrets[call.ns])

    def check_signature(self, call, secret):
        known, stamp, signatures = call.signed or ("", "", "")
        right = base64.b64encode(hmac.digest(secret, f"{known}.{stamp}.{call.body}".encode(errors="surrogateescape"), "sha256")).decode()
        if f"v1,{right}" not in signatures.split(" ") or known != call.id:
            self.fault("I8", f"{call.tag} of {call.ns} does not bear that one's signature")


def add_runs(checker, schedule):
    """What a schedule makes was asked for when the schedule was: an item for each of its times of which there is anything."""
    before = f"sch.{schedule['name']}@"
    for tag in [*checker.by_tag, *checker.listed]:
        if tag.startswith(before) and tag not in checker.items:
            run = {"tag": tag, "lane": schedule["lane"], "mode": "concurrent", "virtual": True, "due": int(tag[len(before):])}
            run |= {word: schedule[word] for word in ("sum", "head") if word in schedule}
            item = checker.items[tag] = Item(schedule, run)
            item.asks.append(Ask(schedule))
            checker.counts["runs"] += 1


def judge_backup(submitter, begun, listed):
    """What is wrong with a backup that was begun at that moment (monotonic): listed is {namespace: items} of what it was restored to."""
    faults, asked = [], {}
    there = {entry["id"]: name for name, items in listed.items() for entry in items}
    states = {entry["tag"]: entry["state"] for items in listed.values() for entry in items}
    for event in submitter:
        if event["e"] == "ask":
            asked[event["op"]] = event
        elif event["e"] == "ans" and event["op"] in asked and event["status"] // 100 == 2 and event["t"] < begun:
            faults += backed_up(asked[event["op"]], event["ids"] or (), there, states)
    again = {item["tag"] for event in asked.values() if event["do"] == "retry" for item in event["items"]}
    return [(rule, text) for rule, text, tag in faults if tag not in again]


def backed_up(ask, ids, there, states):
    """What a backup lacks of what was acknowledged, as (rule, text, the tag of whose state it is)."""
    for known, item in zip(ids, ask["items"]):
        if known not in there:
            yield "backup", f"{item['tag']} {known} was acknowledged before the backup began, and is not in it", None
        elif there[known] != ask["ns"]:
            yield "I8", f"{item['tag']} is restored in {there[known]}", None
    for item in ask["items"]:
        state = states.get(item["tag"])
        if ask["do"] == "cancel" and state not in (None, "cancelled") or ask["do"] == "trigger" and state == "held":
            yield "backup", f"the {ask['do']} of {item['tag']} was acknowledged before the backup began, and it is {state} in it", item["tag"]


def judge(submitter, receiver, killer, final):
    """All that is wrong, as (rule, text), and what was looked at."""
    schedules = [e for e in submitter if e["e"] == "ask" and e["do"] == "schedule"]
    checker = Checker([e for e in submitter if not (e["e"] == "ask" and e["do"] == "schedule")], receiver, killer, final)
    for schedule in schedules:
        add_runs(checker, schedule)
        checker.check_schedule(schedule)
    checker.check_kept()
    checker.check_lateness()
    checker.check_order()
    checker.check_repeats()
    checker.check_times()
    checker.check_stops()
    checker.check_origin()
    checker.check_books()
    checker.check_signatures()
    check_bodies(checker)
    check_keys(checker)
    checker.counts["oldest repeat ms"] = round(checker.oldest_repeat_s * 1000)
    checker.counts["latest ms"] = max(0, round(checker.latest_s * 1000))
    checker.counts["deaths"] = len(checker.deaths)
    return checker.faults, dict(checker.counts)
