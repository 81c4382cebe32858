"""One request over a kept connection, and again where that is safe. What is tried again stands in clients/cases.md."""

import collections
import dataclasses
import email.utils
import http.client
import io
import json
import os
import random
import re
import selectors
import socket
import ssl
import time
from datetime import datetime, timezone
from typing import Any, Callable, Deque, Dict, Mapping, Optional, Tuple
from urllib.parse import quote, urlsplit

from .errors import BadAnswerError, ConnectionLostError, NotifydError, TimedOutError, refusal

AGENT = "notifyd-python/0.1.0"
# One request of the broker waits no longer than this.
MOST_WAIT_MS = 60000
# Idle connections that are kept, and for how long: less than the 75 s after which the broker closes them.
KEPT_CONNECTIONS = 16
KEPT_S = 60.0
# What is asked for beyond that counts as that: no clock and no timer has to hold more.
MOST_RETRY_AFTER_S = 2**31 - 1
# A body is sent in pieces of so many bytes.
PIECE_BYTES = 1 << 17
# What a socket that does not wait says where there is nothing to do.
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# No answer of a broker is so long: what is gets not read to its end.
MOST_ANSWER_BYTES = 256 << 20


@dataclasses.dataclass
class Options:
    """As clients/cases.md says."""

    timeout_ms: int = 30000
    attempts: int = 4
    initial_wait_ms: int = 200
    max_wait_ms: int = 10000
    max_retry_after_ms: int = 60000
    idempotency_keys: bool = True
    lines_per_request: int = 1000
    sleep: Callable[[float], None] = lambda ms: time.sleep(ms / 1000)
    ssl_context: Optional[ssl.SSLContext] = None


@dataclasses.dataclass
class Call:
    """A request. path: below /v1. body: as it goes out. safe: it may be repeated. wait_ms: what it lets the broker wait. bare: the answer may be
    empty."""

    method: str
    path: str
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    body: Optional[bytes] = None
    type: str = "application/json"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    safe: bool = False
    wait_ms: int = 0
    bare: bool = False


@dataclasses.dataclass
class Answer:
    """What came, as far as it came: error is None where that is a complete 2xx."""

    status: Optional[int] = None
    headers: http.client.HTTPMessage = dataclasses.field(default_factory=http.client.HTTPMessage)
    body: bytes = b""
    error: Optional[NotifydError] = None


def to_json(value: Any) -> bytes:
    """Writes JSON; a datetime, which must know its zone, as RFC 3339. Raises ValueError where it is none."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_time).encode("utf-8")
    except RecursionError:
        raise ValueError("it is nested too deeply for JSON") from None


def from_json(text: bytes) -> Any:
    """Reads JSON. Raises ValueError where it is none, or nested more deeply than Python reads it."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _time(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"this is no JSON: {value!r}")
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone: {value!r}")
    return value.isoformat()


def segment(value: str) -> str:
    """Writes a segment of a path. Raises ValueError where a URL cannot have it as one."""
    if not isinstance(value, str) or value in ("", ".", ".."):
        raise ValueError(f"a URL cannot name {value!r}")
    return quote(value, safe="")


def checked_target(method: str, path: str) -> None:
    """Raises ValueError where a request line cannot have them, or where the path would lead elsewhere."""
    if not re.fullmatch(r"[A-Za-z]+", method):
        raise ValueError(f"not a method: {method!r}")
    if method.upper() in ("CONNECT", "TRACE"):
        raise ValueError("CONNECT makes a tunnel, and TRACE would show the token")
    if not path.startswith("/v1/") or not re.fullmatch(r"[\x21-\x7e]+", path) or re.search(r"[#\\]", path):
        raise ValueError(f"a path begins with /v1/ and is percent-encoded: {path!r}")
    if re.search(r"/(\.|%2e){1,2}(/|\?|$)", path, re.IGNORECASE):
        raise ValueError(f"a path has no dots as a segment: {path!r}")


def header_value(value: str, what: str) -> str:
    """Gives back what can be the value of a header. Raises ValueError, which says what it is and does not show it, where it cannot."""
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value):
        raise ValueError(f"{what} holds what a header cannot, as a line end")
    return value


def query_of(values: Mapping[str, Any]) -> str:
    """Writes a query: a list says its name several times, None is left out."""
    parts = []
    for name, value in values.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is None:
                continue
            text = str(one).lower() if isinstance(one, bool) else _time(one) if isinstance(one, datetime) else str(one)
            parts.append(f"{quote(name, safe='')}={quote(text, safe='')}")
    return "?" + "&".join(parts) if parts else ""


def problem_of(body: bytes) -> Optional[Dict[str, Any]]:
    try:
        problem = from_json(body)
    except ValueError:
        return None
    is_one = isinstance(problem, dict) and isinstance(problem.get("type"), str) and isinstance(problem.get("detail"), str)
    return problem if is_one else None


def _retry_after_ms(value: Optional[str]) -> Optional[int]:
    """Reads Retry-After, seconds or a date, MOST_RETRY_AFTER_S at most; None where it is neither."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]+", value):
        # int() takes no more than 4,300 digits.
        digits = value.lstrip("0")
        seconds: float = int(digits or "0") if len(digits) <= 10 else MOST_RETRY_AFTER_S
    else:
        try:
            at = email.utils.parsedate_to_datetime(value)
            # Without a zone it is no time of this machine's.
            seconds = (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp() - time.time()
        except (TypeError, ValueError, ArithmeticError, LookupError):
            return None
    return int(max(0, min(seconds, MOST_RETRY_AFTER_S)) * 1000)


def _answer_begins(text: bytes) -> bool:
    """Whether there is an answer in what came that ends the sending, or its beginning: those of 1xx are none, and with 2xx lines may be answered while
    others are still to go."""
    found = re.match(rb"(?:HTTP/1\.[01] 1[0-9][0-9].*?\n\r?\n)*", text, re.DOTALL)
    rest = text[found.end() if found else 0:]
    return len(rest) > 9 and re.match(rb"HTTP/1\.[01] [12]", rest) is None


class _UntilDeadline(io.RawIOBase):
    """Reads a socket no longer than to a moment, however slowly its bytes come, and sends over it likewise."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        super().__init__()
        self._sock, self._end = sock, end
        # Holds the socket open until the answer is read, also where http.client is done with it.
        self._raw = sock.makefile("rb", buffering=0)
        self._ahead = bytearray()
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        if self._ahead:
            size: Optional[int] = min(len(buffer), len(self._ahead))
            buffer[:size], self._ahead = self._ahead[:size], self._ahead[size:]
            return size
        self._sock.settimeout(_left(self._end))
        size = self._raw.readinto(buffer)
        self.ended = size == 0
        return size

    def send(self, body: bytes) -> None:
        """Sends a body. Raises OSError where it does not go out whole: who refuses it for its length may answer before its end, and go, and over TLS
        nothing can be read any more once that is found by writing. So it is looked for an answer between the pieces."""
        rest = memoryview(body)
        self._sock.settimeout(0)
        while rest:
            try:
                rest = rest[self._sock.send(rest[:PIECE_BYTES]):]
            except _NOT_YET:
                with selectors.DefaultSelector() as selector:
                    selector.register(self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
                    selector.select(_left(self._end))
            if rest:
                _left(self._end)
                self._look()

    def _look(self) -> None:
        """Keeps what came by now. Raises OSError where it is an answer, or the end."""
        try:
            came = self._sock.recv(PIECE_BYTES)
        except _NOT_YET:  # Over TLS there may be something to read that is no answer.
            return
        self._ahead += came
        if not came or _answer_begins(self._ahead):
            raise BrokenPipeError("the request was ended before it was sent whole")

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer behind any of 1xx: http.client takes all but 100 for the answer itself."""

    def _read_status(self) -> Tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Source:
    """What http.client reads an answer from: it asks for the file, and nothing else."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self.bytes = _UntilDeadline(sock, end)

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self.bytes)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left


@dataclasses.dataclass
class _Kept:
    connection: http.client.HTTPConnection
    since: float

    def usable(self) -> bool:
        """Whether nothing came on it since: neither its end, nor anything else."""
        sock = self.connection.sock
        if sock is None or time.monotonic() - self.since > KEPT_S:
            return False
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            return not selector.select(0)


def _open(host: str, port: Optional[int], path: Optional[str], end: float) -> socket.socket:
    """Opens a socket to the first address of a host that takes one, or to a Unix socket's path. The time is that of all addresses together."""
    if path is not None:
        return _connected(socket.AF_UNIX, socket.SOCK_STREAM, 0, path, end)
    failure: Optional[OSError] = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        try:
            sock = _connected(family, kind, protocol, address, end)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            failure = error
    raise failure or OSError("the name has no address")


def _connected(family: int, kind: int, protocol: int, address: Any, end: float) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(_left(end))
        sock.connect(address)
        return sock
    except BaseException:
        sock.close()
        raise


class Transport:
    """The connections to one broker. May be used by several threads."""

    def __init__(self, url: str, token: Optional[str], namespace: Optional[str], options: Options) -> None:
        self._path = url[len("unix:"):] if url.startswith("unix:/") else None
        address = url if self._path is None else "http://localhost"
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or re.search("[?#]", address):
            shown = re.sub("//.*@", "//***@", url, flags=re.DOTALL)
            raise ValueError(f"not a URL of a broker: {shown!r}; it is http://HOST:PORT, https://HOST:PORT or unix:/PATH")
        if not re.fullmatch(r"[\x21-\x7e]*", parts.path):
            raise ValueError(f"the path of the URL is not percent-encoded: {parts.path!r}")
        self.options = options
        self._https, self._host = parts.scheme == "https", parts.hostname
        self._port = parts.port or (http.client.HTTPS_PORT if self._https else http.client.HTTP_PORT)
        self._address = f"{parts.scheme}://{parts.netloc}" if self._path is None else url
        self._base = parts.path.rstrip("/") + "/v1" + ("" if namespace is None else "/namespaces/" + segment(namespace))
        if token is not None and " " in token:
            raise ValueError("a token has no blanks")
        self._headers = {"User-Agent": AGENT, **({} if token is None else {"Authorization": "Bearer " + header_value(token, "the token")})}
        self._kept: Deque[_Kept] = collections.deque()
        self._pid = os.getpid()

    def close(self) -> None:
        """Closes the connections that are idle."""
        while self._kept:
            self._kept.pop().connection.close()

    def answer(self, call: Call) -> Answer:
        """Makes a call, tried again where that is safe. Raises NotifydError."""
        failed = 0
        while True:
            answer = self.once(call)
            if answer.error is None:
                return answer
            failed += 1
            if failed >= self.options.attempts or not self.again(answer.error, call.safe):
                raise answer.error
            self.pause(failed, answer.error)

    def json(self, call: Call) -> Any:
        """Makes a call, and gives the object that it is answered with; where it is bare also None."""
        return self.object_of(self.answer(call), call.bare)

    @staticmethod
    def object_of(answer: Answer, bare: bool = False) -> Any:
        """Gives the JSON of an answer, which must be an object."""
        if bare and not answer.body:
            return None
        try:
            value = from_json(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise BadAnswerError("the answer is not the JSON of a broker", status=answer.status)
        return value

    def again(self, error: NotifydError, safe: bool) -> bool:
        """Whether a call that failed so is tried again."""
        if (error.retry_after_ms or 0) > self.options.max_retry_after_ms:
            return False
        if error.status in (429, 503) or error.unsent:
            return True
        return safe and (isinstance(error, (ConnectionLostError, TimedOutError)) or error.status in (502, 504))

    def pause(self, failed: int, error: NotifydError) -> None:
        """Waits before the next attempt, after so many that failed."""
        self.options.sleep(max(self.wait_after(failed), error.retry_after_ms or 0))

    def wait_after(self, failed: int) -> float:
        """How long one waits after so many that failed."""
        return min(self.options.initial_wait_ms * 2.0 ** (failed - 1), self.options.max_wait_ms) * random.uniform(0.5, 1)

    def once(self, call: Call) -> Answer:
        """One attempt. Raises ValueError, before anything is sent, where a URL cannot have its query."""
        answer, target = Answer(), self._base + call.path + query_of(call.query)
        end = time.monotonic() + (self.options.timeout_ms + call.wait_ms) / 1000
        connection: Optional[http.client.HTTPConnection] = None
        connected = False
        try:
            connection = self._connection(end)
            connected = True
            reusable = self._exchange(connection, call, target, answer, end)
        except socket.timeout:
            answer.error = TimedOutError(f"no answer from {self._address} in {self.options.timeout_ms + call.wait_ms} ms")
            answer.error.unsent = not connected
        except (OSError, http.client.HTTPException) as error:
            answer.error = ConnectionLostError(f"no answer from {self._address}: {str(error) or type(error).__name__}")
            answer.error.__cause__ = error
            answer.error.unsent = not connected
        else:
            if reusable and len(self._kept) < KEPT_CONNECTIONS:
                self._kept.append(_Kept(connection, time.monotonic()))
                connection = None
        finally:
            if connection is not None:
                connection.close()
        if answer.error is None and (answer.status is None or answer.status // 100 != 2):
            answer.error = refusal(answer.status or 0, problem_of(answer.body), _retry_after_ms(answer.headers.get("Retry-After")))
        return answer

    def _connection(self, end: float) -> http.client.HTTPConnection:
        """Gives a connection that is open: one that was kept, else a new one."""
        if self._pid != os.getpid():
            # A fork's connections are its parent's: whatever was sent there would be mixed with what the parent sends.
            self._kept, self._pid = collections.deque(), os.getpid()
        while self._kept:
            try:
                kept = self._kept.pop()
            except IndexError:  # Another thread was faster.
                break
            if kept.usable():
                return kept.connection
            kept.connection.close()
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        made: http.client.HTTPConnection = kind(self._host, self._port)
        try:
            # Its own connect() begins the time anew for each address of a name.
            made.sock = _open(self._host, self._port, self._path, end)
            if self._https:
                context = self.options.ssl_context or ssl.create_default_context()
                made.sock.settimeout(_left(end))
                made.sock = context.wrap_socket(made.sock, server_hostname=self._host)
        except BaseException:
            made.close()
            raise
        return made

    def _exchange(self, connection: http.client.HTTPConnection, call: Call, target: str, answer: Answer, end: float) -> bool:
        """Sends a request, reads what comes into the answer, and says whether the connection can be used again."""
        about = {} if call.body is None else {"Content-Type": call.type, "Content-Length": str(len(call.body))}
        sock = connection.sock
        sock.settimeout(_left(end))
        source = _Source(sock, end)
        unsent = self._send(connection, call, target, {**self._headers, **call.headers, **about}, source.bytes)
        connection.response_class = lambda _, **more: _Response(source, **more)  # type: ignore
        response = connection.getresponse()
        # http.client takes a head that breaks off for a whole one.
        if source.bytes.ended:
            raise http.client.RemoteDisconnected("the head of the answer breaks off")
        answer.headers, answer.status = response.headers, response.status
        pieces = []
        left = MOST_ANSWER_BYTES
        try:
            while left > 0:
                piece = response.read1(1 << 16)
                if not piece:
                    break
                pieces.append(piece)
                left -= len(piece)
        finally:
            answer.body = b"".join(pieces)
            response.close()
        if unsent is not None and answer.status // 100 == 2:
            raise unsent
        if left <= 0:
            if answer.status // 100 == 2:
                answer.error = BadAnswerError("the answer has no end", status=answer.status)
            return False
        if response.length:
            raise http.client.IncompleteRead(answer.body)
        return unsent is None and not response.will_close

    @staticmethod
    def _send(connection: http.client.HTTPConnection, call: Call, target: str, headers: Mapping[str, str], to: _UntilDeadline) -> Optional[OSError]:
        """Sends a request. Gives the error where it did not go out whole: there may be an answer all the same."""
        try:
            connection.request(call.method, target, None, headers)
            to.send(call.body or b"")
        except socket.timeout:
            raise
        except OSError as error:
            return error
        return None
