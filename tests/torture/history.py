"""Histories: what the submitter, the receiver and the one who kills have seen, each in a file of its own, apart from the broker's directory.

A line is an event, one JSON object, appended by one write(2) and never synced: these processes are not the ones that are killed. "t" are seconds of
the monotonic clock, which all processes of a machine share, and "w" milliseconds of the wall clock.

Submitter:
  ask    op, do, ns, items [, whole]   before a request is sent. do: submit, publish, group, put, trigger, cancel, change, retry, schedule
  ans    op, status, ids               its answer. 0: none came. A 5xx and 0 leave it unknown whether it was done; ids may hold null
  told   tag, state [, answered]       the broker said that this one is settled, and with which status it was answered last
  filled ns, states, totals, most      the books of a namespace at a moment, and how many may be pending there
  key    ns, secret                    from here on calls of a namespace are signed
  scheduled    name                    a schedule is acknowledged
  unscheduled  name, asked, status     its end was asked for at that time, and what was answered
  read   status, took                  something was looked at, and how many seconds that took
Receiver:
  come   n, tag, id, try, ns, sum [, head, about, by]
                                       a whole request is there. sum: of its body (bodies.py); head: what its header says that is; about: the id that
                                       a callback names. ns: as the broker says by a header that its configuration adds for each namespace;
                                       by: which of several brokers that is, as it says in the same way. signed: the three headers of Standard
                                       Webhooks, and then body
  done   n, status                     its answer was written whole
  flap   there                         from here on somebody listens at its second port, or nobody
  gone   n                             its connection ended without an answer, by either side
The one who kills:
  dead   how, t, until, window [, seen] a broker's end, between t and until. window: seconds before it of which ends of attempts may be forgotten
                                       With `member` it is one of several: of the namespaces that it serves. how: kill, stop (it stands still), gone (it
                                       stood still by itself), cut (off
                                       the database), term, restart; grace: of these two, how many s what is in flight may take; within `seen` s others have what it had; without: power, database, and those of one broker alone
  away   t, until                      nobody served: from the end of one broker until another one listened, or had the store
  owns   ns, epoch, member, since, t   as the database says: from some time between since and t a member serves a namespace; null: nobody does
  clock  offset [, member]             from here on the broker's wall clock is off by so many milliseconds
Any of them:
  stall  t, until                      this process did not run, or a sync of its own was under way: the machine or its disk was busy, and times of
                                       around then are as much less sure
"""

import json
import os
import threading
import time

# A process that runs later than this after it wanted to has been held up.
STALL_S = 0.01


def now():
    return {"t": time.monotonic(), "w": time.time() * 1000}


class Log:
    """Appends events to a file; from any thread."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, kind, **fields):
        event = {"e": kind, **now(), **fields}
        os.write(self.file, (json.dumps(event, separators=(",", ":")) + "\n").encode())
        return event

    def watch_stalls(self):
        """Notes from a thread of its own when this process is held up."""

        def watch():
            last = time.monotonic()
            while True:
                time.sleep(STALL_S)
                here = time.monotonic()
                if here - last > 3 * STALL_S:
                    self.add("stall", t=last, until=here)
                last = here

        threading.Thread(target=watch, daemon=True).start()


    def watch_disk(self, path):
        """Notes from a thread of its own when a sync of a file takes long: so does one of the broker's, whose writes wait for it."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)

        def watch():
            while True:
                os.pwrite(file, b"x", 0)
                begun = time.monotonic()
                os.fdatasync(file)
                here = time.monotonic()
                if here - begun > STALL_S:
                    self.add("stall", t=begun, until=here)
                time.sleep(2 * STALL_S)

        threading.Thread(target=watch, daemon=True).start()


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]
