"""What a call of the client can fail with. Arguments that cannot be sent are a ValueError or TypeError."""

from typing import Any, Dict, Optional, Type


class NotifydError(Exception):
    """A call failed.

    kind: a word that stays, such as "conflict". status: the HTTP status, None where no answer came. problem: the problem document (RFC 9457),
    None where there is none. retry_after_ms: what the answer said of when to come back, None where it said nothing.
    """

    kind = ""

    def __init__(
        self, message: str, *, status: Optional[int] = None, problem: Optional[Dict[str, Any]] = None, retry_after_ms: Optional[int] = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem
        self.retry_after_ms = retry_after_ms
        # Nothing of the request can have been done.
        self.unsent = False

    def _said(self, name: str) -> Optional[str]:
        value = (self.problem or {}).get(name)
        return value if isinstance(value, str) else None

    @property
    def detail(self) -> Optional[str]:
        """What the broker says of it, for people."""
        return self._said("detail")

    @property
    def field(self) -> Optional[str]:
        """The field at fault, a JSON Pointer."""
        return self._said("field")

    @property
    def id(self) -> Optional[str]:
        """With a conflict: the notify in the way."""
        return self._said("id")


class RefusedError(NotifydError):
    """The answer is no 2xx. Each status that programs tell apart has a class of its own below."""

    kind = "refused"


class MalformedError(RefusedError):
    """400: what was sent is malformed."""

    kind = "malformed"


class UnauthorizedError(RefusedError):
    """401: no credential, or a wrong one."""

    kind = "unauthorized"


class ForbiddenError(RefusedError):
    """403: what the credential does not let do."""

    kind = "forbidden"


class NotFoundError(RefusedError):
    """404: there is no such thing."""

    kind = "not_found"


class ConflictError(RefusedError):
    """409: the present state forbids it; id names the notify in the way."""

    kind = "conflict"


class PreconditionFailedError(RefusedError):
    """412: the notify is not any more what if_match says."""

    kind = "precondition_failed"


class TooLargeError(RefusedError):
    """413: a body or a batch is too large."""

    kind = "too_large"


class UnacceptableError(RefusedError):
    """422: field is not acceptable."""

    kind = "unacceptable"


class TooManyError(RefusedError):
    """429: a limit is reached; retry_after_ms says when to come back."""

    kind = "too_many"


class UnavailableError(RefusedError):
    """503: the broker starts, stops, or its store refuses writes."""

    kind = "unavailable"


class DiskFullError(RefusedError):
    """507: the disk, or a quota of it, is full."""

    kind = "disk_full"


class ConnectionLostError(NotifydError):
    """No connection, or it was lost before the end of the answer."""

    kind = "connection"


class TimedOutError(NotifydError):
    """The answer was not complete within the timeout."""

    kind = "timeout"


class BadAnswerError(NotifydError):
    """A 2xx that is not what the API answers: something else than the broker is there."""

    kind = "bad_answer"


OF_STATUS: Dict[int, Type[RefusedError]] = {
    400: MalformedError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    413: TooLargeError,
    422: UnacceptableError,
    429: TooManyError,
    503: UnavailableError,
    507: DiskFullError,
}


def refusal(status: int, problem: Optional[Dict[str, Any]], retry_after_ms: Optional[int]) -> RefusedError:
    """Makes the error of an answer that is no 2xx."""
    detail = "without a problem document"
    if problem is not None:
        detail = problem["detail"] + (f" ({problem['field']})" if "field" in problem else "")
    return OF_STATUS.get(status, RefusedError)(f"{status}: {detail}", status=status, problem=problem, retry_after_ms=retry_after_ms)
