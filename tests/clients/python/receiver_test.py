"""What receivers use: the vectors (clients/cases.md), and both middlewares: receiver_test.py VECTORS"""

import asyncio
import base64
import hashlib
import hmac
import io
import json
import pathlib
import sys
import time
import unittest
import wsgiref.util
import wsgiref.validate

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "clients" / "python"))

from notifyd import receiver  # noqa: E402  (found there)

with open(sys.argv[1], encoding="utf-8") as vectors_file:
    VECTORS = json.load(vectors_file)
SECRET = bytes([7]) * 32
KEY = "whsec_" + base64.b64encode(SECRET).decode()


def signed(name, body, at_s=None):
    at_s = int(time.time()) if at_s is None else at_s
    mac = hmac.new(SECRET, f"{name}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return {"Webhook-Id": name, "Webhook-Timestamp": str(at_s), "Webhook-Signature": "v1," + base64.b64encode(mac).decode()}


class Vectors(unittest.TestCase):
    def test_verify(self):
        for vector in VECTORS["verify"]:
            with self.subTest(vector["name"]):
                body = base64.b64decode(vector["body_base64"]) if "body_base64" in vector else vector["body"]
                arguments = (vector["headers"], body, vector["keys"])
                options = {"tolerance_s": vector.get("tolerance_s", 300), "now_s": vector["now_s"] + 0.999}
                if vector.get("error") == "bad_key":
                    self.assertRaises(ValueError, receiver.verify, *arguments, **options)
                elif "error" in vector:
                    with self.assertRaises(receiver.VerifyError) as raised:
                        receiver.verify(*arguments, **options)
                    self.assertEqual(raised.exception.reason, vector["error"])
                else:
                    seen = receiver.verify(*arguments, **options)
                    self.assertEqual({"id": seen.id, "timestamp_s": seen.timestamp_s}, vector["result"])

    def test_dedup(self):
        for vector in VECTORS["dedup"]:
            with self.subTest(vector["name"]):
                now = [0]
                dedup = receiver.Dedup(vector["capacity"], vector["ttl_ms"], lambda now=now: now[0], vector.get("answer_bytes", 16 << 20))
                for step in vector["steps"]:
                    now[0] = step["at_ms"]
                    answer = [step["answer"].encode()] if "answer" in step else []
                    seen = getattr(dedup, step["do"])(step["id"], *answer)
                    self.assertEqual(seen.decode() if isinstance(seen, bytes) else seen, step.get("result"), step)

    def test_a_list_of_keys_is_needed(self):
        self.assertRaises(ValueError, receiver.verify, {}, b"", KEY)
        self.assertRaises(ValueError, receiver.WsgiReceiver, None, [])


def receive_vectors(test, call_of):
    """Runs the vectors of receivers; call_of(answers, options) makes one over the list of what its application answers next, and gives what calls it."""
    for vector in VECTORS["receive"]:
        with test.subTest(vector["name"]):
            answers, times = [], vector.get("times", 1)
            options = {"dedup": receiver.Dedup()}
            if "done_contains" in vector:
                options["done"] = lambda status, body, word=vector["done_contains"].encode(): word in body
            calls = {scope: call_of(answers, {**options, "scope": scope}) for scope in {one.get("scope", "") for one in vector["calls"]}}
            for i, one in enumerate(vector["calls"]):
                call = calls[one.get("scope", "")]
                if "app" in one:
                    answers.append((one["app"][0], one["app"][1].encode() * times))
                status, body = one["answer"]
                test.assertEqual(call(), (status, (body.encode() * times)[: one.get("cut_bytes")]), f"call {i}")
                test.assertEqual(answers, [], f"call {i}: the application was not asked")


class Wsgi(unittest.TestCase):
    """Each application is judged by wsgiref's validator."""

    def call(self, app, headers, body, **more):
        environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), **more}
        environ.update({"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()})
        wsgiref.util.setup_testing_defaults(environ)
        started, written = [], []

        def start(status, sent, *_):
            started.append((status, dict(sent)))
            return written.append

        answer = wsgiref.validate.validator(app)(environ, start)
        content = b"".join([*written, *answer])
        answer.close()
        return int(started[0][0].split()[0]), started[0][1], content

    def test_a_signed_call_is_worked_on_once(self):
        seen = []

        def app(environ, start_response):
            length = int(environ["CONTENT_LENGTH"])
            seen.append((environ["notifyd.notify"].id, environ["notifyd.notify"].attempt, environ["wsgi.input"].read(length)))
            start_response("201 Created", [("Content-Type", "text/plain")])
            yield b"taken"

        gate = receiver.WsgiReceiver(app, [KEY])
        self.assertEqual(self.call(gate, {**signed("n1", b"{}"), "Notify-Attempt": "3"}, b"{}")[::2], (201, b"taken"))
        self.assertEqual(self.call(gate, {**signed("n1", b"{}"), "Notify-Id": "other"}, b"{}")[::2], (201, b"taken"))
        self.assertEqual(self.call(gate, signed("n2", b"{}"), b"{ }")[::2], (401, b"notifyd: the call does not verify: no_match\n"))
        self.assertEqual(self.call(gate, {}, b"{}")[0], 401)
        self.assertEqual(seen, [("n1", 3, b"{}")])

    def test_what_failed_is_worked_on_again(self):
        def app(environ, start_response):
            if answers[0] is None:
                raise RuntimeError("broken")
            start_response(answers[0], [("Content-Type", "text/plain")])
            return [b""]

        gate, answers = receiver.WsgiReceiver(app, [KEY]), ["500 Oh"]
        self.assertEqual(self.call(gate, signed("n1", b""), b"")[0], 500)
        answers[0] = None
        self.assertRaises(RuntimeError, self.call, gate, signed("n1", b""), b"")
        answers[0] = "201 Good"
        self.assertEqual(self.call(gate, signed("n1", b""), b"")[0], 201)
        self.assertEqual(self.call(gate, signed("n1", b""), b"")[0], 201)

    def test_calls_that_come_again(self):
        def call_of(answers, options):
            def app(environ, start_response):
                status, body = answers.pop(0)
                write = start_response(f"{status} Said", [] if status == 204 else [("Content-Type", "text/plain")])
                if body:
                    write(body[:1])
                yield body[1:2]
                yield body[2:]

            gate = receiver.WsgiReceiver(app, [KEY], **options)
            return lambda: self.call(gate, signed("n1", b""), b"")[::2]

        receive_vectors(self, call_of)

    def test_a_caller_that_goes_away_does_not_undo_the_work(self):
        seen = []

        def app(environ, start_response):
            seen.append(environ["notifyd.notify"].id)
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"ta")
            write(b"ke")
            return [b"n"]

        def lost(_):
            raise BrokenPipeError(32, "Broken pipe")

        gate = receiver.WsgiReceiver(app, [KEY])
        environ = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in signed("n1", b"").items()}
        list(gate({**environ, "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}, lambda *_: lost))
        self.assertEqual(self.call(gate, signed("n1", b""), b"")[::2], (200, b"taken"))
        self.assertEqual(seen, ["n1"])

    def test_what_is_done_cannot_be_told(self):
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b""]

        dedup = receiver.Dedup()
        gate = receiver.WsgiReceiver(app, [KEY], dedup=dedup, done=lambda status, body: body[0] == 1)
        self.assertRaises(IndexError, self.call, gate, signed("n1", b""), b"")
        self.assertEqual(dedup.claim("n1"), "new")

    def test_what_is_under_way(self):
        dedup = receiver.Dedup()
        dedup.claim("n1")
        status, headers, _ = self.call(receiver.WsgiReceiver(None, [KEY], dedup=dedup), signed("n1", b""), b"")
        self.assertEqual((status, headers["Retry-After"]), (503, "1"))

    def test_too_long(self):
        gate = receiver.WsgiReceiver(None, [KEY], max_bytes=10)
        self.assertEqual(self.call(gate, signed("n1", b"x" * 11), b"x" * 11)[0], 413)
        self.assertEqual(self.call(gate, {}, b"x" * 11, CONTENT_LENGTH="", **{"wsgi.input_terminated": True})[0], 413)

    def test_a_length_that_is_none(self):
        class Endless(io.RawIOBase):
            """What must not be read."""

            def read(self, *_):
                raise AssertionError("the body was read")

        gate = receiver.WsgiReceiver(None, [KEY])
        for length, status in (("-1", 400), ("x", 400), ("1e3", 400), ("9" * 5000, 413)):
            environ = {"CONTENT_LENGTH": length, "wsgi.input": Endless(), "REQUEST_METHOD": "POST"}
            started = []
            list(gate(environ, lambda status, *_: started.append(status)))
            self.assertEqual(int(started[0][:3]), status, length)


class Asgi(unittest.TestCase):
    def call(self, app, headers, body, scope_type="http"):
        pairs = [(name.lower().encode(), value.encode()) for name, value in (headers.items() if isinstance(headers, dict) else headers)]
        # In pieces, as servers give it.
        messages = [{"type": "http.request", "body": body[:1], "more_body": True}, {"type": "http.request", "body": body[1:]}]
        sent = []

        async def run():
            async def receive():
                return messages.pop(0) if messages else {"type": "http.disconnect"}

            async def send(message):
                sent.append(message)

            await app({"type": scope_type, "headers": pairs}, receive, send)

        asyncio.run(run())
        self.answered = b"".join(message.get("body", b"") for message in sent)
        return sent[0]["status"] if sent else None

    def test_calls_that_come_again(self):
        def call_of(answers, options):
            async def app(scope, receive, send):
                status, body = answers.pop(0)
                await send({"type": "http.response.start", "status": status, "headers": []})
                await send({"type": "http.response.body", "body": body[:1], "more_body": True})
                await send({"type": "http.response.body", "body": body[1:]})

            gate = receiver.AsgiReceiver(app, [KEY], **options)
            return lambda: (self.call(gate, signed("n1", b""), b""), self.answered)

        receive_vectors(self, call_of)

    def app(self, seen, statuses):
        async def work(scope, receive, send):
            message = await receive()
            seen.append((scope["notifyd.notify"].id, message["body"]))
            status = statuses.pop(0)
            if status is None:
                raise RuntimeError("broken")
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body"})

        return work

    def test_a_signed_call_is_worked_on_until_it_is_done(self):
        seen = []
        gate = receiver.AsgiReceiver(self.app(seen, [500, None, 204]), [KEY])
        self.assertEqual(self.call(gate, signed("n1", b"body"), b"body"), 500)
        self.assertRaises(RuntimeError, self.call, gate, signed("n1", b"body"), b"body")
        self.assertEqual(self.call(gate, signed("n1", b"body"), b"body"), 204)
        self.assertEqual(self.call(gate, signed("n1", b"body"), b"body"), 204)
        self.assertEqual(self.call(gate, signed("n2", b"body"), b"bodi"), 401)
        self.assertEqual(self.call(gate, [*signed("n2", b"body").items(), ("webhook-id", "n3")], b"body"), 401)
        self.assertEqual(seen, [("n1", b"body")] * 3)

    def test_too_long(self):
        self.assertEqual(self.call(receiver.AsgiReceiver(None, [KEY], max_bytes=3), signed("n1", b"body"), b"body"), 413)

    def test_a_caller_that_goes_away_is_answered_nothing(self):
        async def run():
            async def receive():
                return {"type": "http.disconnect"}

            await receiver.AsgiReceiver(None, [KEY])({"type": "http", "headers": []}, receive, None)

        asyncio.run(run())

    def test_a_caller_that_goes_away_does_not_undo_the_work(self):
        async def app(scope, receive, send):
            seen.append(scope["notifyd.notify"].id)
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"ta", "more_body": True})
            await send({"type": "http.response.body", "body": b"ken"})
            ends.append("whole")

        async def lose(gate, after):
            async def receive():
                return {"type": "http.request", "body": b""}

            async def send(message):
                sent.append(message)
                if len(sent) > after:
                    raise BrokenPipeError(32, "Broken pipe")

            pairs = [(name.lower().encode(), value.encode()) for name, value in signed("n1", b"").items()]
            await gate({"type": "http", "headers": pairs}, receive, send)

        for after in range(3):
            for status, times in ((200, 1), (500, 2)):
                seen, ends, sent = [], [], []
                gate = receiver.AsgiReceiver(app, [KEY])
                asyncio.run(lose(gate, after))
                self.assertEqual((self.call(gate, signed("n1", b""), b""), self.answered), (status, b"taken"))
                self.assertEqual((seen, ends, len(sent)), (["n1"] * times, ["whole"] * times, after + 1))

    def test_the_answer_is_noted_before_its_last_part_is_sent(self):
        dedup, claims = receiver.Dedup(), []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await send({"type": "http.response.body"})
            raise RuntimeError("broken behind the answer")

        async def run():
            async def receive():
                return {"type": "http.request", "body": b""}

            async def send(_):
                claims.append(dedup.claim("n1"))

            pairs = [(name.lower().encode(), value.encode()) for name, value in signed("n1", b"").items()]
            await receiver.AsgiReceiver(app, [KEY], dedup=dedup)({"type": "http", "headers": pairs}, receive, send)

        self.assertRaises(RuntimeError, asyncio.run, run())
        self.assertEqual([*claims, dedup.claim("n1")], ["busy", "busy", "done", "done"])

    def test_an_answer_that_is_not_whole_is_none(self):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

        dedup = receiver.Dedup()
        self.call(receiver.AsgiReceiver(app, [KEY], dedup=dedup), signed("n1", b""), b"")
        self.assertEqual(dedup.claim("n1"), "new")

    def test_other_scopes_go_on(self):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope["type"])

        self.call(receiver.AsgiReceiver(app, [KEY]), {}, b"", "lifespan")
        self.assertEqual(seen, ["lifespan"])

    def test_a_store_of_ones_own(self):
        asked = []

        class Store:
            async def claim(self, id):
                asked.append(("claim", id))
                return "done" if len(asked) > 2 else "new"

            async def finish(self, id, answer):
                asked.append(("finish", id))
                self.kept = answer

            async def release(self, id):
                asked.append(("release", id))

            async def answer(self, id):
                asked.append(("answer", id))
                return self.kept

        gate = receiver.AsgiReceiver(self.app([], [201]), [KEY], dedup=Store())
        self.assertEqual([self.call(gate, signed("n1", b"1"), b"1") for _ in range(2)], [201, 201])
        self.assertEqual(asked, [("claim", "n1"), ("finish", "n1"), ("claim", "n1"), ("answer", "n1")])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
