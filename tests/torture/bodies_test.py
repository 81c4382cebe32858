"""The judgement of bodies, headers and keys, by itself on forged histories: some that break it, which it must see, and some that nearly do."""

import re
import sys
import unittest

import bodies
from checker import judge
from forged import CALLBACK, Forged, judge_all
from reading import idle_acts
from stage import BOOKS, books

WAS, MERGED, PUT = "sum of what was submitted", "sum of what was merged", "sum of what was put there"


def one(**more):
    """One that is submitted with a body."""
    return Forged().submit(1, "x", sum=WAS, head=WAS, **more)


def held(**more):
    return one(fkey="k", **more)


def trigger(forged, t, tag, status=202, ns="a", known=MERGED):
    return forged.ask("trigger", t, [{"tag": tag, "sum": known}], status, None, ns)


def ended(forged, **more):
    return forged.end(x="succeeded", **more)


def keys_of_two():
    """Two namespaces hold one each, under the same fkey."""
    return held().submit(1, "y", ns="b", fkey="k", sum=WAS)


# What is broken ("" for nothing), what it is, and the history.
TABLE = [
    ("I6", "another body", ended(one().call(2, "x", sum="another", head=WAS))),
    ("I6", "no body", ended(one().call(2, "x", sum="none", head=WAS))),
    ("I6", "of one that bears none another's", ended(Forged().submit(1, "x", sum="none").call(2, "x", sum=WAS))),
    ("I6", "another header", ended(one().call(2, "x", sum=WAS, head="another"))),
    ("I6", "no header", ended(one().call(2, "x", sum=WAS))),
    ("I6", "its second attempt bears another body", ended(one().call(2, "x", sum=WAS, head=WAS, status=503).call(3, "x", 2, sum="another", head=WAS))),
    ("I6", "its repeat after a kill bears another body", ended(one().call(2, "x", sum=WAS, head=WAS).dead(2.01).call(3, "x", sum="another", head=WAS))),
    ("I6", "an event's notify bears another one's", Forged().submit(1, "e@s", virtual=True, sum=WAS, do="publish").call(2, "e@s", sum="another")
     .end(**{"e@s": "succeeded"})),
    ("I6", "what its trigger brought is not merged", ended(trigger(held(), 2, "x").call(3, "x", sum=WAS, head=WAS))),
    ("I6", "what its trigger was to bring is merged, though it was refused", ended(trigger(held(delay=500), 1.2, "x", 422).call(3, "x", sum=MERGED, head=WAS))),
    ("I6", "what a change brought is not there", ended(one(due=4000).change(2, "x", due=4000, sum=PUT).call(4, "x", sum=WAS, head=WAS))),
    ("I6", "what a refused change was to bring is there", ended(one(due=4000).change(2, "x", 409, due=4000, sum=PUT).call(4, "x", sum=PUT, head=WAS))),
    ("I6", "what the first of two changes brought is there", ended(one(due=4000).change(2, "x", due=4000, sum="first").change(3, "x", due=4000, sum=PUT)
                                                                  .call(4, "x", sum="first", head=WAS))),
    ("I6", "late from a member that stood still, with another body", Forged().owns(0.5, "A").submit(1, "x", sum=WAS).call(2, "x", by="A", status=None, took=7.6, sum=WAS)
     .dead(2.5, "stop", until=9.5, member="A").owns(8.2, "B").call(8.3, "x", by="B", sum=WAS).call(9.51, "x", by="A", status=None, sum="another")
     .end(x="succeeded")),
    ("I6", "a callback about another one", ended(Forged().submit(1, "x").ask("submit", 1, [CALLBACK], ids=[None]).call(2, "x").call(3, "cb.x", about="n-y"))),
    ("", "its body and its header, twice", ended(one().call(2, "x", sum=WAS, head=WAS, status=503).call(3, "x", 2, sum=WAS, head=WAS))),
    ("", "what its trigger brought", ended(trigger(held(), 2, "x").call(2.001, "x", sum=MERGED, head=WAS))),
    ("", "what a trigger without an answer brought", ended(trigger(held(), 2, "x", None).call(3, "x", sum=MERGED, head=WAS))),
    ("", "what a trigger without an answer was to bring is not there, as it was due by then", ended(trigger(held(delay=500), 1.4, "x", None)
                                                                                                  .call(1.6, "x", sum=WAS, head=WAS))),
    ("", "what a trigger brought that came too late is not there", ended(trigger(held(delay=500), 2, "x", 200).call(2.5, "x", sum=WAS, head=WAS))),
    ("", "what a change brought", ended(one(due=4000).change(2, "x", due=4000, sum=PUT).call(4, "x", sum=PUT, head=WAS))),
    ("", "what a change brings between two attempts", ended(one(due=2000).call(2, "x", sum=WAS, head=WAS, status=503).change(2.5, "x", due=3000, sum=PUT)
                                                           .call(3, "x", 2, sum=PUT, head=WAS))),
    ("", "on its way when it was changed", ended(one(due=2000).change(1.999, "x", due=2000, sum=PUT).call(2.001, "x", sum=WAS, head=WAS))),
    ("", "a change without an answer, behind one with", ended(one(due=4000).change(2, "x", due=4000, sum=PUT).change(3, "x", None, due=4000, sum="third")
                                                             .call(4, "x", sum="third", head=WAS))),
    ("", "a callback about its own one", ended(Forged().submit(1, "x").ask("submit", 1, [CALLBACK], ids=[None]).call(2, "x").call(3, "cb.x", about="n-x"))),
    # The same keys in two namespaces
    ("I4", "a trigger in one namespace sends what another one holds under the same fkey", trigger(keys_of_two(), 2, "x").call(3, "x", sum=MERGED, head=WAS)
     .call(3, "y", ns="b", sum=WAS).end(x="succeeded").end(ns="b", y="succeeded")),
    ("I1", "a trigger in one namespace goes to what another one holds under the same fkey", trigger(keys_of_two(), 2, "x").end(x="held")
     .call(3, "y", ns="b", sum=MERGED).end(ns="b", y="succeeded")),
    ("I6", "what two triggers bring is mixed up", trigger(trigger(keys_of_two(), 2, "x"), 2, "y", ns="b", known="other").call(3, "x", sum="other", head=WAS)
     .call(3, "y", ns="b", sum=MERGED).end(x="succeeded").end(ns="b", y="succeeded")),
    ("I8", "refused, as another namespace has its idempotency key", Forged().submit(1, "x").call(2, "x").submit(2, "y", ns="b", status=422).end(x="succeeded")
     .end(ns="b")),
    ("I8", "refused, as another namespace holds its fkey", Forged().submit(1, "x", fkey="k").submit(2, "y", ns="b", status=409, fkey="k").end(x="held").end(ns="b")),
    ("I8", "answered with the one that has the same idempotency key in another namespace", Forged().submit(1, "x", fkey="k")
     .ask("submit", 2, [{"tag": "y", "lane": "l", "mode": "concurrent", "fkey": "k"}], 200, ["n-x"], "b").end(x="held").end(ns="b")),
    ("", "two namespaces hold one each under the same fkey, and each has its trigger", trigger(trigger(keys_of_two(), 2, "x"), 2, "y", ns="b", known="other")
     .call(3, "x", sum=MERGED, head=WAS).call(3, "y", ns="b", sum="other").end(x="succeeded").end(ns="b", y="succeeded")),
    ("", "refused, since there is room for no more", Forged().submit(1, "x", status=429).end()),
]


class BodiesTest(unittest.TestCase):
    def test_forged_histories(self):
        judge_all(self, TABLE)

    def test_each_judgement_is_needed(self):
        """Without any one of them something of the table passes."""
        with open(bodies.__file__, encoding="utf-8") as file:
            source = file.read()
        judgements = [found.start() for found in re.finditer(r"checker\.fault\(", source)]
        self.assertEqual(5, len(judgements))
        for at in judgements:
            without = {}
            exec(compile(source[:at] + "(lambda *_: None)(" + source[at + len("checker.fault("):], "bodies", "exec"), without)
            kept = bodies.check_bodies.__code__, bodies.check_keys.__code__
            bodies.check_bodies.__code__, bodies.check_keys.__code__ = without["check_bodies"].__code__, without["check_keys"].__code__
            try:
                passes = any(rule and rule not in {broken for broken, _ in forged.verdict()} for rule, _, forged in TABLE)
            finally:
                bodies.check_bodies.__code__, bodies.check_keys.__code__ = kept
            self.assertTrue(passes, source[at:at + 100])

    def test_sums(self):
        """JSON is JSON in any order of its keys, and by its digits; all else is its bytes."""
        known = bodies.sum_of(bodies.JSON, b'{"a": 1, "b": [9007199254740993, 1.50]}')
        self.assertEqual(known, bodies.sum_of(bodies.JSON, b'{"b":[9007199254740993,1.50],"a":1}'))
        for other in (b'{"a": 1, "b": [9007199254740992, 1.50]}', b'{"a": 1, "b": [9007199254740993, 1.5]}', b'{"a": "1", "b": [9007199254740993, 1.50]}',
                      b'{"a": 1, "b": [1.50, 9007199254740993]}', b'{"a": 1, "b": [9007199254740993, 1.50]', b""):
            self.assertNotEqual(known, bodies.sum_of(bodies.JSON, other))
        self.assertNotEqual(bodies.sum_of(bodies.TEXT, b"{}"), bodies.sum_of(bodies.TEXT, b"{ }"))
        self.assertNotEqual(bodies.sum_of(bodies.TEXT, b"{}"), bodies.sum_of(bodies.BYTES, b"{}"))

    def test_a_load_of_which_nothing_is_taken(self):
        """It breaks no promise, and proves none."""

        def counted(forged):
            final = {"drained": True, "namespaces": forged.spaces, "metrics": {}}
            return [text.partition(":")[0] for _, text in idle_acts(judge(forged.submitter, forged.receiver, forged.killer, final)[1])]

        def load(submits, status, more):
            forged = Forged()
            for at in range(submits):
                forged.submit(1 + at / 1000, f"x{at}", status=status)
            for do in more:
                forged.steer(do, 3, "x0")
            return forged

        rest = ["group", "publish", "trigger", "cancel", "change", "retry"]
        self.assertEqual([], counted(load(99, 503, [])))
        self.assertEqual(["submit"], counted(load(100, 503, [])))
        self.assertEqual(["submit"], counted(load(100, 422, [])))
        self.assertEqual([], counted(load(499, 201, [])))
        self.assertEqual(rest, counted(load(500, 201, [])))
        self.assertEqual(["group", "publish"], counted(load(500, 201, ["trigger", "cancel", "change", "retry"])))

    def test_metrics_without_books(self):
        page = "".join(f"notifyd_{word}{'' if word == 'pending' else '_total'} 7\n" for word in BOOKS)
        self.assertEqual(dict.fromkeys(BOOKS, 7), books(page))
        for other in ("", page.replace("notifyd_pending", "notifyd_waiting")):
            self.assertRaises(RuntimeError, books, other)

    def test_what_is_restored(self):
        data = {"tag": "x"}
        asked = Forged().submit(1, "x", sum=bodies.sum_of_data(data)).submit(1, "y", sum=bodies.sum_of(bodies.TEXT, b"abc"), status=503).submitter
        asked = bodies.submitted_sums(asked)
        self.assertEqual([], bodies.judge_stored(asked, "n-x", {"data": data, "content_type": bodies.JSON}))
        self.assertEqual([], bodies.judge_stored(asked, "n-y", {"body": "what nobody acknowledged", "content_type": bodies.TEXT}))
        for other in ({"data": {"tag": "y"}}, {"body": "abc", "content_type": bodies.TEXT}, {"body": None}):
            self.assertEqual(["backup"], [rule for rule, _ in bodies.judge_stored(asked, "n-x", other)])


if __name__ == "__main__":
    sys.exit(unittest.main())
