"""The Python client against a real broker, whose place and keys broker.py says in the environment: e2e_test.py"""

import json
import os
import pathlib
import signal
import sys
import threading
import wsgiref.simple_server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "clients" / "python"))

import notifyd  # noqa: E402  (found there)
from notifyd import receiver  # noqa: E402


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


SEEN = []


def work(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    receiver.verify(headers, body, [os.environ["WEBHOOK_KEY"]])
    equal(environ["notifyd.notify"].id, headers["NOTIFY-ID"])
    SEEN.append((environ["PATH_INFO"], json.loads(body) if body else None))
    not_yet = environ["PATH_INFO"] == "/later" and len(at("/later")) < 3
    start_response("500 Fails" if environ["PATH_INFO"] == "/fails" else "202 Not yet" if not_yet else "200 OK", [("Content-Type", "text/plain")])
    return [b"taken"]


def equal(seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{seen!r} instead of {wanted!r}")


def raises(kind, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def at(path):
    return [body for where, body in SEEN if where == path]


def one_and_its_result(client, base):
    accepted = client.submit({"url": base + "/one", "data": {"order": 9007199254740993}, "keep_response_bytes": 100})
    settled = client.wait(accepted["id"])
    equal((settled["state"], settled["data"]), ("succeeded", {"order": 9007199254740993}))
    equal(at("/one"), [{"order": 9007199254740993}])
    equal(client.response(accepted["id"])["body"], "taken")
    waited = client.submit_and_wait({"url": base + "/waited"}, 60000)
    equal((waited["state"], waited["response"]["status"]), ("succeeded", 200))


def one_that_is_not_ready(client, base):
    """Its receiver is asked again until it is (retry.later_on), behind the middleware too."""
    retry = {"schedule_ms": [10], "later_on": {"status": [202]}}
    accepted = client.submit({"url": base + "/later", "data": 1, "retry": retry, "ttl_ms": 86400000})
    equal(client.wait(accepted["id"])["state"], "succeeded")
    equal(at("/later"), [1, 1, 1])


def held_changed_and_triggered(client, base):
    fkey = "order/17 ?#%&世"
    held = client.submit({"url": base + "/held", "data": {"order": 17}, "fkey": fkey})
    equal(raises(notifyd.ConflictError, client.submit, {"url": base, "fkey": fkey}).id, held["id"])
    etag = client.get_fkey(fkey)["etag"]
    equal(raises(notifyd.UnacceptableError, client.change, held["id"], {"lane": "x"}, if_match=etag).field, "/lane")
    equal(client.change(held["id"], {"priority": 9}, if_match=etag)["priority"], 9)
    raises(notifyd.PreconditionFailedError, client.change, held["id"], {"priority": 1}, if_match=etag)
    client.trigger(fkey, data={"paid": True})
    equal(client.wait(held["id"])["state"], "succeeded")
    equal(at("/held"), [{"order": 17, "paid": True}])
    raises(notifyd.NotFoundError, client.trigger, "never")


def many(client, base):
    equal(len(client.submit_batch([{"url": base}, {"url": base}])), 2)

    def notifies():
        for i in range(2500):
            yield {"url": "ftp://x"} if i == 1234 else {"url": base, "data": {"i": i}, "delay_ms": 86400000, "lane": "stream"}

    lines = list(client.submit_stream(notifies()))
    equal([line["index"] for line in lines], list(range(2500)))
    equal([(line["index"], line["error"]["field"]) for line in lines if "error" in line], [(1234, "/url")])
    equal(sum(1 for _ in client.list(lane="stream", state=["scheduled"], limit=1000)), 2499)
    equal(client.cancel_matching({"state": "scheduled", "lane": "stream"}, limit=1000), {"count": 2499})


def cancelled_and_retried(client, base):
    later = client.submit({"url": base, "delay_ms": 86400000})
    equal(client.explain(later["id"])["reasons"][0]["code"], "not_due")
    equal(client.cancel(later["id"])["state"], "cancelled")
    raises(notifyd.ConflictError, client.cancel, later["id"])
    failing = client.submit({"url": base + "/fails", "retry": {"max_attempts": 1}})
    equal(client.wait(failing["id"])["state"], "failed")
    equal(client.retry(failing["id"])["id"], failing["id"])
    equal(client.wait(failing["id"])["attempts_made"], 2)
    equal(client.retry_matching({"state": "failed"}, dry_run=True), {"count": 1})
    equal(client.purge_matching({"state": "failed"}), {"count": 1})


def lanes(client):
    lane = "https://example.com/a?b#c d"
    equal(client.pause_lane("fifo", lane)["paused"], True)
    equal(client.lane("fifo", lane)["paused"], True)
    equal([one["name"] for one in client.lanes(prefix="https://example")], [lane])
    equal(client.resume_lane("fifo", lane)["paused"], False)


def topics_and_groups(client, base):
    client.request("PUT", "/v1/subscriptions/all", json={"topic": "order.#", "url": base + "/event"})
    equal(client.publish("order.created", {"data": {"id": 1}})["matched"], 1)
    equal([one["matched"] for one in client.publish_batch([{"topic": "order.paid", "data": 2}, {"topic": "mail", "data": 3}])], [1, 0])
    group = client.make_group({"notifies": [{"url": base}, {"url": base}], "sequential": True}, wait_ms=60000)
    equal((group["state"], group["counts"]["succeeded"]), ("settled", 2))
    equal(client.group(group["id"], wait_ms=1000)["state"], "settled")
    equal([one["id"] for one in client.groups()], [group["id"]])
    equal(client.request("GET", "/v1/stats")["totals"]["accepted"] > 0, True)


def a_connection_that_was_closed_meanwhile(client, base):
    """One that the other side closed while it was idle is not used, not even for what cannot be repeated."""
    later = client.submit({"url": base, "delay_ms": 86400000})
    kept = client._transport._kept[-1].connection  # pylint: disable=protected-access
    kept.sock.shutdown(2)
    equal(client.cancel(later["id"])["state"], "cancelled")


def a_restart_in_the_middle(client, base):
    """The broker restarts in place while a stream is sent: each line is answered, and taken once."""
    count = 20000
    before = client.request("GET", "/v1/stats")["totals"]["accepted"]

    def notifies():
        for i in range(count):
            if i == count // 2:
                os.kill(int(os.environ["NOTIFYD_PID"]), signal.SIGUSR1)
            yield {"url": base, "delay_ms": 86400000, "lane": "restart"}

    lines = list(client.submit_stream(notifies()))
    equal([line["index"] for line in lines], list(range(count)))
    equal([line for line in lines if "error" in line], [])
    equal(client.request("GET", "/v1/stats")["totals"]["accepted"] - before, count)


def a_restart_while_one_waits(client, base):
    """The broker restarts in place while it is asked to wait: the client goes on waiting."""
    later = client.submit({"url": base, "delay_ms": 3000})
    waits = (
        lambda: client.wait(later["id"]),
        lambda: client.submit_and_wait({"url": base, "delay_ms": 3000}, 60000),
        lambda: client.make_group({"notifies": [{"url": base, "delay_ms": 3000}]}, wait_ms=60000),
    )
    for wait, ends in zip(waits, ("succeeded", "succeeded", "settled")):
        restart = threading.Timer(0.5, os.kill, (int(os.environ["NOTIFYD_PID"]), signal.SIGUSR1))
        restart.start()
        equal(wait()["state"], ends)
        restart.join()


def a_fork(client):
    """A child does not use its parent's connections."""
    seen = client.request("GET", "/v1/stats")["pid"]
    child = os.fork()
    if child == 0:
        os._exit(0 if client.request("GET", "/v1/stats")["pid"] == seen and len(client._transport._kept) == 1 else 1)
    equal(os.waitpid(child, 0)[1], 0)
    equal(client.request("GET", "/v1/stats")["pid"], seen)


def main():
    app = receiver.WsgiReceiver(work, [os.environ["WEBHOOK_PUBLIC_KEY"]])
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, app, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    with notifyd.Client() as client:
        one_and_its_result(client, base)
        one_that_is_not_ready(client, base)
        held_changed_and_triggered(client, base)
        many(client, base)
        cancelled_and_retried(client, base)
        lanes(client)
        topics_and_groups(client, base)
        a_connection_that_was_closed_meanwhile(client, base)
        a_restart_in_the_middle(client, base)
        a_restart_while_one_waits(client, base)
        a_fork(client)
    raises(notifyd.UnauthorizedError, notifyd.Client(token="ntf_wrong_wrong").get, "n000000000000001f")
    server.shutdown()
    server.server_close()
    raises(notifyd.ConnectionLostError, notifyd.Client(base, attempts=1).get, "n000000000000001f")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
