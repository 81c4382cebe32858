"""Plays clients/cases.json: gives each request of a case the answer that stands beside it, and tells whether the requests were as they must be.

scripted_server.py CASES_FILE prints {"port", "closed_port"} and serves on loopback until its standard input ends. clients/cases.md has the rest."""

import email.utils
import json
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

VERDICT_WAIT_S = 10
KEY = re.compile(r"^[A-Za-z0-9_-]{22,64}$")


def mismatch(wanted, seen, keys, at=""):
    """Says where seen is not what is wanted, or gives None. Binds the keys that clients make: the same name the same key, another name another."""
    if isinstance(wanted, str) and wanted.startswith("$key:"):
        if not isinstance(seen, str) or not KEY.match(seen):
            return f"{at}: {seen!r} is no key of a client"
        if keys.setdefault(wanted, seen) != seen:
            return f"{at}: {wanted} was {keys[wanted]!r}, and now is {seen!r}"
        others = [name for name, key in keys.items() if key == seen and name != wanted]
        return f"{at}: {wanted} is the same as {others[0]}" if others else None
    number = (int, float)
    if isinstance(wanted, number) and isinstance(seen, number) and not isinstance(wanted, bool) and not isinstance(seen, bool):
        return None if wanted == seen else f"{at}: {seen!r} instead of {wanted!r}"
    if type(wanted) is not type(seen):
        return f"{at}: {seen!r} instead of {wanted!r}"
    if isinstance(wanted, dict):
        if wanted.keys() != seen.keys():
            return f"{at}: the keys {sorted(seen)} instead of {sorted(wanted)}"
        found = (mismatch(wanted[name], seen[name], keys, f"{at}/{name}") for name in wanted)
        return next((text for text in found if text), None)
    if isinstance(wanted, list):
        if len(wanted) != len(seen):
            return f"{at}: {len(seen)} items instead of {len(wanted)}"
        found = (mismatch(one, other, keys, f"{at}/{i}") for i, (one, other) in enumerate(zip(wanted, seen)))
        return next((text for text in found if text), None)
    return None if wanted == seen else f"{at}: {seen!r} instead of {wanted!r}"


def query_of(text):
    """Decodes a query: percent-escapes alone, a plus is a plus. Gives each name its value, or the list of its values."""
    values = {}
    for part in text.split("&") if text else []:
        name, _, value = part.partition("=")
        values.setdefault(unquote(name), []).append(unquote(value))
    return {name: several[0] if len(several) == 1 else several for name, several in values.items()}


def wrong_query(wanted, seen):
    """Says where a query is not what is wanted. A value of {"least", "most"} stands for a whole number between them."""
    if wanted.keys() != seen.keys():
        return f"the query is {seen} instead of {wanted}"
    for name, value in wanted.items():
        fits = seen[name].isdigit() and value["least"] <= int(seen[name]) <= value["most"] if isinstance(value, dict) else seen[name] == value
        if not fits:
            return f"{name} in the query is {seen[name]} instead of {value}"
    return None


def wrong_headers(wanted, headers):
    for name, value in wanted.items():
        seen = headers.get(name)
        if value is None and seen is not None:
            return f"the header {name} is there"
        if isinstance(value, str) and seen != value:
            return f"the header {name} is {seen!r} instead of {value!r}"
        if isinstance(value, dict) and not (seen or "").startswith(value["prefix"]):
            return f"the header {name} is {seen!r}, which does not begin with {value['prefix']!r}"
    return None


class Case:
    """One case: which exchange is next, and what was wrong so far."""

    def __init__(self, case):
        self.exchanges = case["exchanges"]
        self.lock = threading.Condition()
        self.start()

    def start(self):
        self.next, self.wrong, self.keys = 0, [], {}

    def take(self, method, path, query, headers, body):
        """Judges a request, and gives the answer to it; None where no request is due any more."""
        with self.lock:
            if self.next == len(self.exchanges):
                self.wrong.append(f"one request too many: {method} {path}")
                return None
            exchange = self.exchanges[self.next]
            self.next += 1
            self.lock.notify_all()
            why = self.judge(exchange["request"], method, path, query, headers, body)
            if why:
                self.wrong.append(f"request {self.next}: {why}")
            return exchange["response"]

    def judge(self, wanted, method, path, query, headers, body):
        if (method, path) != (wanted["method"], wanted["path"]):
            return f"{method} {path} instead of {wanted['method']} {wanted['path']}"
        why = wrong_query(wanted.get("query", {}), query_of(query))
        if why:
            return why
        expected = dict(wanted.get("headers", {}))
        if "json" in wanted:
            expected.setdefault("Content-Type", "application/merge-patch+json" if method == "PATCH" else "application/json")
        elif "ndjson" in wanted:
            expected.setdefault("Content-Type", "application/x-ndjson")
        why = wrong_headers(expected, headers)
        if why:
            return why
        if "json" not in wanted and "ndjson" not in wanted:
            return f"a body where none belongs: {body[:200]!r}" if body else None
        try:
            seen = [json.loads(line) for line in body.splitlines() if line.strip()] if "ndjson" in wanted else json.loads(body)
        except ValueError as error:
            return f"the body is not JSON ({error}): {body[:200]!r}"
        return mismatch(wanted["ndjson" if "ndjson" in wanted else "json"], seen, self.keys)

    def verdict(self):
        with self.lock:
            # A client that gave up may be done before its request was taken here.
            self.lock.wait_for(lambda: self.next >= len(self.exchanges), timeout=VERDICT_WAIT_S)
            if not self.wrong and self.next < len(self.exchanges):
                self.wrong.append(f"{self.next} requests instead of {len(self.exchanges)}")
            answer = {"ok": not self.wrong, **({"why": "; ".join(self.wrong)} if self.wrong else {})}
            self.start()
            return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A head and a body in one piece: otherwise the kernel holds back the second one.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    timeout = 120
    cases = {}

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                return b"".join(pieces)

    def serve(self):
        body = self.body()
        if self.path.startswith("/verdict/"):
            case = self.cases.get(self.path[len("/verdict/"):])
            return self.answer({"status": 200, "json": case.verdict()} if case else {"status": 404, "json": {"ok": False, "why": "no such case"}})
        path, _, query = self.path.partition("?")
        name, found, below = path[len("/case/"):].partition("/v1")
        case = self.cases.get(name) if found and path.startswith("/case/") else None
        if case is None:
            return self.answer({"status": 400, "text": f"no such case: {self.path}"})
        response = case.take(self.command, "/v1" + below, query, self.headers, body)
        return self.answer(response or {"status": 400, "text": "no request is due"})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def answer(self, response):
        time.sleep(response.get("delay_ms", 0) / 1000)
        if response.get("stall"):
            return self.stall()
        if response.get("close") == "before":
            return self.end()
        if "raw" in response:
            self.wfile.write(response["raw"].encode())
            return self.end()
        status = response["problem"]["status"] if "problem" in response else response["status"]
        headers, content = dict(response.get("headers", {})), self.content(response)
        if content[0]:
            headers.setdefault("Content-Type", content[0])
        self.send_response(status)
        for name, value in headers.items():
            ahead = re.match(r"^\$http_date\+(\d+)$", value)
            self.send_header(name, email.utils.formatdate(time.time() + int(ahead[1]), usegmt=True) if ahead else value)
        return self.send_content(response, content[1])

    @staticmethod
    def content(response):
        """Gives the media type of an answer (None: said by its headers) and its bytes."""
        if "problem" in response:
            return "application/problem+json", json.dumps(response["problem"]).encode()
        if "json" in response:
            return "application/json", json.dumps(response["json"], ensure_ascii=False).encode()
        if "ndjson" in response:
            return "application/x-ndjson", "".join(json.dumps(line) + "\n" for line in response["ndjson"]).encode()
        return None, response.get("text", "").encode()

    def send_content(self, response, content):
        within = response.get("close") == "within"
        if response.get("drip"):
            return self.drip()
        if "ndjson" in response:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in content.splitlines(True) + ([b'{"index'] if within else []):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.write(b"" if within else b"0\r\n\r\n")
        else:
            if self.status_has_body(response):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:len(content) // 2] if within else content)
        return self.end() if within else self.wfile.flush()

    @staticmethod
    def status_has_body(response):
        return response.get("status") != 204

    def end(self):
        self.wfile.flush()
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def stall(self):
        """Waits until the client goes away."""
        self.close_connection = True
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            pass

    def drip(self):
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            for _ in range(1000):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass
        self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Clients that go away in the middle are what some cases are about."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(*_)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    Handler.cases = {case["name"]: Case(case) for case in cases}
    server = Server(("127.0.0.1", 0), Handler)
    # Taken, and nobody listens there.
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    print(json.dumps({"port": server.server_address[1], "closed_port": closed.getsockname()[1]}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
