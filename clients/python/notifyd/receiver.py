"""For programs that a notifyd calls: is the call signed by the broker (Standard Webhooks), and was its work done already?"""

import base64
import binascii
import collections
import dataclasses
import hashlib
import hmac
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

    def finish(self, id: str) -> Any:
        """Its work is done."""

    def release(self, id: str) -> Any:
        """It failed; the next attempt does the work."""


class Dedup:
    """Remembers in memory: at most capacity ids, the oldest goes first, each for ttl_ms. May be used by several threads."""

    def __init__(self, capacity: int = 100000, ttl_ms: float = 86400000, now_ms: Callable[[], float] = lambda: time.monotonic() * 1000) -> None:
        self._capacity, self._ttl_ms, self._now_ms = capacity, ttl_ms, now_ms
        self._known: OrderedDict[str, Tuple[str, float]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def claim(self, id: str) -> str:
        """As DedupStore says."""
        with self._lock:
            state, until = self._known.get(id, ("", 0))
            if state and self._now_ms() < until:
                return state
            self._remember(id, "busy")
            return "new"

    def finish(self, id: str) -> None:
        """As DedupStore says."""
        with self._lock:
            self._remember(id, "done")

    def release(self, id: str) -> None:
        """As DedupStore says."""
        with self._lock:
            self._known.pop(id, None)

    def _remember(self, id: str, state: str) -> None:
        self._known.pop(id, None)
        self._known[id] = (state, self._now_ms() + self._ttl_ms)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)


class _Gate:
    """What both middlewares know: whom they trust, what was done, how much they read."""

    def __init__(self, keys: Sequence[str], dedup: Optional[DedupStore], tolerance_s: float, max_bytes: int) -> None:
        self.judges, self.tolerance_s, self.max_bytes = _judges_of(keys), tolerance_s, max_bytes
        self.dedup: DedupStore = Dedup() if dedup is None else dedup

    def verified(self, headers: Mapping[str, str], body: bytes) -> Notify:
        """The call, by its signed id: Notify-Id beside it is not covered by the signature. Raises VerifyError."""
        call = _verified(headers, body, self.judges, self.tolerance_s, None)
        attempt = _header(headers, "notify-attempt")
        return Notify(call.id, call.timestamp_s, int(attempt) if re.fullmatch("[0-9]{1,9}", attempt) else 1)


# What a claim that is not new is answered with.
_CLAIMED: Dict[str, Tuple[int, List[Tuple[str, str]]]] = {"done": (200, []), "busy": (503, [("Retry-After", "1")])}
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 413: "Content Too Large", 503: "Service Unavailable"}


def _told(error: VerifyError) -> bytes:
    """What the broker records of a 401: which key, clock or proxy to look at."""
    return f"notifyd: {error}\n".encode()


class WsgiReceiver:
    """A WSGI application before another one, which is called with signed and new calls alone, and finds the call in environ["notifyd.notify"].

    What does not verify gets 401 with the reason, a repeat of what was done 200, one of what is under way 503. The call is done once the application has given
    its whole answer with a 2xx; that is then sent. A body above max_bytes gets 413.
    """

    def __init__(
        self, app: Callable[..., Any], keys: Sequence[str], *, dedup: Optional[DedupStore] = None, tolerance_s: float = 300, max_bytes: int = 4 << 20
    ) -> None:
        self._app, self._gate = app, _Gate(keys, dedup, tolerance_s, max_bytes)

    def __call__(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def answer(status: int, headers: Sequence[Tuple[str, str]] = (), body: bytes = b"") -> Iterable[bytes]:
            start_response(f"{status} {_REASONS[status]}", [*headers, ("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
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
        claimed = self._gate.dedup.claim(notify.id)
        if claimed != "new":
            return answer(*_CLAIMED[claimed])
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
        started: List[str] = []

        def start(status: str, headers: Any, *error: Any) -> Any:
            started[:] = [status]
            return start_response(status, headers, *error)

        done = False
        try:
            answer = self._app(environ, start)
            try:
                pieces = list(answer)
            finally:
                getattr(answer, "close", lambda: None)()
            done = bool(started) and started[0].startswith("2")
            return pieces
        finally:
            (self._gate.dedup.finish if done else self._gate.dedup.release)(notify.id)


Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiReceiver:
    """The same for ASGI: the application finds the call in scope["notifyd.notify"]. What is not HTTP goes to it as it is."""

    def __init__(
        self, app: Callable[..., Any], keys: Sequence[str], *, dedup: Optional[DedupStore] = None, tolerance_s: float = 300, max_bytes: int = 4 << 20
    ) -> None:
        self._app, self._gate = app, _Gate(keys, dedup, tolerance_s, max_bytes)

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
            return await self._answer(send, 401, [("Content-Type", "text/plain")], _told(error))
        claimed = await self._ask(self._gate.dedup.claim, notify.id)
        if claimed != "new":
            return await self._answer(send, *_CLAIMED[claimed])
        await self._work(notify, {**scope, "notifyd.notify": notify}, body, receive, send)

    async def _work(self, notify: Notify, scope: Dict[str, Any], body: bytes, receive: Receive, send: Send) -> None:
        given, status = False, 0

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        done = False
        try:
            await self._app(scope, again, watched)
            done = 200 <= status < 300
        finally:
            await self._ask(self._gate.dedup.finish if done else self._gate.dedup.release, notify.id)

    @staticmethod
    async def _ask(method: Callable[[str], Any], id: str) -> Any:
        said = method(id)
        return await said if inspect.isawaitable(said) else said

    @staticmethod
    async def _answer(send: Send, status: int, headers: Sequence[Tuple[str, str]] = (), body: bytes = b"") -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in [*headers, ("content-length", str(len(body)))]]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
