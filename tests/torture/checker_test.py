"""The oracle on forged histories: each rule has some that break it, which it must see, and some that nearly do, which it must let pass."""

import os
import sys
import unittest

# Forged histories are no slower under a sanitizer.
os.environ.pop("NOTIFYD_TEST_SLOWNESS", None)

import mutants
from checker import judge_backup
from forged import CALLBACK, Forged, add, fifo, fine, judge_all, no_runs, removing, schedule, stopped, undrained, without
from lateness import LATE_S


# What is broken ("" for nothing), what it is, and the history.
TABLE = [
    ("", "one that is submitted, arrives and is stored", fine()),
    # I1
    ("I1", "acknowledged, not delivered, not stored", Forged().submit(1, "x").end()),
    ("I1", "acknowledged, and what is stored under its tag has another id", Forged().submit(1, "x").end(x="held").submit(1, "y").end(y="held")),
    ("I1", "said to have succeeded, and nobody got it", Forged().submit(1, "x").end(x="succeeded")),
    ("I1", "said to have succeeded on an answer 500", Forged().submit(1, "x").call(2, "x", status=500).end(x="succeeded")),
    ("I1", "failed, though its receiver takes it", Forged().submit(1, "x").call(2, "x", status=500).end(x="failed")),
    ("I1", "cancelled by nobody", Forged().submit(1, "x", delay=9000).end(x="cancelled")),
    ("I1", "expired without a ttl", Forged().submit(1, "x", delay=9000).end(x="expired")),
    ("I1", "an acknowledged cancel is lost", Forged().submit(1, "x", fkey="k").steer("cancel", 2, "x").end(x="held")),
    ("I1", "an acknowledged trigger is lost", undrained(Forged().submit(1, "x", fkey="k").steer("trigger", 2, "x", 202).end(x="held"))),
    ("I1", "still ready when all is settled", Forged().submit(1, "x").end(x="ready")),
    ("I1", "half of a batch without an answer", Forged().submit(1, "x", "y", status=None).call(2, "x").end(x="succeeded")),
    ("I1", "half of a batch with a 500", Forged().submit(1, "x", "y", status=500).end(y="held")),
    ("I1", "half of an acknowledged batch", Forged().submit(1, "x", "y").call(2, "x").end(x="succeeded")),
    ("I1", "a settled one's callback is not there", fine().ask("submit", 1, [CALLBACK])),
    ("I1", "acknowledged, and then not known", fine().told(1.5, "x", "missing")),
    ("I1", "acknowledged, and its cancel does not find it", fine().steer("cancel", 1.5, "x", 404)),
    ("I1", "half of an event without an answer", Forged().submit(1, "e@s", "e@t", virtual=True, status=None, do="publish").call(2, "e@s")
     .end(**{"e@s": "succeeded"})),
    ("I1", "a schedule leaves one time out", schedule(1000, 2000, 4000)),
    ("I1", "a schedule leaves two times out", schedule(1000, 4000, 5000)),
    ("I1", "an acknowledged retry is lost", fine().steer("retry", 3, "x", 202)),
    ("I1", "an acknowledged retry is lost, and it was cancelled before", Forged().submit(1, "x").call(2, "x", 1, 500).steer("cancel", 2.5, "x")
     .steer("retry", 3, "x", 202).end(x="cancelled")),
    ("I1", "a retry by hand is sent late", fine().steer("retry", 3, "x", 202).call(3.1 + LATE_S, "x", 2)),
    ("I1", "acknowledged, and a retry of it does not find it", fine().steer("retry", 3, "x", 404)),
    ("I1", "an acknowledged cancel is lost, though a retry was refused", Forged().submit(1, "x", due=6000).steer("retry", 1.2, "x", 409).steer("cancel", 2, "x")
     .end(x="scheduled")),
    ("I1", "an acknowledged cancel is lost, though there was a retry before it", Forged().submit(1, "x", due=6000).steer("retry", 1.2, "x", 202)
     .call(1.3, "x", 1, 500).steer("cancel", 2, "x").end(x="retrying")),
    ("", "retried by hand, and cancelled before it was sent", Forged().submit(1, "x").call(2, "x", 1, 500).steer("retry", 3, "x", 202).steer("cancel", 3.001, "x")
     .end(x="cancelled")),
    ("", "retried by hand, and a cancel without an answer", Forged().submit(1, "x").call(2, "x", 1, 500).steer("retry", 3, "x", 202)
     .steer("cancel", 3.001, "x", None).end(x="cancelled")),
    ("", "a retry that was refused", fine().steer("retry", 3, "x", 409)),
    ("", "a retry without an answer", fine().steer("retry", 3, "x", None)),
    ("", "retried by hand, and nobody waited for it", undrained(fine().steer("retry", 3, "x", 202))),
    ("", "retried by hand, and put off", Forged().submit(1, "x").call(2, "x", 1, 500).steer("retry", 3, "x", 202).change(3.001, "x", due=9000).call(9, "x", 2)
     .end(x="succeeded")),
    ("", "retried by hand where now and then nobody listens", Forged().submit(1, "x", unseen=True).call(2, "x").steer("retry", 3, "x", 202).end(x="succeeded")),
    ("I1", "failed after one of its two attempts", Forged().submit(1, "x", fails=True, attempts=2).call(2, "x", status=500).end(x="failed")),
    ("I1", "cancelled with the rest of a group of which none failed", Forged().submit(1, "x", "y", may_cancel=True, do="group").call(2, "x")
     .end(x="succeeded", y="cancelled")),
    ("I1", "cancelled with the rest, and its callback alone failed", Forged().submit(1, "x", may_cancel=True, do="group")
     .ask("group", 1, [{**CALLBACK, "fails": True}]).call(2, "cb.x", status=500).end(**{"x": "cancelled", "cb.x": "failed"})),
    ("", "failed after its two attempts", Forged().submit(1, "x", fails=True, attempts=2).call(2, "x", 1, 500).call(2.1, "x", 2, 500).end(x="failed")),
    ("", "cancelled with the rest of a group of which one failed", Forged().submit(1, "x", "y", may_cancel=True, fails=True, do="group").call(2, "x", status=500)
     .end(x="failed", y="cancelled")),
    ("", "cancelled with the rest of a group of which one expired", Forged().submit(1, "x", "y", may_cancel=True, ttl=100, do="group")
     .end(x="expired", y="cancelled")),
    ("", "cancelled with the rest of a group of which one was", Forged().submit(1, "x", "y", may_cancel=True, do="group").steer("cancel", 1.1, "x")
     .end(x="cancelled", y="cancelled")),
    ("", "cancelled with the rest of a group of which one failed, and was retried", Forged().submit(1, "x", "y", may_cancel=True, fails=True, do="group")
     .call(2, "x", status=500).steer("retry", 3, "x", 202).call(3.1, "x", 2).end(x="succeeded", y="cancelled", revived=1, off={"failed": 1, "succeeded": -1})),
    ("", "without an answer, and not there", Forged().submit(1, "x", status=None).end()),
    ("", "a batch without an answer, and whole", Forged().submit(1, "x", "y", status=None).call(2, "x").call(2, "y").end(x="succeeded", y="succeeded")),
    ("", "a batch with a 503, and nothing of it is there", Forged().submit(1, "x", "y", status=503).end()),
    ("", "succeeded at the first of two attempts", Forged().submit(1, "x", attempts=2).call(2, "x").end(x="succeeded")),
    ("", "a 503, and there all the same", Forged().submit(1, "x", status=503).call(2, "x").end(x="succeeded")),
    ("", "held and never triggered", Forged().submit(1, "x", fkey="k").end(x="held")),
    ("", "a trigger without an answer", Forged().submit(1, "x", fkey="k").steer("trigger", 2, "x", None).end(x="held")),
    ("", "still ready, and nobody waited for it", undrained(Forged().submit(1, "x").end(x="ready"))),
    ("", "failed, as its receiver refuses it", Forged().submit(1, "x", fails=True).call(2, "x", status=500).end(x="failed")),
    ("", "a pending one's callback is not there", undrained(Forged().submit(1, "x").ask(
        "submit", 1, [CALLBACK]).end(x="ready"))),
    ("I1", "a schedule ends by itself", schedule(1000, 2000, 3000, ends=[(4.1 + LATE_S, 204)])),
    ("I1", "a schedule ends at a power cut", schedule(1000, 2000, 3000, ends=[(4.2 + LATE_S, 204)]).dead(3.5, "power", until=3.55)),
    ("I1", "a schedule never runs", no_runs(schedule(ends=[(1.6 + LATE_S, 204)]))),
    ("I1", "a schedule begins late", schedule(3000, 4000)),
    ("I1", "a schedule is acknowledged, and its end does not find it", schedule(1000, 2000, ends=[(2.5, 404)])),
    ("", "a schedule with each of its times", schedule(1000, 2000, 3000, ends=[(3.5, 204)])),
    ("", "a schedule whose last runs were to come while no broker was there", schedule(1000, 2000, ends=[(9.1, 204)]).dead(2.1).away(2.1, 9)),
    ("", "a schedule's end without an answer", schedule(1000, 2000, ends=[(2.5, 0), (3, 404)])),
    # In time
    ("I1", "due at once, and sent late", Forged().submit(1, "x").call(1.1 + LATE_S, "x").end(x="succeeded")),
    ("I1", "due at some time, and sent late", Forged().submit(1, "x", due=3000).call(3.1 + LATE_S, "x").end(x="succeeded")),
    ("I1", "due after a delay, and sent late", Forged().submit(1, "x", delay=2000).call(3.1 + LATE_S, "x").end(x="succeeded")),
    ("I1", "left until a restart", Forged().submit(1, "x").dead(1.1 + LATE_S).call(1.3 + LATE_S, "x").end(x="succeeded")),
    ("I1", "called forward, and sent when it was due before", Forged().submit(1, "x", due=9000).change(2, "x", due=8900 - 1000 * LATE_S).call(9, "x")
     .end(x="succeeded")),
    ("I1", "triggered, and sent when it was due anyway", Forged().submit(1, "x", fkey="k", delay=8000).steer("trigger", 8.8 - LATE_S, "x", 202).call(9, "x")
     .end(x="succeeded")),
    ("I1", "triggered, and sent late", Forged().submit(1, "x", fkey="k").steer("trigger", 2, "x", 202).call(2.1 + LATE_S, "x").end(x="succeeded")),
    ("I1", "an event's notify is sent late", Forged().submit(1, "e@s", virtual=True, do="publish").call(1.1 + LATE_S, "e@s").end(**{"e@s": "succeeded"})),
    ("I1", "a callback is sent late", fine().ask("submit", 1, [CALLBACK], ids=[None]).call(2.1 + LATE_S, "cb.x").end(**{"x": "succeeded", "cb.x": "succeeded"})),
    ("I1", "in a group late behind the one before it", Forged().submit(1, "x").submit(1, "y", after="x").call(2, "x").call(2.1 + LATE_S, "y")
     .end(x="succeeded", y="succeeded")),
    ("I1", "a lane lies still with one in it", fifo("x", "y").call(2, "x").call(2.1 + LATE_S, "y").end(x="succeeded", y="succeeded")),
    ("I1", "a schedule's run is sent late", schedule(late=LATE_S + 0.1)),
    ("I1", "due since the clock was set ahead, and sent late", Forged().submit(1, "x", delay=86400000).clock(2, 86400000).call(2.6 + LATE_S, "x")
     .end(x="succeeded")),
    ("", "due at once, and just in time", Forged().submit(1, "x").call(0.9 + LATE_S, "x").end(x="succeeded")),
    ("", "left while no broker was there", Forged().submit(1, "x").dead(1.1, until=3).away(3, 3 + LATE_S).call(3.2 + LATE_S, "x").end(x="succeeded")),
    ("", "left while nobody had its namespace", Forged().owns(0.5, "A").submit(1, "x").dead(1.1, member="A").owns(9, None).owns(9.1, "B").call(9.2, "x", by="B")
     .end(x="succeeded")),
    ("", "left while the machine stood still", Forged().submit(1, "x").stall(1.1, 1.1 + LATE_S).call(1.2 + LATE_S, "x").end(x="succeeded")),
    ("", "triggered without an answer, and sent when it was due anyway", Forged().submit(1, "x", fkey="k", delay=8000).steer("trigger", 2, "x", None)
     .call(9, "x").end(x="succeeded")),
    ("", "put off without an answer", Forged().submit(1, "x", due=2000).change(1.5, "x", None, due=9000).call(9, "x").end(x="succeeded")),
    ("", "put off, and called forward in vain", Forged().submit(1, "x", due=9000).change(1.5, "x", 409, due=2000).call(9, "x").end(x="succeeded")),
    ("", "left where now and then nobody listens", Forged().submit(1, "x", unseen=True).call(1.1 + LATE_S, "x").end(x="succeeded")),
    ("", "cancelled, and retried by hand long after", Forged().submit(1, "x", delay=2000).steer("cancel", 2, "x").steer("retry", 60, "x", 202).call(60.1, "x")
     .end(x="succeeded", revived=1, off={"cancelled": 1, "succeeded": -1})),
    ("", "due by a clock that was set back", Forged().submit(1, "x", delay=5000).clock(2, -86400000).clock(30, 0).call(30.2, "x").end(x="succeeded")),
    ("", "due by the clock of whoever has it", Forged().clock(0, -5000, member="A").submit(1, "x", due=4000).call(9.1, "x", by="A").end(x="succeeded")),
    ("", "in a group behind one that was cancelled long after its attempt", Forged().submit(1, "x").submit(1, "y", after="x").call(2, "x", status=500)
     .steer("cancel", 9, "x").call(9.1, "y").end(x="cancelled", y="succeeded")),
    ("", "in a group behind one of whose cancel nobody knows", Forged().submit(1, "x").submit(1, "y", after="x").call(2, "x", status=500)
     .steer("cancel", 9, "x", None).call(9.1, "y").end(x="cancelled", y="succeeded")),
    ("", "a callback about one that was never sent", Forged().submit(1, "x", delay=9000).ask("submit", 1, [CALLBACK], ids=[None]).steer("cancel", 9, "x")
     .call(9.1, "cb.x").end(**{"x": "cancelled", "cb.x": "succeeded"})),
    ("", "in a lane behind one that is long in flight", fifo("x", "y").call(2, "x", took=7).call(9.1, "y").end(x="succeeded", y="succeeded")),
    ("", "in a lane behind one of whose end nobody knows", fifo("x", "y").call(2, "x", took=None).dead(8.5).call(8.6, "x").call(9.1, "y")
     .end(x="succeeded", y="succeeded")),
    ("", "without an answer, and sent late", Forged().submit(1, "x", status=None).call(1.1 + LATE_S, "x").end(x="succeeded")),
    ("", "without an answer in a lane, and sent late", fifo("x").submit(1.1, "y", mode="fifo", status=None).call(2, "x").call(9, "y")
     .end(x="succeeded", y="succeeded")),
    ("", "a callback about one that expired, and was never sent", Forged().submit(1, "x", fkey="k", ttl=8000).ask("submit", 1, [CALLBACK], ids=[None])
     .call(9.1, "cb.x").end(**{"x": "expired", "cb.x": "succeeded"})),
    ("", "a retry answered 503, and sent late", fine().steer("retry", 3, "x", 503).call(3.1 + LATE_S, "x", 2)),
    ("", "an answer does not count, and it has succeeded", Forged().submit(1, "x", none=True).call(2, "x", status=500).end(x="succeeded")),
    ("", "an answer does not count, and it has failed", Forged().submit(1, "x", none=True).end(x="failed")),
    # I2
    ("I2", "the second before the first", fifo("x", "y").call(2, "y").call(3, "x").end(x="succeeded", y="succeeded")),
    ("I2", "the third before the second", fifo("x", "y", "z").call(2, "x").call(3, "z").call(4, "y").end(x="succeeded", y="succeeded", z="succeeded")),
    ("I2", "due later, sent earlier", fifo("x", due=5000).submit(1.5, "y", mode="fifo", due=4000).call(6, "x").call(7, "y").end(x="succeeded", y="succeeded")),
    ("I2", "triggered later, sent earlier", Forged().submit(1, "x", mode="fifo", fkey="k").submit(1, "y", mode="fifo", fkey="l").steer("trigger", 2, "y", 202)
     .steer("trigger", 3, "x", 202).call(4, "x").call(5, "y").end(x="succeeded", y="succeeded")),
    ("I2", "one request's second before its first", Forged().submit(1, "x", "y", mode="fifo").call(2, "y").call(3, "x").end(x="succeeded", y="succeeded")),
    ("I2", "the second while the first is in flight", fifo("x", "y").call(2, "x", took=2).call(3, "y").end(x="succeeded", y="succeeded")),
    ("I2", "a head that blocks is passed before it succeeds", fifo("x", "y").call(2, "x", status=503).call(3, "y").call(4, "x", 2).end(x="succeeded", y="succeeded")),
    ("I2", "what a kill forgot although the next had begun",
     fifo("x", "y").call(2, "x").call(2.01, "y", took=None).dead(2.02).call(3, "x").call(3.1, "y").end(x="succeeded", y="succeeded")),
    ("I2", "in a group before the one before it has ended", Forged().submit(1, "x").submit(1, "y", after="x").call(2, "x", took=2).call(3, "y")
     .end(x="succeeded", y="succeeded")),
    ("I2", "in a group without the one before it", Forged().submit(1, "x").submit(1, "y", after="x").call(3, "y").call(4, "x").end(x="succeeded", y="succeeded")),
    ("I2", "a callback before what it tells of", Forged().submit(1, "x", due=3000).ask("submit", 1, [CALLBACK], ids=[None]).call(2, "cb.x").call(3, "x")
     .end(**{"x": "succeeded", "cb.x": "succeeded"})),
    ("", "a callback about one that failed, and was retried", Forged().submit(1, "x", fails=True).ask("submit", 1, [CALLBACK], ids=[None]).call(2, "x", status=500)
     .call(2.1, "cb.x").steer("retry", 3, "x", 202).call(3.1, "x", 2).end(**{"x": "succeeded", "cb.x": "succeeded"}, revived=1, off={"failed": 1, "succeeded": -1})),
    ("", "a callback about a group of which one failed, and the rest was cancelled", Forged().submit(1, "x", "y", may_cancel=True, fails=True, do="group")
     .ask("submit", 1, [{**CALLBACK, "of": ["x", "y"]}]).call(2, "x", status=500).call(2.1, "cb.x").end(**{"x": "failed", "y": "cancelled", "cb.x": "succeeded"})),
    ("", "in a lane, cancelled and retried by hand: at its tail", fifo("x", "y", delay=500).steer("cancel", 1.2, "x").call(1.6, "y").steer("retry", 3, "x", 202)
     .call(3.1, "x").end(x="succeeded", y="succeeded", revived=1, off={"cancelled": 1, "succeeded": -1})),
    ("", "in a lane, attempted, cancelled and retried by hand", fifo("x", "y").call(2, "x", status=503).steer("cancel", 2.1, "x").call(2.2, "y")
     .steer("retry", 3, "x", 202).call(3.1, "x", 2).end(x="succeeded", y="succeeded", revived=1, off={"cancelled": 1, "succeeded": -1})),
    ("", "a callback in a lane behind what came before what it tells of", Forged().submit(1, "x").ask("submit", 1, [{**CALLBACK, "mode": "fifo"}], ids=[None])
     .submit(1.5, "y", mode="fifo", lane="c").call(1.6, "y").call(2, "x").call(2.1, "cb.x").end(**{"x": "succeeded", "y": "succeeded", "cb.x": "succeeded"})),
    ("", "in a group, and in a lane behind what came before its turn", Forged().submit(1, "x").submit(1, "y", after="x", mode="fifo", lane="c")
     .submit(1.5, "z", mode="fifo", lane="c").call(1.6, "z").call(2, "x").call(2.1, "y").end(x="succeeded", y="succeeded", z="succeeded")),
    ("", "in a lane, triggered without an answer", Forged().submit(1, "x", mode="fifo", fkey="k").submit(1, "y", mode="fifo", fkey="l")
     .steer("trigger", 1.5, "x", 503).steer("trigger", 2, "y", 202).call(2.1, "y").call(2.2, "x").end(x="succeeded", y="succeeded")),
    ("", "in a lane, due before its trigger", Forged().submit(1, "x", mode="fifo", fkey="k", due=2000).submit(1, "y", mode="fifo", fkey="l").call(2, "x")
     .steer("trigger", 2.5, "y", 202).call(2.6, "y").steer("trigger", 3, "x", 200).end(x="succeeded", y="succeeded")),
    ("", "in a lane, due after a delay before its trigger", Forged().submit(1, "x", mode="fifo", fkey="k", delay=1000).submit(1, "y", mode="fifo", fkey="l")
     .call(2.01, "x").steer("trigger", 2.5, "y", 202).call(2.6, "y").steer("trigger", 3, "x", 200).end(x="succeeded", y="succeeded")),
    ("", "in a lane, put off by so many ms", fifo("x", due=2000).change(1.5, "x", delay=3000).submit(1.6, "y", mode="fifo", due=3000).call(3, "y").call(4.6, "x")
     .end(x="succeeded", y="succeeded")),
    ("", "in a lane, put off, and triggered before", fifo("x", due=2000, fkey="k").change(1.5, "x", due=5000).steer("trigger", 1.8, "x", 202).call(1.9, "x")
     .submit(2, "y", mode="fifo", due=3000).call(3, "y").end(x="succeeded", y="succeeded")),
    ("", "in a lane, called forward to a time that was over", fifo("x", due=9000).submit(1.9, "y", mode="fifo").change(2, "x", due=1000).call(2.01, "y")
     .call(2.1, "x").end(x="succeeded", y="succeeded")),
    ("", "one request's second before its first in a concurrent lane", Forged().submit(1, "x", "y").call(2, "y").call(2.1, "x").end(x="succeeded", y="succeeded")),
    ("", "one request's two in their order", Forged().submit(1, "x", "y", mode="fifo").call(2, "x").call(2.1, "y").end(x="succeeded", y="succeeded")),
    ("", "one request's second, which is due earlier", Forged().ask("submit", 1, [{"tag": "x", "lane": "l", "mode": "fifo", "due": 3000},
     {"tag": "y", "lane": "l", "mode": "fifo"}], ids=["n-x", "n-y"], whole=True).call(2, "y").call(3, "x").end(x="succeeded", y="succeeded")),
    ("", "one request's first, and nobody waited for the second", undrained(Forged().submit(1, "x", "y", mode="fifo").call(2, "x").end(x="succeeded", y="ready"))),
    ("", "in a lane behind one that was in flight at a kill, and may have been cancelled", fifo("x", "y").call(2, "x", took=None).steer("cancel", 2.1, "x", None)
     .dead(2.5).call(3, "y").end(x="cancelled", y="succeeded")),
    ("", "in a lane, due by a clock that was set", fifo("x", "y", delay=500).call(2, "x", status=503).clock(2.1, -100).call(3, "y").call(3.1, "x", 2)
     .end(x="succeeded", y="succeeded")),
    ("", "in a group behind the one before it", Forged().submit(1, "x").submit(1, "y", after="x").call(2, "x").call(3, "y").end(x="succeeded", y="succeeded")),
    ("", "submitted at once by two, and sent in either order", Forged().submit(1, "x", mode="fifo").submit(1.0005, "y", mode="fifo").call(2, "y").call(3, "x")
     .end(x="succeeded", y="succeeded")),
    ("", "a first one without an answer, acknowledged when asked again", Forged().submit(1, "x", mode="fifo", status=None).submit(1.5, "y", mode="fifo")
     .submit(2, "x", mode="fifo").call(3, "y").call(4, "x").end(x="succeeded", y="succeeded")),
    ("", "a lane that lets others pass", fifo("x", "y", skip=True).call(2, "x", status=503).call(3, "y").call(4, "x", 2).end(x="succeeded", y="succeeded")),
    ("", "due later, sent later", fifo("x", due=5000).submit(2, "y", mode="fifo").call(3, "y").call(6, "x").end(x="succeeded", y="succeeded")),
    ("", "a concurrent lane has no order", Forged().submit(1, "x").submit(2, "y").call(2.1, "y").call(2.9, "x").end(x="succeeded", y="succeeded")),
    ("", "a power cut forgets the last two of a lane", fifo("x", "y").call(2, "x").call(2.01, "y").dead(2.03, "power").call(3, "x").call(3.1, "y")
     .end(x="succeeded", y="succeeded")),
    # I3
    ("I3", "twice in one life", fine().call(3, "x")),
    ("I3", "again after a kill a second later", fine().dead(3).call(4, "x")),
    ("I3", "again after a kill, though it had ended 200 ms before", fine().dead(2.201).call(4, "x")),
    ("I3", "the number goes back", Forged().submit(1, "x").call(2, "x", 1, 500).call(3, "x", 2, None, took=None).dead(3.5).call(4, "x", 1).end(x="succeeded")),
    ("I3", "a repeat under a higher number", fine().dead(2.01).call(3, "x", 2)),
    ("I3", "again after an orderly stop", fine().dead(2.01, "term", 0, 2.5).call(3, "x")),
    ("I3", "answered within the grace of an orderly stop, and repeated", Forged().submit(1, "x").call(2, "x", took=0.06).dead(2.05, "term", 0, 2.3, grace=0.15)
     .call(3, "x").end(x="succeeded")),
    ("I3", "answered just after a restart in place was asked for, and repeated", Forged().submit(1, "x").call(2, "x", took=0.06)
     .dead(2.05, "restart", 0, 5, grace=0.15).call(6, "x").end(x="succeeded")),
    ("I3", "one attempt more than there may be", Forged().submit(1, "x", attempts=2).call(2, "x", 1, 500).call(2.1, "x", 2, 500).call(2.2, "x", 3)
     .end(x="succeeded")),
    ("I3", "one attempt more than there may be, and a retry that was refused", Forged().submit(1, "x", attempts=2).call(2, "x", 1, 500).call(2.1, "x", 2, 500)
     .steer("retry", 2.15, "x", 409).call(2.2, "x", 3).end(x="succeeded")),
    ("I3", "told to have succeeded, and failed", Forged().submit(1, "x", fails=True).call(2, "x", 1, 500).told(3, "x", "succeeded").end(x="failed")),
    ("I3", "told to have failed, and not forgotten by a power cut long behind", Forged().submit(1, "x", fails=True).call(2, "x", 1, 500).told(2.01, "x", "failed")
     .dead(3, "power").call(3.1, "x").end(x="succeeded")),
    ("I3", "told to have failed, and retried before that", Forged().submit(1, "x", fails=True).call(2, "x", 1, 500).steer("retry", 2.01, "x", 202)
     .call(2.02, "x", 2, 500).told(2.1, "x", "failed").end(x="succeeded").call(2.11, "x", 3)),
    ("I3", "told to have failed, and not forgotten by a kill right behind", Forged().submit(1, "x", fails=True).call(2, "x", 1, 500).told(2.01, "x", "failed")
     .dead(2.02).call(2.1, "x").end(x="succeeded")),
    ("", "told to have failed, and retried by hand", Forged().submit(1, "x", fails=True).call(2, "x", 1, 500).told(2.01, "x", "failed").steer("retry", 3, "x", 202)
     .call(3.1, "x", 2).end(x="succeeded", revived=1, off={"failed": 1, "succeeded": -1})),
    ("", "told to have failed, and forgotten by a power cut right behind", Forged().submit(1, "x", fails=True).call(2, "x", 1, 500).told(2.01, "x", "failed")
     .dead(2.03, "power").call(3, "x").end(x="succeeded")),
    ("", "one attempt more, since it was retried by hand", Forged().submit(1, "x", attempts=2).call(2, "x", 1, 500).call(2.1, "x", 2, 500)
     .steer("retry", 2.15, "x", 202).call(2.2, "x", 3).end(x="succeeded", revived=1, off={"failed": 1, "succeeded": -1})),
    ("", "two of a concurrent lane after one kill", Forged().submit(1, "x").submit(1, "y").call(2, "x").call(2.01, "y").dead(2.02).call(3, "x").call(3.1, "y")
     .end(x="succeeded", y="succeeded")),
    ("I3", "a lane's two last after one kill", fifo("x", "y", skip=True).call(2, "x").call(2.01, "y").dead(2.02).call(3, "x").call(3.1, "y")
     .end(x="succeeded", y="succeeded")),
    ("I3", "told, and sent again", fine().told(2.01, "x").dead(2.03).call(3, "x")),
    ("I3", "told, and sent again long behind a power cut", fine().told(2.01, "x").dead(2.5, "power").call(3, "x")),
    ("I3", "told, and sent again, though a retry was refused", fine().steer("retry", 1.5, "x", 409).told(2.01, "x").dead(2.03).call(3, "x")),
    ("I3", "told, and sent again, with a retry before that", fine().steer("retry", 1.5, "x", 202).told(2.01, "x").dead(2.03).call(3, "x")),
    ("I3", "answered, and tried again, though a retry was refused", fine().steer("retry", 1.5, "x", 409).call(3, "x", 2)),
    ("", "told, and retried by hand", fine().told(2.01, "x").steer("retry", 3, "x", 202).call(3.1, "x", 2)),
    ("", "told, and forgotten by a power cut right behind", fine().told(2.01, "x").dead(2.03, "power").call(3, "x")),
    ("", "in flight at a kill", Forged().submit(1, "x").call(2, "x", status=None, took=1.001).dead(3).call(4, "x").end(x="succeeded")),
    ("", "ended 30 ms before a kill", fine().dead(2.031).call(4, "x")),
    ("I3", "ended 200 ms before a kill, while acknowledgements took 100 ms", fine().ask("submit", 2.05, [{"tag": "y", "lane": "l", "mode": "concurrent"}], 201,
                                                                                        ["n-y"], took=0.1).dead(2.201).call(4, "x").end(x="succeeded", y="held")),
    ("", "ended 200 ms before a kill, while an acknowledgement took as long", fine().ask(
        "submit", 2.02, [{"tag": "y", "lane": "l", "mode": "concurrent"}], 0, took=0.18).dead(2.201).call(4, "x").end(x="succeeded")),
    ("", "ended 200 ms before a kill on a machine that stood still", fine().dead(2.201).stall(2.02, 2.19).call(4, "x")),
    ("", "the receiver stood still, and read a dead one's call behind the next one's", Forged().submit(1, "x").call(4.001, "x", 2)
     .call(4.002, "x", 1, None).stall(2.1, 4).dead(2.5).end(x="succeeded")),
    ("", "answered after the kill", Forged().submit(1, "x").call(2, "x", took=1).dead(2.5).call(4, "x").end(x="succeeded")),
    ("", "tried again under the next number", Forged().submit(1, "x").call(2, "x", 1, 500).call(3, "x", 2).end(x="succeeded")),
    ("", "a settled one that was retried", fine().steer("retry", 3, "x", 202).call(4, "x", 2).end(x="succeeded", revived=1)),
    ("", "answered as the grace of an orderly stop was over", Forged().submit(1, "x").call(2, "x", took=0.19).dead(2.05, "term", 0, 2.3, grace=0.15)
     .call(3, "x").end(x="succeeded")),
    ("", "aborted within the grace of an orderly stop", Forged().submit(1, "x").call(2, "x", status=None, took=0.06).dead(2.05, "term", 0, 2.3, grace=0.15)
     .call(3, "x").end(x="succeeded")),
    ("", "aborted at an orderly stop", Forged().submit(1, "x").call(2, "x", status=None, took=1).dead(2.5, "restart", 0, 3.5).call(4, "x").end(x="succeeded")),
    # Of several brokers
    ("I3", "in another namespace than those of the member that was killed", Forged().owns(0.5, "A", "b").owns(0.5, "B").submit(1, "x").call(2, "x", by="B")
     .dead(2.01, member="A").owns(8, "B", "b").call(9, "x", by="B").end(x="succeeded")),
    ("I3", "handed over in order, and repeated although it had ended", Forged().owns(0.5, "A").submit(1, "x").call(2, "x", by="A").owns(5, None).owns(5.1, "B")
     .call(5.2, "x", by="B").end(x="succeeded")),
    ("I3", "from a member that has the namespace no more, and was never stopped", Forged().owns(0.5, "A").submit(1, "x").submit(1, "y").call(2, "x", by="A")
     .owns(5, "B").call(6, "y", by="B").call(7, "y", by="A").end(x="succeeded", y="succeeded")),
    ("I3", "late from one that was stopped, a second after it went on", stopped().call(10.6, "x", by="A", status=None)),
    ("I3", "late from one that was stopped, and no repeat", undrained(Forged().owns(0.5, "A").submit(1, "x").dead(2.5, "stop", until=9.5, member="A").owns(8, "B")
     .call(9.51, "x", by="A", status=None).end(x="ready"))),
    ("I2", "the second is sent by the next member while the first is in flight there", fifo("x", "y").owns(0.5, "A").owns(1.5, "B").call(2, "x", by="B", took=2)
     .call(3, "y", by="B").end(x="succeeded", y="succeeded")),
    ("", "served by one whom nobody saw, while the database was away", Forged().owns(0.5, "A").owns(9, "A", since=2, skipped=2).submit(1, "x").call(5, "x", by="B")
     .end(x="succeeded")),
    ("", "killed, and repeated by the next member", Forged().owns(0.5, "A").submit(1, "x").call(2, "x", by="A").dead(2.03, member="A").owns(8, None)
     .owns(8.1, "B").call(8.2, "x", by="B").end(x="succeeded")),
    ("", "cut off, and what ended since then repeated", Forged().owns(0.5, "A").submit(1, "x").call(4, "x", by="A").dead(2, "cut", until=9, member="A")
     .owns(8, "B").call(8.2, "x", by="B").end(x="succeeded")),
    ("", "lost by a busy machine, and what had ended since its last renewal repeated", Forged().owns(0.5, "A").submit(1, "x").call(4, "x", by="A")
     .dead(2, "gone", until=8, member="A", seen=5).owns(12, "A").call(12.2, "x", by="A").end(x="succeeded")),
    ("", "handed over in order, and what was aborted repeated", Forged().owns(0.5, "A").submit(4, "x").call(4.7, "x", by="A", status=None, took=0.2)
     .owns(5, None).owns(5.1, "B").call(5.2, "x", by="B").end(x="succeeded")),
    ("", "late from one that was stopped, behind its repeat and the next one", stopped().call(9.51, "x", by="A", status=None)),
    ("", "late from one that was stopped, and no repeat, since it was cancelled", Forged().owns(0.5, "A").submit(1, "x", delay=500)
     .dead(1.2, "stop", until=9.5, member="A").owns(8, "B").steer("cancel", 8.1, "x").call(9.51, "x", by="A", status=None).end(x="cancelled")),
    ("", "late from one that was stopped, and no repeat, since it expired", Forged().owns(0.5, "A").submit(1, "x", ttl=1000)
     .dead(1.2, "stop", until=9.5, member="A").owns(8, "B").call(9.51, "x", by="A", status=None).end(x="expired")),
    ("", "kept by one that stood still for a little", Forged().owns(0.5, "A").submit(1, "x").submit(2, "y").call(2, "x", by="A").dead(3, "stop", until=4, member="A")
     .call(5, "y", by="A").end(x="succeeded", y="succeeded")),
    ("I3", "repeated by one that stood still for a little", Forged().owns(0.5, "A").submit(1, "x").call(2, "x", by="A").dead(2.01, "stop", until=4, member="A")
     .call(5, "x", by="A").end(x="succeeded")),
    ("I3", "where now and then nobody listens, tried again though it was answered", Forged().submit(1, "x", unseen=True).call(2, "x").call(3, "x", 2)
     .end(x="succeeded")),
    ("", "where now and then nobody listens a repeat was not seen", Forged().submit(1, "x", unseen=True).call(2, "x").dead(2.01).call(3, "x", 2)
     .end(x="succeeded")),
    ("I1", "told another answer than it was given", fine().told(3, "x", answered=204)),
    ("I1", "acknowledged, and a change of it does not find it", Forged().submit(1, "x", delay=9000).change(2, "x", 404, due=3000).end(x="held")),
    ("", "told what it was answered", fine().told(3, "x", answered=200)),
    # Changes
    ("I4", "before the time to which it was put off", Forged().submit(1, "x", due=3000).change(2, "x", due=5000).call(3, "x").end(x="succeeded")),
    ("I4", "before the later one of two changes", Forged().submit(1, "x", due=9000).change(2, "x", due=3000).change(2.5, "x", due=5000).call(3, "x").end(x="succeeded")),
    ("I4", "before either of two times of which nobody knows", Forged().submit(1, "x", due=9000).change(2, "x", None, due=5000).call(3, "x").end(x="succeeded")),
    ("I4", "put off while it waited for its retry, and tried before", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", due=60000).call(3, "x", 2)
     .end(x="succeeded")),
    ("I4", "put off by so many ms while it waited for its retry, and tried before", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", delay=2000)
     .call(4.4, "x", 2).end(x="succeeded")),
    ("", "put off while it waited for its retry, and tried then", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", due=4000).call(4, "x", 2)
     .end(x="succeeded")),
    ("", "put off while it waited for its retry, and nobody waited for it", undrained(Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", due=60000)
     .end(x="retrying"))),
    ("", "put off while it waited for its retry, and called forward", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", due=60000)
     .change(2.6, "x", due=2800).call(3, "x", 2).end(x="succeeded")),
    ("", "put off while it waited for its retry, and retried by hand", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", due=60000)
     .steer("retry", 2.9, "x", 202).call(3, "x", 2).end(x="succeeded")),
    ("", "put off without an answer while it waited for its retry", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", None, due=60000).call(3, "x", 2)
     .end(x="succeeded")),
    ("", "put off as a dead one's repeat was on its way", Forged().submit(1, "x").call(2, "x", 1, 503).change(2.5, "x", due=4000).call(2.55, "x", 2, None)
     .dead(2.6).call(4, "x", 2).end(x="succeeded")),
    ("", "held and put off, and triggered before", Forged().submit(1, "x", fkey="k", delay=8000).change(2, "x", due=60000).steer("trigger", 3, "x", 202)
     .call(3.1, "x").end(x="succeeded")),
    ("I2", "put off behind another, and sent before it", fifo("x", due=2000).change(1.5, "x", due=5000).submit(1.6, "y", mode="fifo", due=4000).call(5.1, "x")
     .call(5.2, "y").end(x="succeeded", y="succeeded")),
    ("I2", "put off while it waited for its retry, but refused", fifo("x", due=2000).submit(1, "y", mode="fifo", due=3000).call(2, "x", status=503)
     .change(2.5, "x", 409, due=4000).call(3, "y").call(4, "x", 2).end(x="succeeded", y="succeeded")),
    ("I2", "put off once it had succeeded", fifo("x", due=2000).submit(1, "y", mode="fifo", due=3000).call(2, "x").change(2.5, "x", None, due=4000)
     .call(3, "y").call(4, "x").end(x="succeeded", y="succeeded")),
    ("", "put off while it waited for its retry", fifo("x", due=2000).submit(1, "y", mode="fifo", due=3000).call(2, "x", status=503)
     .change(2.5, "x", due=4000).call(3, "y").call(4, "x", 2).end(x="succeeded", y="succeeded")),
    ("", "put off once a dead one had sent it", fifo("x", due=2000).submit(1, "y", mode="fifo", due=3000).call(2, "x").dead(2.01)
     .change(2.5, "x", due=4000).call(3, "y").call(4, "x").end(x="succeeded", y="succeeded")),
    ("", "put off, and sent then", Forged().submit(1, "x", due=3000).change(2, "x", due=5000).call(5, "x").end(x="succeeded")),
    ("", "sent sooner than it was due at first", Forged().submit(1, "x", due=9000).change(2, "x", due=3000).call(3, "x").end(x="succeeded")),
    ("", "a change without an answer that was made", Forged().submit(1, "x", due=9000).change(2, "x", None, due=3000).call(3, "x").end(x="succeeded")),
    ("", "a change without an answer that was not made", Forged().submit(1, "x", due=3000).change(2, "x", None, due=9000).call(3, "x").end(x="succeeded")),
    ("", "a change that was refused", Forged().submit(1, "x", due=3000).change(2, "x", 409, due=9000).call(3, "x").end(x="succeeded")),
    ("", "put off by so many ms", Forged().submit(1, "x", delay=9000).change(2, "x", delay=500).call(2.5, "x").end(x="succeeded")),
    # I4
    ("I4", "2 ms before its due time", Forged().submit(1, "x", due=5000).call(4.998, "x").end(x="succeeded")),
    ("I4", "before its delay is over", Forged().submit(1, "x", delay=500).call(1.4, "x").end(x="succeeded")),
    ("I4", "held, and never triggered", Forged().submit(1, "x", fkey="k").call(2, "x").end(x="succeeded")),
    ("I4", "before its trigger", Forged().submit(1, "x", fkey="k").call(2, "x").steer("trigger", 3, "x", 202).end(x="succeeded")),
    ("I4", "by the broker's clock, which is a day behind", Forged().clock(0, -86400000).submit(1, "x", delay=500).call(1.2, "x").end(x="succeeded")),
    ("I4", "by the clock of the member that sent it", Forged().clock(0, 5000, member="A").clock(0, 0, member="B").submit(1, "x", due=5000).call(2, "x", by="B")
     .end(x="succeeded")),
    ("", "due by the clock of the member that sent it", Forged().clock(0, 5000, member="A").clock(0, 0, member="B").submit(1, "x", due=5000).call(2, "x", by="A")
     .end(x="succeeded")),
    ("I4", "before its due time, though a retry was refused", Forged().submit(1, "x", due=5000).steer("retry", 2, "x", 409).call(2.5, "x").end(x="succeeded")),
    ("", "before its due time, as somebody wanted it", Forged().submit(1, "x", due=5000).steer("retry", 2, "x", 202).call(2.1, "x").end(x="succeeded")),
    ("", "at its due time", Forged().submit(1, "x", due=5000).call(5, "x").end(x="succeeded")),
    ("", "held and due, triggered before", Forged().submit(1, "x", fkey="k", due=5000).steer("trigger", 2, "x", 202).call(2.1, "x").end(x="succeeded")),
    ("", "held and due, and never triggered", Forged().submit(1, "x", fkey="k", due=5000).call(5, "x").end(x="succeeded")),
    ("", "due, since the broker's clock was set ahead", Forged().submit(1, "x", delay=86400000).clock(2, 86400000).call(2.1, "x").end(x="succeeded")),
    # I5
    ("I5", "a second after its cancel", Forged().submit(1, "x", delay=1500).steer("cancel", 2, "x").call(3, "x").end(x="cancelled")),
    ("I5", "after its cancel and a kill", Forged().submit(1, "x", delay=1000).steer("cancel", 2, "x").dead(2.01).call(2.3, "x").end(x="cancelled")),
    ("I5", "a further attempt after its cancel", Forged().submit(1, "x").call(1.5, "x", 1, 500).steer("cancel", 2, "x").call(2.5, "x", 2).end(x="cancelled")),
    ("I5", "a further attempt after its cancel, though a retry was refused", Forged().submit(1, "x").call(1.1, "x", 1, 500).steer("retry", 1.2, "x", 409)
     .steer("cancel", 2, "x").call(3, "x", 2).end(x="cancelled")),
    ("I5", "a further attempt after its cancel, and a retry after that", Forged().submit(1, "x").call(1.1, "x", 1, 500)
     .steer("cancel", 2, "x").call(3, "x", 2).steer("retry", 3.5, "x", 202).call(3.6, "x", 3).end(x="succeeded")),
    ("I5", "a further attempt after its cancel, and a retry before that", Forged().submit(1, "x").call(1.1, "x", 1, 500).steer("retry", 1.2, "x", 202)
     .call(1.3, "x", 2, 500).steer("cancel", 2, "x").call(3, "x", 3).end(x="cancelled")),
    ("I5", "a first attempt at a broker that is to stop", Forged().submit(1, "x").dead(2, "term", 0, 2.5, grace=0.15).call(2.2, "x").end(x="succeeded")),
    ("", "a first attempt at a member that is to stop, and has not handed over yet", Forged().owns(0.5, "A").submit(1, "x").dead(2, "term", 0, 2.5, grace=0.15, member="A")
     .call(2.2, "x", by="A").owns(2.6, "B").end(x="succeeded")),
    ("", "on its way as its broker was asked to stop", Forged().submit(1, "x").dead(2, "term", 0, 2.5, grace=0.15).call(2.05, "x").end(x="succeeded")),
    ("", "on its way as its broker was asked to stop, on a machine that stood still", Forged().submit(1, "x").dead(2, "term", 0, 2.5, grace=0.15)
     .stall(2.01, 2.2).call(2.2, "x").end(x="succeeded")),
    ("", "a restart in place sends what is due", Forged().submit(1, "x").dead(2, "restart", 0, 2.5, grace=0.15).call(2.4, "x").end(x="succeeded")),
    ("", "sent by another member while one is to stop", Forged().owns(0.5, "A").owns(1.5, "B").submit(1, "x").dead(2, "term", 0, 2.5, grace=0.15, member="A")
     .call(2.2, "x", by="B").end(x="succeeded")),
    ("", "on its way at its cancel, and at a kill", Forged().submit(1, "x", delay=1000).steer("cancel", 2, "x").dead(2.01).call(2.05, "x").end(x="cancelled")),
    ("", "on its way at its cancel", Forged().submit(1, "x").steer("cancel", 2, "x").call(2.02, "x").end(x="cancelled")),
    ("", "in flight at its cancel", Forged().submit(1, "x").call(1.9, "x", took=1).steer("cancel", 2, "x").end(x="cancelled")),
    ("", "cancelled, and retried by hand", Forged().submit(1, "x", delay=9000).steer("cancel", 2, "x").steer("retry", 3, "x", 202).call(3.2, "x")
     .end(x="succeeded", revived=1, off={"cancelled": 1, "succeeded": -1})),
    ("", "a cancel that was refused", fine().steer("cancel", 1.5, "x", 409)),
    ("", "a cancel without an answer", fine().steer("cancel", 1.5, "x", None)),
    # I6
    ("I6", "nobody submitted it", fine().call(3, "q")),
    ("I6", "nobody submitted it, and a kill repeats it", fine().call(3, "q").dead(3.01).call(4, "q")),
    ("I6", "it was refused, and arrives", Forged().submit(1, "x", status=422).call(2, "x").end()),
    ("I6", "it was refused, and is stored", Forged().submit(1, "x", status=429).end(x="held")),
    ("I6", "stored, and nobody submitted it", fine().end(x="succeeded", q="held")),
    ("I6", "before it was submitted", Forged().call(0.5, "x").submit(1, "x").end(x="succeeded")),
    ("I6", "under two ids", fine().call(3, "x", known="n-other")),
    ("I6", "two ids for one idempotency key", Forged().submit(1, "x", status=None).ask("submit", 2, [{"tag": "x", "lane": "l", "mode": "concurrent"}], 200, ["n-2"])
     .call(3, "x").end(x="succeeded")),
    ("I6", "stored without a tag, and no event's", without(Forged().submit(1, "x").call(2, "x").end(x="succeeded", q="held"), "q")),
    ("I6", "two callbacks about one that was settled once", fine().ask("submit", 1, [CALLBACK], ids=[None]).call(2, "cb.x").call(2, "cb.x", known="n-2")
     .end(**{"x": "succeeded", "cb.x": "succeeded"})),
    ("I6", "two callbacks about one of which a retry was refused", fine().ask("submit", 1, [CALLBACK], ids=[None]).steer("retry", 2.5, "x", 409).call(2, "cb.x")
     .call(3, "cb.x", known="n-2").end(**{"x": "succeeded", "cb.x": "succeeded"})),
    ("", "two callbacks about one that was settled twice", fine().ask("submit", 1, [CALLBACK], ids=[None]).steer("retry", 2.5, "x", 202).call(2, "cb.x")
     .call(2.6, "x", 2).call(3, "cb.x", known="n-2").end(**{"x": "succeeded", "cb.x": "succeeded"})),
    ("", "one idempotency key asked twice", Forged().submit(1, "x", status=None).submit(2, "x", status=200).call(3, "x").end(x="succeeded")),
    ("", "a notify of an event whose answer was lost",
     undrained(without(Forged().submit(1, "e", virtual=True, status=None, do="publish", fkey="k").end(e="held"), "e"))),
    # I7
    ("I7", "one more is accepted than there is", fine().end(x="succeeded", off={"accepted": 1})),
    ("I7", "pending that nobody lists", fine().end(x="succeeded", off={"held": 1, "accepted": 1})),
    ("I7", "one is stored that was never accepted", fine().end(x="succeeded", off={"accepted": -1, "succeeded": -1})),
    ("I7", "said to be held, and listed as settled", fine().end(x="succeeded", off={"held": 1, "succeeded": -1})),
    ("I7", "one settled twice", fine().end(x="succeeded", off={"succeeded": 1})),
    ("I7", "in all it is another sum", add(fine(), metrics={"accepted": 2})),
    ("I7", "more is pending than may be", fine().filled(31, 30)),
    ("I7", "at some moment one more was accepted than there was", fine().filled(3, 30, accepted=5, succeeded=1)),
    ("I7", "said to have failed, and listed as succeeded", fine().end(x="succeeded", off={"succeeded": -1, "failed": 1})),
    ("I7", "said to be scheduled, and listed as held", Forged().submit(1, "x", fkey="k").end(x="held", off={"held": -1, "scheduled": 1})),
    ("I7", "revived, and said to have failed, listed as succeeded", fine().steer("retry", 3, "x", 202).call(4, "x", 2)
     .end(x="succeeded", revived=1, off={"succeeded": -2, "failed": 2})),
    ("I7", "where what succeeded is not kept, more is kept than was", removing(fine().end(x="succeeded", off={"succeeded": -1, "failed": 1}))),
    ("I7", "one was revived, and one is stored that was never accepted", fine().steer("retry", 3, "x", 202).call(4, "x", 2)
     .end(x="succeeded", q="succeeded", revived=1, off={"accepted": -1, "succeeded": -1})),
    ("I7", "one was revived, and one is accepted that is not stored", fine().steer("retry", 3, "x", 202).call(4, "x", 2)
     .end(x="succeeded", revived=1, off={"accepted": 1, "succeeded": 1})),
    ("I7", "in all nothing is said", add(fine(), metrics={})),
    ("", "at some moment the books balanced", fine().filled(3, 30, accepted=5, succeeded=3, revived=1)),
    ("", "where what succeeded is not kept, it is not", removing(fine().end(off={"succeeded": 1, "accepted": 1}))),
    ("", "as much is pending as may be", fine().filled(30, 30)),
    ("", "one that was revived", fine().steer("retry", 3, "x", 202).call(4, "x", 2).end(x="succeeded", revived=1)),
    ("", "in all the same sum", add(fine(), metrics={"accepted": 1, "revived": 0, "succeeded": 1, "failed": 0, "cancelled": 0, "expired": 0, "pending": 0})),
    # I8
    ("I8", "sent as one of another namespace", Forged().submit(1, "x").call(2, "x", ns="b").end(x="succeeded")),
    ("I8", "listed in another namespace", Forged().submit(1, "x").call(2, "x").end().end(ns="b", x="succeeded")),
    ("I8", "not signed, though its namespace has a key", Forged().key(0).submit(3, "x").call(4, "x").end(x="succeeded")),
    ("I8", "signed by another key", Forged().key(0).submit(3, "x").signed(4, "x", secret=b"other").end(x="succeeded")),
    ("I8", "signed for another notify", Forged().key(0).submit(3, "x").signed(4, "x", known="n-y").end(x="succeeded")),
    ("I8", "signed, though its namespace has no key", Forged().key(0).submit(1, "x", ns="b").signed(4, "x", ns="b").end(ns="b", x="succeeded")),
    ("", "signed", Forged().key(0).submit(3, "x").signed(4, "x").end(x="succeeded")),
    ("", "not signed, just when its namespace got a key", Forged().key(1).submit(1, "x").call(2, "x").end(x="succeeded")),
    ("", "one of each namespace", Forged().submit(1, "x").submit(1, "y", ns="b").call(2, "x").call(2, "y", ns="b").end(x="succeeded").end(ns="b", y="succeeded")),
]


class CheckerTest(unittest.TestCase):
    def test_forged_histories(self):
        judge_all(self, TABLE)

    def test_each_rule_is_broken_twice_and_nearly_broken_once(self):
        rules = [rule for rule, _, _ in TABLE]
        for rule in ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"):
            self.assertGreaterEqual(rules.count(rule), 2)
            last = max(at for at, broken in enumerate(rules) if broken == rule)
            self.assertEqual("", rules[last + 1], f"nothing nearly breaks {rule}")


    def test_each_judgement_is_needed(self):
        """The table breaks each promise in a way that one judgement alone sees: without it something passes."""
        judgements = list(mutants.without_a_judgement())
        self.assertGreater(len(judgements), 30)
        for what, judge in judgements:
            self.assertTrue(any(rule and rule not in {broken for broken, _ in forged.verdict(judge)} for rule, _, forged in TABLE), what)

    def test_each_excuse_is_needed(self):
        """The table has histories that break nothing and that one excuse alone lets pass: without it they are taken for broken, or nothing can be said."""

        def differs(judge, rule, forged):
            try:
                broken = {broken for broken, _ in forged.verdict(judge)}
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                return True
            return rule not in broken if rule else bool(broken)

        excuses = list(mutants.without_an_excuse())
        self.assertGreater(len(excuses), 30)
        for what, judge in excuses:
            with self.subTest(what):
                self.assertTrue(any(differs(judge, rule, forged) for rule, _, forged in TABLE))

    def test_backups(self):
        asked = Forged().submit(1, "x").submit(2, "y").submit(3, "z").submit(1, "q", status=503).submitter

        def kept(**states):
            return {"a": [{"id": f"n-{tag}", "tag": tag, "state": state} for tag, state in states.items()]}

        def broken(*arguments):
            return [rule for rule, _ in judge_backup(*arguments)]

        self.assertEqual([], broken(asked, 2.5, kept(x="ready", y="ready")))
        self.assertEqual(["backup"], broken(asked, 3.5, kept(x="ready", y="ready")))
        self.assertEqual(["backup"] * 2, broken(asked, 2.5, {"a": []}))
        self.assertEqual(["I8"], broken(asked, 2.5, kept(x="ready") | {"b": kept(y="ready")["a"]}))
        for do, lost, there in (("cancel", "held", "cancelled"), ("trigger", "held", "ready")):
            steered = Forged().submit(1, "x", fkey="k").steer(do, 2, "x").submitter
            self.assertEqual(["backup"], broken(steered, 2.5, kept(x=lost)))
            self.assertEqual([], broken(steered, 2.5, kept(x=there)))
            self.assertEqual([], broken(steered, 1.5, kept(x=lost)))
        again = Forged().submit(1, "x").steer("cancel", 2, "x").steer("retry", 3, "x", 202).submitter
        self.assertEqual([], broken(again, 2.5, kept(x="ready")))


if __name__ == "__main__":
    sys.exit(unittest.main())
