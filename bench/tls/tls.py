#!/usr/bin/env python3
"""What TLS costs a request on a kept connection: one broker with a plain listener and one with TLS, asked in turns.

    bench/tls/tls.py build/release/bin/notifyd [--rounds 7] [--count 4000] [--body 300]

A round is so many submits over a plain connection, then as many over a TLS one, one after the other. Of each: the broker's CPU (all threads, from
/proc), and the time until the answer, both in microseconds a request. The difference is taken within a round, and the median of the rounds is told;
so what else the machine does falls on both. Exit code 1 where the broker needs over 15 us more.
"""

import argparse
import glob
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

MOST_US = 15


def cpu_ns(pid):
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            total += int(open(path).read().split()[0])
        except FileNotFoundError:
            pass
    return total


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(notifyd, directory, port):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"],
                   check=True, stderr=subprocess.DEVNULL)
    with open(f"{directory}/n.toml", "w") as config:
        config.write(f'[[listener]]\naddress = "127.0.0.1:{port}"\ntls.cert = "{directory}/cert.pem"\ntls.key = "{directory}/key.pem"\n')
    log = open(f"{directory}/log", "w")
    broker = subprocess.Popen([notifyd, "--config", f"{directory}/n.toml", "--listen", "127.0.0.1:0", "--data-dir", f"{directory}/data",
                               "--log-format", "text"], stderr=log)
    for _ in range(600):
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", open(f"{directory}/log").read())
        if found:
            return broker, int(found.group(1))
        time.sleep(0.1)
    broker.kill()
    sys.exit("the broker does not listen:\n" + open(f"{directory}/log").read())


def ask(connection, request, count):
    for _ in range(count):
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, body = answer.split(b"\r\n\r\n", 1)
        left = int(re.search(rb"[Cc]ontent-[Ll]ength: (\d+)", head).group(1)) - len(body)
        while left > 0:
            left -= len(connection.recv(65536))
        if not head.startswith(b"HTTP/1.1 20"):
            sys.exit(head.decode())


def main():
    options = argparse.ArgumentParser()
    options.add_argument("notifyd")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--count", type=int, default=4000)
    options.add_argument("--body", type=int, default=300, help="bytes of what is submitted; 0: GET /healthz instead")
    given = options.parse_args()
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    if given.body > 0:
        notify = b'{"url":"http://127.0.0.1:1/","delay_ms":360000000,"body":"' + b"x" * given.body + b'"}'
        request = (b"POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(notify)) + notify
    directory = tempfile.mkdtemp(prefix="tls-bench-")
    port = free_port()
    broker, plain_port = start(given.notifyd, directory, port)
    try:
        connections = {"plain": socket.create_connection(("127.0.0.1", plain_port))}
        context = ssl.create_default_context(cafile=f"{directory}/cert.pem")
        connections["tls"] = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
        for connection in connections.values():
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ask(connection, request, given.count // 4)
        cpu, waited = {"plain": [], "tls": []}, {"plain": [], "tls": []}
        for _ in range(given.rounds):
            for kind, connection in connections.items():
                began, used = time.monotonic_ns(), cpu_ns(broker.pid)
                ask(connection, request, given.count)
                cpu[kind].append((cpu_ns(broker.pid) - used) / given.count / 1000)
                waited[kind].append((time.monotonic_ns() - began) / given.count / 1000)
    finally:
        broker.terminate()
        broker.wait()
        shutil.rmtree(directory)
    more = statistics.median(b - a for a, b in zip(cpu["plain"], cpu["tls"]))
    print(f"{'':8}{'broker CPU us':>16}{'answer us':>12}")
    for kind in cpu:
        print(f"{kind:8}{statistics.median(cpu[kind]):16.1f}{statistics.median(waited[kind]):12.1f}")
    print(f"{'more':8}{more:16.1f}{statistics.median(b - a for a, b in zip(waited['plain'], waited['tls'])):12.1f}   (at most {MOST_US})")
    return 0 if more <= MOST_US else 1


if __name__ == "__main__":
    sys.exit(main())
