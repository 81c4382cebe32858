// What a call of the client can fail with. Each has a `kind`, a word that stays.

/** Every failure of a call but wrong arguments, which are a RangeError or TypeError. */
export class NotifydError extends Error {
  /** The word for what happened, such as "conflict". */
  kind = "";
  /** The HTTP status; undefined where no answer came. */
  status = undefined;
  /** The problem document (RFC 9457); null where there is none. */
  problem = null;
  /** What the answer said of when to come back; undefined where it said nothing. */
  retryAfterMs = undefined;

  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }

  /** What the broker says of it, for people. */
  get detail() {
    return this.problem?.detail;
  }
  /** The field at fault, a JSON Pointer. */
  get field() {
    return this.problem?.field;
  }
  /** With a conflict: the notify in the way. */
  get id() {
    return this.problem?.id;
  }
}

/** The answer is no 2xx. Each status that programs tell apart has a class of its own below. */
export class RefusedError extends NotifydError {
  kind = "refused";
}
/** 400: what was sent is malformed. */
export class MalformedError extends RefusedError {
  kind = "malformed";
}
/** 401: no credential, or a wrong one. */
export class UnauthorizedError extends RefusedError {
  kind = "unauthorized";
}
/** 403: what the credential does not let do. */
export class ForbiddenError extends RefusedError {
  kind = "forbidden";
}
/** 404: there is no such thing. */
export class NotFoundError extends RefusedError {
  kind = "not_found";
}
/** 409: the present state forbids it; `id` names the notify in the way. */
export class ConflictError extends RefusedError {
  kind = "conflict";
}
/** 412: the notify is not any more what `ifMatch` says. */
export class PreconditionFailedError extends RefusedError {
  kind = "precondition_failed";
}
/** 413: a body or a batch is too large. */
export class TooLargeError extends RefusedError {
  kind = "too_large";
}
/** 422: `field` is not acceptable. */
export class UnacceptableError extends RefusedError {
  kind = "unacceptable";
}
/** 429: a limit is reached; `retryAfterMs` says when to come back. */
export class TooManyError extends RefusedError {
  kind = "too_many";
}
/** 503: the broker starts, stops, or its store refuses writes. */
export class UnavailableError extends RefusedError {
  kind = "unavailable";
}
/** 507: the disk, or a quota of it, is full. */
export class DiskFullError extends RefusedError {
  kind = "disk_full";
}
/** No connection, or it was lost before the end of the answer. */
export class ConnectionError extends NotifydError {
  kind = "connection";
}
/** The answer was not complete within the timeout. */
export class TimeoutError extends NotifydError {
  kind = "timeout";
}
/** A 2xx that is not what the API answers: something else than the broker is there. */
export class BadAnswerError extends NotifydError {
  kind = "bad_answer";
}

const OF_STATUS = new Map([
  [400, MalformedError],
  [401, UnauthorizedError],
  [403, ForbiddenError],
  [404, NotFoundError],
  [409, ConflictError],
  [412, PreconditionFailedError],
  [413, TooLargeError],
  [422, UnacceptableError],
  [429, TooManyError],
  [503, UnavailableError],
  [507, DiskFullError],
]);

/** Makes the error of an answer that is no 2xx. */
export function refusal(status, problem, retryAfterMs) {
  const detail = problem ? problem.detail + (problem.field ? ` (${problem.field})` : "") : "without a problem document";
  const error = new (OF_STATUS.get(status) ?? RefusedError)(`${status}: ${detail}`);
  return Object.assign(error, { status, problem, retryAfterMs });
}
