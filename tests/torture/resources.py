"""Crowds: slow clients by the thousand and receivers that are hostile in every way, beside the mixed load; and what of descriptors is left.

resources.py slow PORT N | hostile N | other PORT
    one of the crowds, or a client that is none of them, as a process; prints what is needed of it, and ends with its standard input
"""

import asyncio
import http.client
import json
import os
import random
import resource
import select
import statistics
import subprocess
import sys
import time

import history
import rounds
from checker import judge
from stage import HERE, PATIENCE_S, Stage, end_with_parent, until

CLIENTS, RECEIVERS = 10_000, 1_000
BEGINNINGS = [b"", b"GET /v1/st", b'POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n{"url":']
# What else a process holds open.
SPARE = 600
# Of some 900 requests in each of these times the p99 is the ninth slowest: of one round it says little, so a series goes by the median of its rounds.
LOOK_S, ENOUGH_ROUNDS, BOUND = 20, 5, 2


# ---- the crowds


async def slow_clients(port, count):
    """Each connects, begins a request, and goes on with a byte now and then; who is cut off comes again."""
    print(count, flush=True)

    async def one():
        await asyncio.sleep(random.random() * 5)
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(random.choice(BEGINNINGS))
                while not writer.is_closing():
                    await asyncio.sleep(random.uniform(1, 8))
                    writer.write(b"x")
                    await writer.drain()
            except OSError:
                pass
            await asyncio.sleep(random.random() * 3)

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()
    os._exit(0)


async def hostile_receivers(count):
    """Each on a port of its own, so that each is a host: silent, slow, endless, garbled, or gone."""

    async def serve(reader, writer):
        how = writer.get_extra_info("sockname")[1] % 6
        try:
            await reader.read(1)
            if how == 0:
                await asyncio.sleep(3600)
            elif how == 1:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.5)
            elif how == 2:
                while True:
                    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000)
                    await writer.drain()
                    await asyncio.sleep(0.01)
            elif how == 3:
                writer.write(os.urandom(4096))
                await writer.drain()
            elif how == 4:
                writer.transport.abort()
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n")
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    servers = [await asyncio.start_server(serve, "127.0.0.1", 0) for _ in range(count)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


def other_client(port):
    """A client of a namespace of its own, by itself, that stores a notify fifty times a second; prints when it asked each and how long it took, in s."""
    print(port, flush=True)
    connection, took = http.client.HTTPConnection("127.0.0.1", port), []
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        asked = time.monotonic()
        connection.request("POST", "/v1/namespaces/other/notifies", json.dumps({"url": "http://127.0.0.1:1/", "fkey": f"never-{os.getpid()}-{len(took)}"}))
        answer = connection.getresponse()
        answer.read()
        took.append([asked, time.monotonic() - asked if answer.status == 201 else float("inf")])
    print(json.dumps(took), flush=True)


def process_of(nice, *arguments):
    """A process, and the first line that it says."""

    def begin():
        end_with_parent()
        os.nice(nice)

    process = subprocess.Popen([sys.executable, f"{HERE}/resources.py", *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, preexec_fn=begin)
    return process, json.loads(process.stdout.readline())


def crowd(*arguments):
    """It stands for machines of others: what it computes itself gives way to the broker and to whoever's times are looked at."""
    return process_of(19, *arguments)


# ---- what a process holds


def held(process):
    """(descriptors, threads, resident bytes)"""
    place = f"/proc/{process.pid}"
    with open(f"{place}/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return len(os.listdir(f"{place}/fd")), len(os.listdir(f"{place}/task")), pages * resource.getpagesize()


def p99(took, begun, ended):
    """Of what the other client asked in this time, in ms."""
    times = sorted(seconds for asked, seconds in took if begun <= asked < ended)
    return times[int(len(times) * 0.99)] * 1000


def submit_hostile(stage, ports):
    """One to each, of a namespace of their own."""
    stage.call("PUT", "/v1/namespaces/hostile", {"destinations": {"allow": ["127.0.0.0/8"]}})
    for at in range(0, len(ports), 100):
        retry = {"schedule_ms": [50], "jitter": 0, "max_attempts": 3}
        items = [{"url": f"http://127.0.0.1:{port}/", "timeout_ms": 3000, "retry": retry} for port in ports[at:at + 100]]
        until(lambda these=items: stage.call("POST", "/v1/namespaces/hostile/notifies", these)[0] == 201, "the hostile ones' notifies are taken")


def crowds(settings, seed, count):
    """10,000 slow clients and 1,000 hostile receivers for some time, then without them; the load is judged as ever."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    clients, outcome = min(CLIENTS, limit - 4 * SPARE), rounds.Outcome()
    with Stage(settings.notifyd, seed, place=settings.fast) as stage:
        stage.start()
        stage.call("PUT", "/v1/namespaces/other", {})
        stage.begin_load()
        ratios = [one_crowd(stage, clients, min(RECEIVERS, limit // 4), outcome) for _ in range(count)]
        stage.end_load()
        others_times(ratios, outcome)
        final = stage.final()
        # Nobody judges what the hostile ones got, nor what the other client keeps, and the sums are with them.
        final["namespaces"].pop("hostile")
        final["namespaces"].pop("other")
        final["metrics"] = None
        read = [history.read(stage.path(name)) for name in ("submitter", "receiver", "killer")]
        return outcome.judged(judge(*read, final))


def others_times(ratios, outcome):
    """How many times as long the other client waited beside the crowds."""
    ratio = statistics.median(ratios)
    outcome.counts["p99 percent"] = round(100 * ratio)
    if len(ratios) >= ENOUGH_ROUNDS and ratio > BOUND:
        outcome.faults.append(("resources", f"p99 of another client is {ratio:.2f} times as long beside the crowds: {[round(each, 2) for each in ratios]}"))


def one_crowd(stage, clients, receivers, outcome):
    """How many times as long the p99 of another client is beside the crowd."""
    other, _ = process_of(0, "other", stage.port)
    stage.work(LOOK_S, LOOK_S)
    before, begun = held(stage.broker), time.monotonic()
    slow, connected = crowd("slow", stage.port, clients)
    hostile, ports = crowd("hostile", receivers)
    try:
        submit_hostile(stage, ports)
        most = max(held(stage.broker)[0] for _ in range(4 * LOOK_S) if not time.sleep(0.25))
        ended = time.monotonic()
    finally:
        for process in (slow, hostile):
            process.stdin.close()
            process.wait()
    took = json.loads(other.communicate()[0])
    outcome.rounds["crowds"] += 1
    outcome.counts["slow clients"] = max(outcome.counts["slow clients"], connected)
    outcome.counts["descriptors at most"] = max(outcome.counts["descriptors at most"], most)
    without, beside = p99(took, begun - LOOK_S, begun), p99(took, begun, ended)
    outcome.counts["p99 ms without"] = max(outcome.counts["p99 ms without"], round(without))
    outcome.counts["p99 ms beside them"] = max(outcome.counts["p99 ms beside them"], round(beside))
    left_behind(stage, before, outcome)
    return beside / without


def left_behind(stage, before, outcome):
    """Once they are gone, and their connections are too, there is as much as before: what the load itself needs goes up and down a little."""
    try:
        until(lambda: held(stage.broker)[0] <= before[0] + 40, "descriptors are as before", PATIENCE_S)
    except TimeoutError:
        outcome.faults.append(("resources", f"{held(stage.broker)[0]} descriptors are open, and were {before[0]} before the crowd came"))
    after = held(stage.broker)
    if after[1] > before[1]:
        outcome.faults.append(("resources", f"{after[1]} threads, and {before[1]} before the crowd came"))
    outcome.counts["MiB more than before"] = max(outcome.counts["MiB more than before"], (after[2] - before[2]) >> 20)


if __name__ == "__main__":
    if sys.argv[1] == "slow":
        asyncio.run(slow_clients(int(sys.argv[2]), int(sys.argv[3])))
    elif sys.argv[1] == "other":
        other_client(int(sys.argv[2]))
    else:
        asyncio.run(hostile_receivers(int(sys.argv[2])))
