"""The client of notifyd, a durable broker of HTTP calls; notifyd.receiver is for the programs that it calls."""

from .client import Client
from .errors import (
    BadAnswerError,
    ConflictError,
    ConnectionLostError,
    DiskFullError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    NotifydError,
    PreconditionFailedError,
    RefusedError,
    TimedOutError,
    TooLargeError,
    TooManyError,
    UnacceptableError,
    UnauthorizedError,
    UnavailableError,
)

__version__ = "0.1.0"

__all__ = [
    "BadAnswerError",
    "Client",
    "ConflictError",
    "ConnectionLostError",
    "DiskFullError",
    "ForbiddenError",
    "MalformedError",
    "NotFoundError",
    "NotifydError",
    "PreconditionFailedError",
    "RefusedError",
    "TimedOutError",
    "TooLargeError",
    "TooManyError",
    "UnacceptableError",
    "UnauthorizedError",
    "UnavailableError",
]
