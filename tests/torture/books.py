"""I7: the books balance, of each namespace and in all, and are of what the store lists."""

from collections import defaultdict

from reading import PENDING, SETTLED


class Books:
    """A part of the checker: it has faults, and what the histories say."""

    def check_books(self):
        sums = defaultdict(int)
        for name, space in self.final["namespaces"].items():
            totals, states = space["stats"]["totals"], space["stats"]["states"]
            self.check_balance(name, totals, states)
            self.check_listed(name, totals, states, space["items"])
            for word in ("accepted", "revived", *SETTLED):
                sums[word] += totals[word]
            sums["pending"] += sum(states.values())
        metrics = self.final.get("metrics")
        for word, value in sums.items() if metrics is not None else ():
            if metrics.get(word) != value:
                self.fault("I7", f"in all {word} is {metrics.get(word)}, and {value} over the namespaces")
        for event in self.filled:
            pending = sum(event["states"].values())
            if pending > event["most"]:
                self.fault("I7", f"{event['ns']}: {pending} are pending, and {event['most']} may be")
            self.check_balance(f"{event['ns']} at {event['t']:.3f}", event["totals"], event["states"])

    def check_balance(self, name, totals, states):
        pending, settled = sum(states.values()), sum(totals[state] for state in SETTLED)
        if totals["accepted"] + totals["revived"] != pending + settled:
            self.fault("I7", f"{name}: accepted {totals['accepted']} + revived {totals['revived']} are not pending {pending} + settled {settled}")

    def check_listed(self, name, totals, states, items):
        # Where retention is short, what is gone has been stored once: more than was accepted cannot be there.
        removes = self.final.get("removes")
        missing = totals["accepted"] - len(items)
        if missing < 0 or missing and not removes:
            self.fault("I7", f"{name}: {totals['accepted']} were accepted, and {len(items)} are stored")
        listed = defaultdict(int)
        for entry in items:
            listed[entry["state"]] += 1
        for state in PENDING:
            if states.get(state, 0) != listed[state]:
                self.fault("I7", f"{name}: {states.get(state, 0)} are said to be {state}, and {listed[state]} are")
        # What was revived was settled more than once, and is listed as what it came to in the end.
        for state in SETTLED:
            if totals[state] < listed[state] or totals[state] > listed[state] and not removes and not totals["revived"]:
                self.fault("I7", f"{name}: {totals[state]} are said to have been {state} in the end, and {listed[state]} are")
