"""What is no common case (clients/cases.md): answers that are none, and what errors must not tell: hostile_test.py"""

import contextlib
import http.client
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "clients" / "python"))

import notifyd  # noqa: E402  (found there)
from notifyd import transport  # noqa: E402


@contextlib.contextmanager
def answering(answer, path=None):
    """A client of a server, perhaps at a Unix socket's path, that gives each request this answer, and ends the connection."""
    listener = socket.create_server(("127.0.0.1", 0)) if path is None else socket.socket(socket.AF_UNIX)
    if path is not None:
        listener.bind(path)
        listener.listen()
    url = f"unix:{path}" if path else f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with notifyd.Client(url, sleep=lambda _: None) as client:
            yield client
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextlib.contextmanager
def certificate():
    """A TLS context of a server at 127.0.0.1, and one that trusts it."""
    with tempfile.TemporaryDirectory() as folder:
        key, made = f"{folder}/key.pem", f"{folder}/cert.pem"
        how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=broker -addext subjectAltName=IP:127.0.0.1"
        subprocess.run(["openssl", *how.split(), "-keyout", key, "-out", made], check=True, stderr=subprocess.DEVNULL)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(made, key)
        yield server, ssl.create_default_context(cafile=made)


@contextlib.contextmanager
def serving(work, tls=None):
    """The port of a server that does this with each connection, in a thread of its own, and ends it without having read what is left of it."""
    listener, threads = socket.create_server(("127.0.0.1", 0)), []

    def one(connection):
        with contextlib.suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as wire:
            work(wire)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    threads.append(threading.Thread(target=serve))
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()


def whole(body, status=200):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class Answers(unittest.TestCase):
    def test_that_is_nested_too_deeply(self):
        for body in (b'{"id":"n1","data":' + b"[" * 100000, b'{"id":"n1","data":' + b"[" * 100000 + b"]" * 100000 + b"}", b'{"id":NaN}'):
            with answering(whole(body)) as client, self.assertRaises(notifyd.BadAnswerError):
                client.get("n1")
        with answering(whole(b"[" * 100000, 422)) as client, self.assertRaises(notifyd.UnacceptableError) as caught:
            client.get("n1")
        self.assertIsNone(caught.exception.problem)

    def test_that_has_no_end(self):
        head = b"HTTP/1.1 %d X\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100000
        with mock.patch.object(transport, "MOST_ANSWER_BYTES", 50000):
            with answering(head.replace(b"%d", b"200")) as client, self.assertRaises(notifyd.BadAnswerError):
                client.get("n1")
            with answering(head.replace(b"%d", b"404")) as client, self.assertRaises(notifyd.NotFoundError):
                client.get("n1")

    def test_that_begins_while_lines_are_still_sent(self):
        requests = []

        def work(wire):
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
            request = b""
            while b"\r\n\r\n" not in request:
                request += wire.recv(1024)
            head, _, came = request.partition(b"\r\n\r\n")
            left = int(re.search(rb"Content-Length: ([0-9]+)", head).group(1)) - len(came)
            requests.append(head)
            wire.sendall(b"HTTP/1.1 200 X\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n")
            index = 0
            while True:
                for _ in range(came.count(b"\n")):
                    wire.sendall(b'{"index":%d,"id":"n%d"}\n' % (index, index))
                    index += 1
                if left == 0:
                    return
                time.sleep(0.002)
                came = wire.recv(1 << 13)
                left -= len(came)

        notifies = [{"url": "http://a", "body": "x" * 900}] * 900
        with serving(work) as port, notifyd.Client(f"http://127.0.0.1:{port}", attempts=1) as client:
            self.assertEqual([line["id"] for line in client.submit_stream(notifies)], [f"n{index}" for index in range(900)])
        self.assertEqual(len(requests), 1)

    def test_that_comes_before_the_end_of_the_request(self):
        problem = b'{"type":"urn:notifyd:problem:too-large","detail":"too long"}'
        request = http.client.HTTPConnection.request

        def half(connection, method, target, _, headers):
            request(connection, method, target, None, headers)
            raise BrokenPipeError(32, "Broken pipe")

        with mock.patch.object(http.client.HTTPConnection, "request", half):
            for status, kind in ((413, notifyd.TooLargeError), (201, notifyd.ConnectionLostError)):
                with answering(whole(problem, status)) as client, self.assertRaises(kind):
                    client.submit({"url": "http://a"})
            with answering(b"") as client, self.assertRaises(notifyd.ConnectionLostError):
                client.submit({"url": "http://a"})

    def test_that_comes_before_the_end_of_the_request_and_ends_the_connection(self):
        problem = b'{"type":"urn:notifyd:problem:too-large","detail":"too long"}'

        def refuse(status):
            def work(wire):
                wire.recv(65536)
                wire.sendall(whole(problem, status))
                time.sleep(0.05)

            return work

        with certificate() as (server, trusting):
            for scheme, tls in (("http", None), ("https", server)):
                for status, kind, times in ((413, notifyd.TooLargeError, 0), (201, notifyd.ConnectionLostError, 3)):
                    with self.subTest(f"{scheme} {status}"), serving(refuse(status), tls) as port:
                        waits = []
                        with notifyd.Client(f"{scheme}://127.0.0.1:{port}", ssl_context=trusting, sleep=waits.append) as client:
                            self.assertRaises(kind, client.submit, {"url": "http://a", "body": "x" * 30000000})
                        self.assertEqual(len(waits), times)

    def test_of_1xx_before_the_end_of_the_request(self):
        def work(wire):
            head = b""
            while b"\r\n\r\n" not in head:
                head += wire.recv(65536)
            left = int(re.search(rb"Content-Length: ([0-9]+)", head)[1]) - len(head.partition(b"\r\n\r\n")[2])
            for piece in (b"HTTP/1.1 1", b"00 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", b"\r\nHTTP/1.1 102 Processing\r\n\r\n"):
                wire.sendall(piece)
                left -= len(wire.recv(65536))
            while left > 0:
                left -= len(wire.recv(65536))
            wire.sendall(whole(b'{"id":"n1"}', 201))

        with certificate() as (server, trusting):
            for scheme, tls in (("http", None), ("https", server)):
                with self.subTest(scheme), serving(work, tls) as port:
                    with notifyd.Client(f"{scheme}://127.0.0.1:{port}", ssl_context=trusting, attempts=1) as client:
                        self.assertEqual(client.submit({"url": "http://a", "body": "x" * 30000000})["id"], "n1")

    def test_that_does_not_come_while_the_request_is_sent(self):
        over = threading.Event()
        with certificate() as (server, trusting):
            for scheme, tls in (("http", None), ("https", server)):
                over.clear()
                with self.subTest(scheme), serving(lambda _: over.wait(60), tls) as port:
                    options = {"ssl_context": trusting, "attempts": 1, "timeout_ms": 1000}
                    with notifyd.Client(f"{scheme}://127.0.0.1:{port}", **options) as client:
                        self.assertRaises(notifyd.TimedOutError, client.submit, {"url": "http://a", "body": "x" * 30000000})
                    over.set()

    def test_lines_before_a_wrong_one_are_given(self):
        with answering(whole(b'{"index":0,"id":"n1"}\noh\n')) as client:
            lines = client.submit_stream([{"url": "http://a"}, {"url": "http://b"}])
            self.assertEqual(next(lines), {"index": 0, "id": "n1"})
            self.assertRaises(notifyd.BadAnswerError, next, lines)


class Arguments(unittest.TestCase):
    def test_what_a_header_cannot_hold_is_refused_and_not_told(self):
        for token in ("secret\r\nX-Other: 1", "secret\n X", "secret\n", "s\u00e9cret", "a secret", "secret\x00"):
            with self.assertRaises(ValueError) as caught:
                notifyd.Client("http://127.0.0.1:1", token=token)
            self.assertNotIn("cret", str(caught.exception) + repr(caught.exception.__context__), token)
        with self.assertRaises(ValueError):
            notifyd.Client("http://127.0.0.1:1").change("n1", {}, if_match='"a"\n X-Other: 1')

    def test_that_a_source_that_fails_loses_nothing_before(self):
        def failing(last):
            yield {"url": "http://a"}
            yield {"url": "http://b"}
            yield last()

        for last in (lambda: 1 // 0, lambda: {"url": "http://c", "data": float("nan")}):
            with answering(whole(b'{"index":0,"id":"n1"}\n{"index":1,"id":"n2"}\n')) as client:
                seen = []
                with self.assertRaises((ZeroDivisionError, ValueError)):
                    for line in client.submit_stream(failing(last)):
                        seen.append(line["id"])
                self.assertEqual(seen, ["n1", "n2"])

    def test_that_comes_over_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder, answering(whole(b'{"id":"n1"}'), f"{folder}/socket") as client:
            self.assertEqual(client.get("n1")["id"], "n1")
        with self.assertRaises(notifyd.ConnectionLostError) as caught:
            notifyd.Client(f"unix:{folder}/socket", attempts=1).get("n1")
        self.assertIn(f"no answer from unix:{folder}/socket: ", str(caught.exception))

    def test_that_the_addresses_of_a_name_share_one_time(self):
        tried = []

        class Counted(socket.socket):
            def connect(self, address):
                tried.append(address)
                super().connect(address)

        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            address = listener.getsockname()
            # Once its queue is full, whoever connects hears nothing.
            for _ in range(3):
                filling = stack.enter_context(socket.socket())
                filling.setblocking(False)
                filling.connect_ex(address)
            addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address)] * 3
            stack.enter_context(mock.patch("socket.getaddrinfo", return_value=addresses))
            stack.enter_context(mock.patch("socket.socket", Counted))
            client = notifyd.Client("http://broker.example:1", attempts=1, timeout_ms=200)
            self.assertRaises(notifyd.TimedOutError, client.get, "n1")
        self.assertEqual(len(tried), 1)

    def test_that_a_lost_broker_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with self.assertRaises(notifyd.ConnectionLostError) as caught:
            notifyd.Client(url, attempts=1).get("n1")
        self.assertIn(f"no answer from {url}: ", str(caught.exception))

    def test_a_password_in_the_url_is_refused_and_not_told(self):
        with self.assertRaises(ValueError) as caught:
            notifyd.Client("http://user:secret@127.0.0.1:1")
        self.assertNotIn("secret", str(caught.exception))

    def test_a_url_with_an_empty_query_or_fragment_is_refused(self):
        for url in ("http://127.0.0.1:1/u/?", "http://127.0.0.1:1/u#"):
            self.assertRaises(ValueError, notifyd.Client, url)

    def test_what_is_no_json(self):
        deep = []
        for _ in range(100000):
            deep = [deep]
        client = notifyd.Client("http://127.0.0.1:1", attempts=1)
        for data in (deep, float("nan"), "\ud800", {"a": float("inf")}):
            self.assertRaises(ValueError, client.submit, {"url": "http://a", "data": data})
        for call, arguments in ((client.get, ["a\ud800"]), (client.trigger, ["a\ud800"])):
            self.assertRaises(ValueError, call, *arguments)
        self.assertRaises(ValueError, next, client.list(caller="a\ud800"))
        self.assertRaises(ValueError, client.submit, {"url": "http://a", "labels": {"a\ud800": "x"}})
        while deep:  # Freed from the outside in: the interpreter would recurse.
            deep = deep[0]


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
