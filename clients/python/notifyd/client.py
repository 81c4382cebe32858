"""The client of a notifyd broker: its calls. What each sends and what is tried again stands in clients/cases.md."""

import os
import secrets
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, TypedDict, Union, cast

from . import types as api
from .errors import BadAnswerError, ConnectionLostError, NotifydError, refusal
from .transport import MOST_WAIT_MS, Answer, Call, Options, Transport, checked_target, from_json, header_value, problem_of, segment, to_json

SETTLED = ("succeeded", "failed", "cancelled", "expired")
# A request of a stream ends once its body is so long.
MOST_STREAM_BYTES = 1 << 20
PATCH = "application/merge-patch+json"


class VersionedNotify(api.NotifyView, total=False):
    """A notify with its version, for if_match."""

    etag: str


class Count(TypedDict):
    """How many it was done to."""

    count: int


def _given(**values: Any) -> Dict[str, Any]:
    """Leaves out what is None."""
    return {name: value for name, value in values.items() if value is not None}


def _condition(if_match: Optional[str]) -> Dict[str, str]:
    """The headers that make a call of what an etag says alone."""
    return {} if if_match is None else {"If-Match": header_value(if_match, "if_match")}


def _is_over(taken: Mapping[str, Any]) -> bool:
    """Is this the end of what a submit waits for? One that was held before, and kept, may be another one by the next time."""
    return taken.get("state") in SETTLED or taken.get("state") == "removed" or taken.get("kept") is True


def _has_key(body: Mapping[str, Any]) -> bool:
    return body.get("idempotency_key") is not None


class Client:
    """The broker at url, which NOTIFYD_URL, NOTIFYD_TOKEN and NOTIFYD_NAMESPACE say where the arguments do not.

    options: timeout_ms, attempts, initial_wait_ms, max_wait_ms, max_retry_after_ms, idempotency_keys, lines_per_request, sleep, ssl_context
    (transport.Options). Every call raises NotifydError, or ValueError or TypeError where its arguments cannot be sent. May be used by several
    threads.
    """

    def __init__(self, url: Optional[str] = None, *, token: Optional[str] = None, namespace: Optional[str] = None, **options: Any) -> None:
        self._options = Options(**options)
        self._transport = Transport(
            url or os.environ.get("NOTIFYD_URL") or "http://127.0.0.1:7300",
            token or os.environ.get("NOTIFYD_TOKEN") or None,
            namespace or os.environ.get("NOTIFYD_NAMESPACE") or None,
            self._options,
        )

    def close(self) -> None:
        """Closes the connections that are kept. The client may be used on."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def submit(self, notify: api.Notify) -> api.Accepted:
        """Submits a notify; it is on disk once this returns."""
        body = self._keyed(notify)
        return cast(api.Accepted, self._taken("/notifies", body=to_json(body), safe=_has_key(body)))

    def submit_and_wait(self, notify: api.Notify, wait_ms: int) -> Union[api.WaitedView, api.Accepted]:
        """Submits one and waits until it is settled, wait_ms (60000 at most) at most: the settled notify and its response, or what submit gives."""
        return cast(Union[api.WaitedView, api.Accepted], self._taken_and_waited("/notifies", self._keyed(notify), wait_ms, _is_over))

    def submit_batch(self, notifies: Sequence[api.Notify]) -> List[api.Accepted]:
        """Submits up to 10,000, all or none, in order."""
        return cast(List[api.Accepted], self._many("/notifies", notifies))

    def submit_stream(self, notifies: Iterable[api.Notify]) -> Iterator[api.BulkLine]:
        """Submits any number, each taken or refused by itself, and yields a line for each, in order. Holds one request's worth in memory."""
        first = 0
        for lines in self._pieces(notifies):
            yield from self._send_lines(lines, first)
            first += len(lines)

    def trigger(
        self,
        fkey: str,
        *,
        data: Optional[Mapping[str, Any]] = None,
        delay_ms: Optional[int] = None,
        due_at: Any = None,
        remember_ms: Optional[int] = None,
    ) -> Union[api.IdAndState, api.Remembered]:
        """Makes the notify that is held under the fkey due, its data merged with this."""
        fields = _given(data=data, delay_ms=delay_ms, due_at=due_at)
        body = to_json(fields) if fields else None
        answer = self._json("POST", f"/fkeys/{segment(fkey)}/trigger", query={"remember_ms": remember_ms}, body=body, safe=True)
        return cast(Union[api.IdAndState, api.Remembered], answer)

    def get_fkey(self, fkey: str) -> Union[VersionedNotify, api.RememberedTrigger]:
        """Gives the notify that is held under the fkey or was triggered by it, or the trigger that waits for one."""
        return cast(Union[VersionedNotify, api.RememberedTrigger], self._with_etag("GET", f"/fkeys/{segment(fkey)}", safe=True))

    def cancel_fkey(self, fkey: str) -> Union[api.NotifyView, api.Withdrawn]:
        """Cancels what is held under the fkey."""
        return cast(Union[api.NotifyView, api.Withdrawn], self._json("DELETE", f"/fkeys/{segment(fkey)}"))

    def get(self, id: str) -> VersionedNotify:
        """Gives a notify, with its attempts and its etag."""
        return cast(VersionedNotify, self._with_etag("GET", f"/notifies/{segment(id)}", safe=True))

    def wait(self, id: str, wait_ms: int = MOST_WAIT_MS) -> VersionedNotify:
        """Waits until it is settled, wait_ms at most, and gives what it is then."""
        return cast(VersionedNotify, self._waited(f"/notifies/{segment(id)}", wait_ms, lambda seen: seen.get("state") in SETTLED))

    def response(self, id: str) -> api.KeptResponse:
        """Gives what is kept of the receiver's answer (keep_response_bytes)."""
        return cast(api.KeptResponse, self._json("GET", f"/notifies/{segment(id)}/response", safe=True))

    def explain(self, id: str) -> api.Explained:
        """Says why it is where it is."""
        return cast(api.Explained, self._json("GET", f"/notifies/{segment(id)}/explain", safe=True))

    def list(self, **filters: Any) -> Iterator[api.ListedNotify]:
        """Iterates over all that match, page by page. filters: those of the API; state and label may be lists."""
        state = filters.get("state")
        if isinstance(state, (list, tuple)):
            filters["state"] = ",".join(state)
        return cast(Iterator[api.ListedNotify], self._paged("/notifies", filters))

    def change(self, id: str, patch: api.NotifyPatch, *, if_match: Optional[str] = None) -> VersionedNotify:
        """Changes one that is neither settled nor in flight; None in the patch restores a default. With if_match (an etag) only what it was then."""
        more = {"body": to_json(patch), "type": PATCH, "headers": _condition(if_match), "safe": if_match is None}
        answer = self._with_etag("PATCH", f"/notifies/{segment(id)}", **more)
        return cast(VersionedNotify, answer)

    def cancel(self, id: str, *, if_match: Optional[str] = None) -> api.NotifyView:
        """Cancels one that is not settled; if_match as of change()."""
        return cast(api.NotifyView, self._json("DELETE", f"/notifies/{segment(id)}", headers=_condition(if_match)))

    def retry(self, id: str, *, paused: Optional[bool] = None, if_match: Optional[str] = None) -> api.IdAndState:
        """Sends it again, now; with paused also where its lane is paused; if_match as of change()."""
        return cast(api.IdAndState, self._json("POST", f"/notifies/{segment(id)}/retry", query={"paused": paused}, headers=_condition(if_match)))

    def retry_matching(self, filter: api.Filter, *, limit: Optional[int] = None, dry_run: Optional[bool] = None) -> Count:
        """Sends all that match again; limit: how many one request does, dry_run: only counts."""
        return self._matching("retry", filter, limit, dry_run)

    def cancel_matching(self, filter: api.Filter, *, limit: Optional[int] = None, dry_run: Optional[bool] = None) -> Count:
        """Cancels all that match."""
        return self._matching("cancel", filter, limit, dry_run)

    def purge_matching(self, filter: api.Filter, *, limit: Optional[int] = None, dry_run: Optional[bool] = None) -> Count:
        """Removes all settled ones that match."""
        return self._matching("purge", filter, limit, dry_run)

    def lanes(self, *, prefix: Optional[str] = None, limit: Optional[int] = None) -> Iterator[api.Lane]:
        """Iterates over the lanes that have pending notifies or settings, by name."""
        return cast(Iterator[api.Lane], self._paged("/lanes", {"prefix": prefix, "limit": limit}))

    def lane(self, mode: str, name: str) -> api.Lane:
        """Gives one lane."""
        return cast(api.Lane, self._json("GET", f"/lanes/{segment(mode)}/{segment(name)}", safe=True))

    def change_lane(self, mode: str, name: str, patch: api.LanePatch) -> api.Lane:
        """Changes how a lane sends."""
        return cast(api.Lane, self._json("PATCH", f"/lanes/{segment(mode)}/{segment(name)}", body=to_json(patch), type=PATCH, safe=True))

    def pause_lane(self, mode: str, name: str) -> api.Lane:
        """Pauses a lane: what is in it waits."""
        return self.change_lane(mode, name, {"paused": True})

    def resume_lane(self, mode: str, name: str) -> api.Lane:
        """Lets a lane send again."""
        return self.change_lane(mode, name, {"paused": False})

    def publish(self, topic: str, event: api.NewEvent) -> api.PublishedEvent:
        """Publishes an event to a topic."""
        body = self._keyed(event)
        return cast(api.PublishedEvent, self._taken(f"/topics/{segment(topic)}/publish", body=to_json(body), safe=_has_key(body)))

    def publish_batch(self, events: Sequence[api.NewTopicEvent]) -> List[api.PublishedEvent]:
        """Publishes several, each to the topic that it names, all or none."""
        return cast(List[api.PublishedEvent], self._many("/publish", events))

    def make_group(self, group: api.NewGroup, *, wait_ms: Optional[int] = None) -> api.Group:
        """Submits a group of notifies, all or none; waits until all are settled, wait_ms at most."""
        return cast(api.Group, self._taken_and_waited("/groups", self._keyed(group), wait_ms, lambda seen: seen.get("state") != "pending"))

    def group(self, id: str, *, wait_ms: Optional[int] = None) -> api.Group:
        """Gives a group; waits until all of it is settled, wait_ms at most."""
        path = f"/groups/{segment(id)}"
        if wait_ms is None:
            return cast(api.Group, self._json("GET", path, safe=True))
        return cast(api.Group, self._waited(path, wait_ms, lambda seen: seen.get("state") != "pending"))

    def groups(self, *, limit: Optional[int] = None) -> Iterator[api.GroupRow]:
        """Iterates over the groups, newest first."""
        return cast(Iterator[api.GroupRow], self._paged("/groups", {"limit": limit}))

    def cancel_group(self, id: str) -> api.Group:
        """Cancels those of its notifies that wait."""
        return cast(api.Group, self._json("DELETE", f"/groups/{segment(id)}"))

    def request(self, method: str, path: str, *, query: Optional[Mapping[str, Any]] = None, json: Any = None) -> Any:
        """Whatever has no call of its own; the path, percent-encoded, begins with /v1/. None where the answer has no body."""
        checked_target(method, path)
        body = None if json is None else to_json(json)
        more: Dict[str, Any] = {"type": PATCH} if method == "PATCH" else {}
        return self._json(method, path[len("/v1"):], query=query or {}, body=body, safe=method in ("GET", "HEAD", "PUT"), bare=True, **more)

    def _json(self, method: str, path: str, **more: Any) -> Any:
        return self._transport.json(Call(method, path, **more))

    def _taken(self, path: str, **more: Any) -> Any:
        """As _json, of what the broker takes: its answer has an id. Whatever answers without one took nothing."""
        return _with(self._json("POST", path, **more), "id", str)

    def _taken_and_waited(self, path: str, body: Mapping[str, Any], wait_ms: Optional[int], over: Callable[[Dict[str, Any]], bool]) -> Dict[str, Any]:
        """As _taken, once over() holds of the answer, or wait_ms have passed.

        A broker that stops or restarts answers earlier: what has a key is asked again. By then it was taken, which is told whatever comes of that.
        """
        left, early, text, safe = wait_ms, 0, to_json(body), _has_key(body)
        end = time.monotonic() * 1000 + (wait_ms or 0)
        taken: Dict[str, Any] = self._taken(path, query={"wait_ms": left}, wait_ms=left or 0, body=text, safe=safe)
        while safe and left and not over(taken):
            early += 1
            rest = end - time.monotonic() * 1000
            if rest > 0:
                self._options.sleep(min(self._transport.wait_after(early), rest))
            left = int(end - time.monotonic() * 1000)
            if left < 1:
                break
            try:
                taken = self._taken(path, query={"wait_ms": left}, wait_ms=left, body=text, safe=safe)
            except NotifydError:
                break
        return taken

    def _with_etag(self, method: str, path: str, **more: Any) -> Dict[str, Any]:
        return self._seen(self._transport.answer(Call(method, path, **more)))

    def _seen(self, answer: Answer) -> Dict[str, Any]:
        seen: Dict[str, Any] = self._transport.object_of(answer)
        etag = answer.headers.get("ETag")
        return seen if etag is None else {**seen, "etag": etag}

    def _many(self, path: str, bodies: Sequence[Mapping[str, Any]]) -> List[Any]:
        keyed = [self._keyed(body) for body in bodies]
        answer = self._json("POST", path, body=to_json(keyed), safe=all(map(_has_key, keyed)))
        items = cast(List[Any], _with(answer, "items", list)["items"])
        if len(items) != len(keyed) or not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in items):
            raise BadAnswerError("the answer has not an id for each")
        return items

    def _keyed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Gives what has no idempotency key one, so that it can be sent again."""
        if not self._options.idempotency_keys or _has_key(body):
            return body
        return {**body, "idempotency_key": secrets.token_urlsafe(18)}

    def _waited(self, path: str, wait_ms: int, over: Callable[[Dict[str, Any]], bool]) -> Dict[str, Any]:
        """Waits in slices until over() holds of what is there, or wait_ms have passed.

        A broker that stops or restarts answers earlier: it is asked again.
        """
        end = time.monotonic() * 1000 + wait_ms
        left, failed, early = wait_ms, 0, 0
        while True:
            wait = min(left, MOST_WAIT_MS)
            slice_end = time.monotonic() * 1000 + wait
            answer = self._transport.once(Call("GET", path, query={"wait_ms": wait}, wait_ms=wait))
            if answer.error is None:
                failed, seen = 0, self._seen(answer)
                now = time.monotonic() * 1000
                if over(seen) or now >= end:
                    return seen
                early = early + 1 if now < slice_end else 0
                if early:
                    self._options.sleep(min(self._transport.wait_after(early), end - now))
            else:
                failed += 1
                if failed >= self._options.attempts or not self._transport.again(answer.error, True):
                    raise answer.error
                self._transport.pause(failed, answer.error)
            left = max(0, int(end - time.monotonic() * 1000))

    def _paged(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: Optional[str] = query.get("cursor")
        while True:
            page = _with(self._json("GET", path, query={**query, "cursor": cursor}, safe=True), "items", list)
            yield from page["items"]
            cursor = page.get("next")
            if cursor is None:
                return

    def _matching(self, what: str, filter: api.Filter, limit: Optional[int], dry_run: Optional[bool]) -> Count:
        count, cursor = 0, None
        while True:
            body = _given(filter=filter, limit=limit, dry_run=dry_run, cursor=cursor)
            done = _with(self._json("POST", f"/notifies/{what}", body=to_json(body)), "count", int)
            count += done["count"]
            cursor = done.get("next")
            if cursor is None:
                return {"count": count}

    def _pieces(self, notifies: Iterable[Mapping[str, Any]]) -> Iterator[List[Tuple[bytes, bool]]]:
        """Cuts a stream into the lines of one request each, and whether each is safe to repeat. Where the source fails, or gives what cannot be sent,
        that is raised behind the lines before it."""
        lines: List[Tuple[bytes, bool]] = []
        size = 0
        failure: Optional[Exception] = None
        try:
            for notify in notifies:
                body = self._keyed(notify)
                lines.append((to_json(body) + b"\n", _has_key(body)))
                size += len(lines[-1][0])
                if len(lines) >= self._options.lines_per_request or size >= MOST_STREAM_BYTES:
                    yield lines
                    lines, size = [], 0
        except Exception as error:
            failure = error
        if lines:
            yield lines
        if failure is not None:
            raise failure

    def _send_lines(self, lines: List[Tuple[bytes, bool]], first: int) -> Iterator[api.BulkLine]:
        """Sends lines until each has its answer, and yields those; first: the index of the first one."""
        failed = done = 0
        while True:
            rest = lines[done:]
            answer = self._transport.once(Call("POST", "/notifies", body=b"".join(text for text, _ in rest), type="application/x-ndjson"))
            answered: List[Dict[str, Any]] = []
            if answer.status is not None and answer.status // 100 == 2:
                answered, ended = _whole_lines(answer, len(rest))
                answer.error = ended or answer.error
            for line in answered:
                yield cast(api.BulkLine, {**line, "index": first + done + line["index"]})
            done += len(answered)
            if done == len(lines) and not isinstance(answer.error, BadAnswerError):
                return
            error = answer.error or ConnectionLostError(f"the answer ended after {len(answered)} lines")
            failed = 1 if answered else failed + 1
            if failed >= self._options.attempts or not self._transport.again(error, all(safe for _, safe in lines[done:])):
                raise error
            self._transport.pause(failed, error)


def _with(answer: Dict[str, Any], name: str, kind: type) -> Dict[str, Any]:
    """Gives an answer that has such a member. Raises BadAnswerError where it has none."""
    if not isinstance(answer.get(name), kind):
        raise BadAnswerError(f"the answer has no {name}")
    return answer


def _whole_lines(answer: Answer, asked: int) -> Tuple[List[Dict[str, Any]], Optional[NotifydError]]:
    """Reads the lines of a stream's answer that are about a line of the request, up to the last line end; and what the next one says or lacks."""
    lines: List[Dict[str, Any]] = []
    for text in answer.body.split(b"\n")[:-1]:
        try:
            line = from_json(text)
        except ValueError as error:
            wrong = BadAnswerError("a line of the answer is not JSON", status=answer.status)
            wrong.__cause__ = error
            return lines, wrong
        # A problem, the last one of an answer that the broker ended: those behind were not taken, or that is not known.
        if isinstance(line, dict) and "index" not in line and isinstance(line.get("type"), str):
            status = line.get("status", 503 if "next_index" in line else 504)
            return lines, refusal(status, problem_of(text), None)
        told = isinstance(line, dict) and (isinstance(line.get("id"), str) or isinstance(line.get("error"), dict))
        if not told or line.get("index") != len(lines) or len(lines) == asked:
            return lines, BadAnswerError("a line of the answer is not the next one", status=answer.status)
        lines.append(line)
    return lines, None
