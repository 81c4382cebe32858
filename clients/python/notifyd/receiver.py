"""For programs that a notifyd calls: is the call signed by the broker (Standard Webhooks), and was its work done already?"""

import base64
import binascii
import collections
import dataclasses
import hashlib
import hmac
import http.client
import inspect
import io
import re
import threading
import time
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Mapping, Optional, OrderedDict, Protocol, Sequence, Tuple, Union, cast

Signature = Callable[[str], bool]
Judge = Callable[[bytes], Signature]


class VerifyError(Exception):
    """A call does not verify; reason is missing_header, bad_timestamp, too_old, too_new or no_match."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the call does not verify: {reason}")
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class Verified:
    """What the signature covers: the id, which is Notify-Id, and when the attempt began, seconds since the epoch."""

    id: str
    timestamp_s: int


@dataclasses.dataclass(frozen=True)
class Notify(Verified):
    """A call that verifies and is new; attempt: the number of this attempt."""

    attempt: int


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hmac_judge(secret: bytes) -> Judge:
    def judge(content: bytes) -> Signature:
        wanted = b"v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest())
        return lambda signature: hmac.compare_digest(wanted, signature.encode("utf-8", "replace"))

    return judge


def _ed25519_judge(public_key: bytes) -> Judge:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise ImportError("a whpk_ key needs the package cryptography: pip install 'notifyd[ed25519]'") from error
    key = Ed25519PublicKey.from_public_bytes(public_key)

    def matches(content: bytes, signature: str) -> bool:
        given = _from_base64(signature[len("v1a,"):]) if signature.startswith("v1a,") else b""
        try:
            key.verify(given, content)
            return True
        except InvalidSignature:
            return False

    return lambda content: lambda signature: matches(content, signature)


def _judge_of(key: str) -> Judge:
    """Reads the text of a key; gives what judges one signature. Raises ValueError where it is no key."""
    kind, _, text = key.partition("_")
    content = _from_base64(text)
    if kind == "whsec" and content:
        return _hmac_judge(content)
    if kind == "whpk" and len(content) == 32:
        return _ed25519_judge(content)
    raise ValueError("a key is whsec_ or whpk_ and Base64")


def _judges_of(keys: Sequence[str]) -> List[Judge]:
    if isinstance(keys, str) or not keys:
        raise ValueError("a list of one key at least is needed to verify with")
    return [_judge_of(key) for key in keys]


def _header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header, whatever its case; empty where there is none or more than one."""
    values = [value for key, value in headers.items() if key.lower() == name]
    return values[0] if len(values) == 1 else ""


def _verified(headers: Mapping[str, str], body: bytes, judges: Sequence[Judge], tolerance_s: float, now_s: Optional[float]) -> Verified:
    id, timestamp, signatures = (_header(headers, "webhook-" + name) for name in ("id", "timestamp", "signature"))
    if not id or not timestamp or not signatures:
        raise VerifyError("missing_header")
    if not re.fullmatch(r"[0-9]{1,15}", timestamp):
        raise VerifyError("bad_timestamp")
    age = int(time.time() if now_s is None else now_s) - int(timestamp)
    if age > tolerance_s:
        raise VerifyError("too_old")
    if age < -tolerance_s:
        raise VerifyError("too_new")
    # What is signed is id.time.body: with a dot in the id it could be read in two ways. Notifyd's have none.
    if "." in id:
        raise VerifyError("no_match")
    matching = [judge(f"{id}.{timestamp}.".encode("utf-8", "replace") + body) for judge in judges]
    if not any(matches(signature) for signature in signatures.split(" ") for matches in matching):
        raise VerifyError("no_match")
    return Verified(id, int(timestamp))


def verify(
    headers: Mapping[str, str], body: Union[bytes, str], keys: Sequence[str], *, tolerance_s: float = 300, now_s: Optional[float] = None
) -> Verified:
    """Checks a call by its headers and its raw body.

    keys: whsec_... or whpk_..., one of which must have signed it. tolerance_s: how far its timestamp may be from now, both ways. Raises
    VerifyError, ValueError for a key that is none, and ImportError for a whpk_ key without the package cryptography.
    """
    return _verified(headers, body.encode() if isinstance(body, str) else body, _judges_of(keys), tolerance_s, now_s)


class DedupStore(Protocol):
    """Where receivers remember what they have done. A store of one's own may stand in for Dedup; for AsgiReceiver its methods may be async."""

    def claim(self, id: str) -> Any:
        """Takes a call on: "new" where its work is to be done, "busy" where somebody is at it, "done" where it was done."""

    def finish(self, id: str, answer: bytes) -> Any:
        """Its work is done, and was answered so: some 4 KiB at most, which only whoever gave them reads."""

    def release(self, id: str) -> Any:
        """It is not done; the next attempt does the work."""

    def answer(self, id: str) -> Any:
        """The answer that came with finish; b"" where it is not kept."""


class Dedup:
    """Remembers in memory: at most capacity ids, the oldest goes first, each for ttl_ms; of their answers answer_bytes in all, the latest ones.

    May be used by several threads.
    """

    def __init__(
        self,
        capacity: int = 100000,
        ttl_ms: float = 86400000,
        now_ms: Callable[[], float] = lambda: time.monotonic() * 1000,
        answer_bytes: int = 16 << 20,
    ) -> None:
        self._capacity, self._ttl_ms, self._now_ms, self._room = capacity, ttl_ms, now_ms, answer_bytes
        self._known: OrderedDict[str, Tuple[str, float]] = collections.OrderedDict()
        self._answers: OrderedDict[str, bytes] = collections.OrderedDict()
        self._lock = threading.Lock()

    def claim(self, id: str) -> str:
        """As DedupStore says."""
        with self._lock:
            state, until = self._known.get(id, ("", 0))
            if state and self._now_ms() < until:
                return state
            self._remember(id, "busy")
            return "new"

    def finish(self, id: str, answer: bytes = b"") -> None:
        """As DedupStore says."""
        with self._lock:
            self._remember(id, "done")
            if answer:
                self._answers[id] = answer
                self._room -= len(answer)
            # An id stays where its answer goes: that work is done twice would be worse than that its repeat is answered otherwise.
            while self._room < 0:
                self._room += len(self._answers.popitem(last=False)[1])

    def release(self, id: str) -> None:
        """As DedupStore says."""
        with self._lock:
            # Where its time was over another one may have done it meanwhile.
            if self._known.get(id, ("", 0))[0] == "busy":
                self._forget(id)

    def answer(self, id: str) -> bytes:
        """As DedupStore says."""
        with self._lock:
            return self._answers.get(id, b"")

    def _remember(self, id: str, state: str) -> None:
        self._forget(id)
        self._known[id] = (state, self._now_ms() + self._ttl_ms)
        if len(self._known) > self._capacity:
            self._forget(next(iter(self._known)))

    def _forget(self, id: str) -> None:
        self._known.pop(id, None)
        self._room += len(self._answers.pop(id, b""))


# What is kept of the body of an answer, for repeats.
MOST_KEPT_BYTES = 4096
Done = Callable[[int, bytes], bool]


def is_done(status: int, body: bytes) -> bool:
    """What counts as done, unless a receiver says otherwise: 2xx, but for 202, with which a receiver says that it is not ready (retry.later_on)."""
    return 200 <= status < 300 and status != 202


class _Given:
    """The answer that an application gives: its status, and the beginning of its body."""

    def __init__(self) -> None:
        self.status, self.body = 0, b""

    def add(self, piece: bytes) -> None:
        self.body += piece[: MOST_KEPT_BYTES - len(self.body)]


class _Gate:
    """What both middlewares know: whom they trust, what was done, how much they read."""

    def __init__(self, keys: Sequence[str], dedup: Optional[DedupStore], tolerance_s: float, max_bytes: int, done: Done, scope: str) -> None:
        self.judges, self.tolerance_s, self.max_bytes, self.done, self.scope = _judges_of(keys), tolerance_s, max_bytes, done, scope
        self.dedup: DedupStore = Dedup() if dedup is None else dedup

    def verified(self, headers: Mapping[str, str], body: bytes) -> Notify:
        """The call, by its signed id: Notify-Id beside it is not covered by the signature. Raises VerifyError."""
        call = _verified(headers, body, self.judges, self.tolerance_s, None)
        attempt = _header(headers, "notify-attempt")
        return Notify(call.id, call.timestamp_s, int(attempt) if re.fullmatch("[0-9]{1,9}", attempt) else 1)

    def claim(self, id: str) -> Any:
        """As DedupStore says, and so the others."""
        return self.dedup.claim(self.scope + id)

    def answer(self, id: str) -> Any:
        return self.dedup.answer(self.scope + id)

    def ended(self, id: str, given: Optional[_Given]) -> Any:
        """Says to the store that a call was done and answered so; None: that it was not done."""
        id = self.scope + id
        return self.dedup.release(id) if given is None else self.dedup.finish(id, b"%d\n%s" % (given.status, given.body))


_Pairs = List[Tuple[str, str]]
_BUSY: Tuple[int, _Pairs, bytes] = (503, [("Retry-After", "1")], b"")


def _repeated(answer: bytes) -> Tuple[int, _Pairs, bytes]:
    """What a repeat of what was done is answered with: as the first one was, 200 where that is not kept."""
    status, _, body = answer.partition(b"\n")
    return int(status or 200), [], body


def _with_length(headers: Sequence[Tuple[str, str]], status: int, body: bytes) -> _Pairs:
    """The headers of an answer, those of its body too; a 204 has none."""
    return [*headers] if status == 204 else [*headers, ("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]


def _told(error: VerifyError) -> bytes:
    """What the broker records of a 401: which key, clock or proxy to look at."""
    return f"notifyd: {error}\n".encode()


class _Receiver:
    """An application, and what judges the calls before it. scope: stands before each id in the store, which receivers of several brokers share."""

    def __init__(
        self,
        app: Callable[..., Any],
        keys: Sequence[str],
        *,
        dedup: Optional[DedupStore] = None,
        tolerance_s: float = 300,
        max_bytes: int = 4 << 20,
        done: Done = is_done,
        scope: str = "",
    ) -> None:
        self._app, self._gate = app, _Gate(keys, dedup, tolerance_s, max_bytes, done, scope)


class WsgiReceiver(_Receiver):
    """A WSGI application before another one, which is called with signed and new calls alone, and finds the call in environ["notifyd.notify"].

    What does not verify gets 401 with the reason, a repeat of what was done what that was answered (its status and the first 4,096 bytes), one of
    what is under way 503. The call is done once the application has given its whole answer, and that is a 2xx other than 202, or else what done says
    of its status and its first 4,096 bytes; it is then sent. Of a caller that goes away before that the application is told nothing by what it sends:
    its work counts all the same. A body above max_bytes gets 413.
    """

    def __call__(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def answer(status: int, headers: Sequence[Tuple[str, str]] = (), body: bytes = b"") -> Iterable[bytes]:
            start_response(f"{status} {http.client.responses.get(status, '')}", _with_length(headers, status, body))
            return [body]

        length = environ.get("CONTENT_LENGTH") or ""
        # Servers pass on what came: a number below zero would read without end.
        if not re.fullmatch("[0-9]*", length):
            return answer(400)
        body = self._body(environ, length)
        if body is None:
            return answer(413)
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        try:
            notify = self._gate.verified(headers, body)
        except VerifyError as error:
            return answer(401, body=_told(error))
        claimed = self._gate.claim(notify.id)
        if claimed != "new":
            return answer(*(_BUSY if claimed == "busy" else _repeated(self._gate.answer(notify.id))))
        environ.update({"notifyd.notify": notify, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        return self._work(notify, environ, start_response)

    def _body(self, environ: Dict[str, Any], length: str) -> Optional[bytes]:
        most = self._gate.max_bytes
        if length:
            # Of a length above that nothing is read; int() takes no more than 4,300 digits.
            if len(length.lstrip("0")) > 18 or int(length) > most:
                return None
            body = environ["wsgi.input"].read(int(length))
        else:
            # Without a length only a server that ends the input by itself can be read from.
            body = environ["wsgi.input"].read(most + 1) if environ.get("wsgi.input_terminated") else b""
        return cast(bytes, body) if len(body) <= most else None

    def _work(self, notify: Notify, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given, gone = _Given(), False

        def start(status: str, headers: Any, *error: Any) -> Callable[[bytes], Any]:
            given.status = int(status[:3])
            write = start_response(status, headers, *error)

            def written(piece: bytes) -> Any:
                nonlocal gone
                given.add(piece)
                try:
                    return None if gone else write(piece)
                except OSError:
                    # The caller went away. The work goes on all the same: what is done must not be done again for that.
                    gone = True

            return written

        done = False
        try:
            answer = self._app(environ, start)
            try:
                pieces = list(answer)
            finally:
                getattr(answer, "close", lambda: None)()
            for piece in pieces:
                given.add(piece)
            done = self._gate.done(given.status, given.body)
            return pieces
        finally:
            self._gate.ended(notify.id, given if done else None)


# The messages that the body of an answer goes in; the last of them says of no more.
_BODIES = ("http.response.body", "http.response.zerocopysend", "http.response.pathsend")
Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiReceiver(_Receiver):
    """The same for ASGI: the application finds the call in scope["notifyd.notify"]. What is not HTTP goes to it as it is.

    The answer is whole with its last part, which is sent once that is noted; what the application does behind it counts no more.
    """

    async def __call__(self, scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pieces, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self._gate.max_bytes:
                return await self._answer(send, 413)
            if not message.get("more_body", False):
                break
        body = b"".join(pieces)
        headers: Dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1")
            # Two of a name make none: which one counts would be a guess.
            headers[key] = "" if key in headers else value.decode("latin-1")
        try:
            notify = self._gate.verified(headers, body)
        except VerifyError as error:
            return await self._answer(send, 401, body=_told(error))
        claimed = await self._said(self._gate.claim(notify.id))
        if claimed != "new":
            return await self._answer(send, *(_BUSY if claimed == "busy" else _repeated(await self._said(self._gate.answer(notify.id)))))
        await self._work(notify, {**scope, "notifyd.notify": notify}, body, receive, send)

    async def _work(self, notify: Notify, scope: Dict[str, Any], body: bytes, receive: Receive, send: Send) -> None:
        read = gone = ended = False
        given = _Given()

        async def again() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def end(done: bool) -> None:
            nonlocal ended
            ended = True
            await self._said(self._gate.ended(notify.id, given if done else None))

        async def watched(message: Message) -> None:
            nonlocal gone
            if message["type"] == "http.response.start":
                given.status = message["status"]
            elif message["type"] == "http.response.body":
                given.add(message.get("body", b""))
            if message["type"] in _BODIES and not message.get("more_body", False) and not ended:
                # First: what the caller reads then is true already.
                await end(self._gate.done(given.status, given.body))
            try:
                if not gone:
                    await send(message)
            except OSError:
                # The caller went away. The work goes on all the same: what is done must not be done again for that.
                gone = True

        try:
            await self._app(scope, again, watched)
        finally:
            if not ended:
                await end(False)

    @staticmethod
    async def _said(said: Any) -> Any:
        return await said if inspect.isawaitable(said) else said

    @staticmethod
    async def _answer(send: Send, status: int, headers: Sequence[Tuple[str, str]] = (), body: bytes = b"") -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in _with_length(headers, status, body)]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
