"""Starts a notifyd for a test of a client, with a store of its own, tokens, a namespace and signing keys; and a receiver that remembers its calls.

broker.py --notifyd FILE -- COMMAND... runs the command with such a broker and ends as it does. The command finds in its environment:
  NOTIFYD_URL, NOTIFYD_TOKEN, NOTIFYD_NAMESPACE   where the broker is, a token of the namespace for all but its administration, and the namespace
  NOTIFYD_PID                                     its process
  WEBHOOK_KEY, WEBHOOK_PUBLIC_KEY                 what the namespace's calls are signed by: whsec_... and whpk_...
"""

import argparse
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMESPACE = "clients"
# For whatever a busy machine may take; nothing waits so long where all is well.
PATIENCE_S = 60 * int(os.environ.get("NOTIFYD_TEST_SLOWNESS", "1"))


class Broker:
    """A notifyd that lives as long as the with block."""

    def __init__(self, notifyd):
        self.notifyd = notifyd
        self.process = None

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="notifyd-clients-")
        try:
            self.start()
            self.admin = self.token("admin")
            self.call("PUT", f"/v1/namespaces/{NAMESPACE}", {"destinations": {"allow": ["127.0.0.0/8", "::1/128"]}})
            self.key = self.call("POST", f"/v1/namespaces/{NAMESPACE}/keys", {"kind": "hmac"})["secret"]
            self.public_key = self.call("POST", f"/v1/namespaces/{NAMESPACE}/keys", {"kind": "ed25519"})["public_key"]
            self.user = self.token("submit,read,read_bodies,operate", "--namespaces", NAMESPACE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        # What the machine's own environment says of a broker is not meant for this one.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFYD_")}
        self.log = open(os.path.join(self.directory, "log"), "wb")
        data = os.path.join(self.directory, "data")
        arguments = [self.notifyd, "--listen", "127.0.0.1:0", "--data-dir", data, "--auth-mode", "token"]
        self.process = subprocess.Popen(arguments, stderr=self.log, stdin=subprocess.DEVNULL, env=clean)
        found = until(self.listening, "the broker listens")
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def log_text(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def listening(self):
        if self.process.poll() is not None:
            raise RuntimeError("notifyd ended: " + self.log_text())
        return re.search(r'"listening on 127\.0\.0\.1:(\d+)"', self.log_text())

    def token(self, scopes, *more):
        data = os.path.join(self.directory, "data")
        made = subprocess.run([self.notifyd, "token", "create", "--data-dir", data, "--scopes", scopes, *more],
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return made.stdout.strip()

    def call(self, method, path, body=None):
        """Asks the broker as its administrator, and gives the JSON of a 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        headers = {"Authorization": "Bearer " + self.admin, "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status // 100 != 2:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return json.loads(text) if text else None

    def of_namespace(self, method, path, body=None):
        return self.call(method, f"/v1/namespaces/{NAMESPACE}{path}", body)

    def environment(self):
        return {**os.environ, "NOTIFYD_URL": self.url, "NOTIFYD_TOKEN": self.user, "NOTIFYD_NAMESPACE": NAMESPACE,
                "NOTIFYD_PID": str(self.process.pid), "WEBHOOK_KEY": self.key, "WEBHOOK_PUBLIC_KEY": self.public_key}


class Receiver:
    """Answers each call with `status`, and keeps what came: (path, headers, body)."""

    def __init__(self):
        self.calls, self.status = [], 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.calls.append((self.path, self.headers, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/orders"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def until(there, what):
    """Asks again until there() gives something true, and gives that; raises where it does not in PATIENCE_S."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = there()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"not in {PATIENCE_S} s: {what}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--notifyd", required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    with Broker(arguments.notifyd) as broker:
        done = subprocess.run(arguments.command, env=broker.environment(), stdin=subprocess.DEVNULL)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
