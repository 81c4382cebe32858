"""Starts processes, and measures what they use. Standard library only.

Each process gets a session of its own; CPU and memory are summed over these sessions and their descendants, so that workers that fork count.
Nothing is ever signalled but what was started here.
"""
import atexit
import os
import signal
import socket
import subprocess
import threading
import time

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """Its output goes to NAME.log in `logs`. Stopped at the latest when this program ends."""

    def __init__(self, name, command, logs, cwd=None, env=None, output=None):
        self.log = os.path.join(logs, name + ".log")
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(command, cwd=cwd, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                                          stdout=output or log, stderr=log, start_new_session=True)
        self.pid = self.child.pid
        atexit.register(self.stop)

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait_for(self, text, timeout_s=90):
        """until its log says `text`"""
        self._wait(lambda: text in self.said(), f"{text!r} in {self.log}", timeout_s)
        return self

    def wait_port(self, port, timeout_s=90):
        def open_now():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        self._wait(open_now, f"port {port}", timeout_s)
        return self

    def _wait(self, done, what, timeout_s):
        end = time.time() + timeout_s
        while not done():
            if self.child.poll() is not None or time.time() > end:
                raise RuntimeError(f"waited in vain for {what}\n{self.said()[-2000:]}")
            time.sleep(0.05)

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                pass
        for pid in members({self.pid})[0]:  # what it left behind
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()


def _stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        text = f.read()
    fields = text[text.rindex(")") + 2:].split()
    # state, parent, group, session, ...; user and system time, and those of children that ended, are fields 14 to 17 counted from 1
    return int(fields[1]), int(fields[3]), sum(int(x) for x in fields[11:15]), int(fields[21])


def members(roots):
    """The pids of the sessions `roots` and of their descendants, and (parent, session, ticks, pages) of every process."""
    known = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                known[int(name)] = _stat(name)
            except (OSError, ValueError, IndexError):
                pass  # it is gone
    inside = {pid for pid, (_, session, _, _) in known.items() if session in roots or pid in roots}
    grew = True
    while grew:
        more = {pid for pid, (parent, _, _, _) in known.items() if pid not in inside and parent in inside}
        inside |= more
        grew = bool(more)
    return inside, known


class Meter:
    """CPU since now, and the highest sum of resident memory, of processes."""

    def __init__(self, processes):
        self.roots = {p.pid for p in processes}
        self.peak_bytes = 0
        self.before_s = self._look()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _look(self):
        inside, known = members(self.roots)
        self.peak_bytes = max(self.peak_bytes, sum(known[pid][3] for pid in inside) * PAGE)
        return sum(known[pid][2] for pid in inside) / HZ

    def _run(self):
        while not self.ended.wait(0.25):
            self._look()

    def end(self):
        """CPU seconds, peak MiB"""
        cpu_s = self._look() - self.before_s
        self.ended.set()
        self.thread.join()
        return cpu_s, self.peak_bytes / 2**20
