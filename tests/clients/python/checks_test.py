"""The Python client by mypy, which knows what came with which Python: checks_test.py MYPY clients/python"""

import pathlib
import subprocess
import sys
import tempfile

# Uses the types as a program does; what is wrong with it is told line by line.
USE = """\
from notifyd import Client, ConflictError
from notifyd.receiver import Dedup, WsgiReceiver, verify

client = Client("http://localhost:7300", attempts=1)
notify = client.get(client.submit({"url": "https://example.com", "mode": "fifo"})["id"])
print(notify["attempts"][0]["duration_ms"] + 1, notify["etag"].upper())
for one in client.list(state=["failed"]):
    print(one["lane"].upper())
print(verify({}, b"", ["whsec_x"]).id.upper(), WsgiReceiver(print, ["whsec_x"], dedup=Dedup(), done=lambda status, body: b"success" in body))
client.submit({"url": "https://example.com", "mode": "sideways"})
client.submit({"data": 1})
"""
# What a later Python brought: found, otherwise this test would be none.
LATE = """\
from itertools import pairwise
from typing import NotRequired
"""
LATE_SYNTAX = """\
match 1:
    case 1: pass
"""


def told(mypy, client, *arguments):
    """Runs mypy with the client's settings, and gives the lines that it tells errors of, and all that it said."""
    command = [mypy, "--config-file", str(client / "pyproject.toml"), "--cache-dir", "/dev/null", *map(str, arguments)]
    done = subprocess.run(command, cwd=client, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = [line for line in done.stdout.splitlines() if ": error:" in line]
    return sorted({int(line.split(":")[1]) for line in lines}), done.stdout, done.returncode


def main():
    mypy, client = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    wrong = []
    _, said, status = told(mypy, client, "notifyd")
    if status:
        wrong.append(said)
    with tempfile.TemporaryDirectory() as folder:
        for name, text, lines in (("use", USE, [10, 11]), ("late", LATE, [1, 2]), ("late_syntax", LATE_SYNTAX, [2])):
            path = pathlib.Path(folder) / (name + ".py")
            path.write_text(text, encoding="utf-8")
            seen, said, _ = told(mypy, client, path)
            if seen != lines:
                wrong.append(f"{name}: errors in the lines {seen} instead of {lines}\n{said}")
    print("\n".join(wrong) or "4 passed, 0 failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
