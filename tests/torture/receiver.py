"""The receiver: answers calls as their fate says, and logs each one that comes, how it ended, and when.

receiver.py --log FILE [--host ADDRESS] [--port N] [--flapping PORT]; prints the port that it listens at, and ends with its standard input; from a line of that on PORT flaps no more.

  /t/TAG?f=FATE         a notify that a client submits
  /cb/TAG               a callback about TAG: its own tag is cb.TAG
  /sub/NAME             an event's notify, body {"tag": ..., "f": ...}: tag TAG@NAME
  /sch/NAME             a schedule's run, body {"at": its time, ...}: tag sch.NAME@MILLISECONDS, and the sum is of the rest
  /tube                 a job from the beanstalkd door, body "TAG FATE ..."

Fates, by the number of the attempt, so that a repeat meets what the first one met: ok; slow:MS; fail:N, cut:N, hang:N: the first N are answered 503,
their connection is closed without an answer, they are never answered; dead: 500 always.
"""

import argparse
import asyncio
import json
import random
import select
import sys
import time
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from bodies import HEADER, sum_of, sum_of_data
from history import STALL_S, Log

ANSWER = "HTTP/1.1 {} X\r\nContent-Length: 2\r\n\r\nok"


def ms_of(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def named(target, body):
    """Tag and fate of a call."""
    url = urlsplit(target)
    kind, _, rest = url.path[1:].partition("/")
    if kind == "t":
        return rest, parse_qs(url.query).get("f", ["ok"])[0]
    if kind == "cb":
        return "cb." + rest, "ok"
    if kind == "sub":
        data = json.loads(body)
        return f"{data['tag']}@{rest}", data["f"]
    if kind == "sch":
        return f"sch.{rest}@{ms_of(json.loads(body)['at'])}", "ok"
    if kind == "tube":
        tag, fate, _ = body.decode().split(" ", 2)
        return tag, fate
    return target, "ok"


def borne(target, headers, body):
    """What a call bears, for the log: its sum, the header that says it, and of a callback whose it is."""
    more = {"sum": sum_of(headers.get("content-type", ""), body)}
    if target.startswith("/sch/"):
        more["sum"] = sum_of_data({key: value for key, value in json.loads(body).items() if key != "at"})
    if target.startswith("/cb/"):
        more["about"] = json.loads(body).get("id")
    if HEADER.lower() in headers:
        more["head"] = headers[HEADER.lower()]
    return more


class Connection(asyncio.Protocol):
    def __init__(self, receiver):
        self.receiver, self.buffer, self.open = receiver, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        if self.open is not None:
            self.receiver.log.add("gone", n=self.open)
            self.open = None

    def data_received(self, data):
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self.come(lines[0].split(" ")[1], headers, rest[:length])

    def come(self, target, headers, body):
        self.receiver.count += 1
        self.open = self.receiver.count
        tag, fate = named(target, body)
        number = int(headers.get("notify-attempt", 0))
        more = borne(target, headers, body)
        if "x-member" in headers:
            more["by"] = headers["x-member"]
        if "webhook-signature" in headers:
            more |= {"signed": [headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")],
                     "body": body.decode(errors="surrogateescape")}
        self.receiver.log.add("come", n=self.open, tag=tag, id=headers.get("notify-id"), ns=headers.get("x-namespace"), **more, **{"try": number})
        what, _, more = fate.partition(":")
        if what == "dead":
            self.answer(500)
        elif what == "fail" and number <= int(more):
            self.answer(503)
        elif what == "cut" and number <= int(more):
            self.transport.abort()
        elif what == "slow":
            asyncio.get_running_loop().call_later(int(more) / 1000, self.answer, 200)
        elif what != "hang" or number > int(more):
            self.answer(200)

    def left(self):
        """Whether the broker has closed the connection, or is dead, also where nobody has read so far that it did."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))

    def answer(self, status):
        if self.open is None or self.transport.is_closing():
            return
        if self.left():
            return self.transport.abort()
        n, self.open = self.open, None
        self.receiver.log.add("done", n=n, status=status)
        self.transport.write(ANSWER.format(status).encode())


class Receiver:
    def __init__(self, log):
        self.log, self.count = log, 0

    async def flap(self, host, port):
        """Listens at this port for a while, and then for a while nobody does; in the end, once that is said, for good."""
        while True:
            server = await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port)
            self.log.add("flap", there=True)
            await asyncio.sleep(random.uniform(0.3, 1.5))
            await self.flaps.wait()
            server.close()
            self.log.add("flap", there=False)
            await asyncio.sleep(random.uniform(0.3, 1.5))

    async def serve(self, host, port, flapping):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), host, port, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        self.flaps = asyncio.Event()
        self.flaps.set()
        tasks = [asyncio.create_task(self.watch_stalls())]
        if flapping:
            tasks.append(asyncio.create_task(self.flap(host, flapping)))
        # A line: the port stays. The end: all does.
        while await loop.run_in_executor(None, sys.stdin.readline):
            self.flaps.clear()
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()

    async def watch_stalls(self):
        """Notes when what came had to wait, since others came before it."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(STALL_S)
            here = time.monotonic()
            if here - last > 3 * STALL_S:
                self.log.add("stall", t=last, until=here)
            last = here


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--flapping", type=int, default=0)
    arguments = parser.parse_args()
    log = Log(arguments.log)
    asyncio.run(Receiver(log).serve(arguments.host, arguments.port, arguments.flapping))


if __name__ == "__main__":
    main()
