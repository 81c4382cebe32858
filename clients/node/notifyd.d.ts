/** The client of a notifyd broker. What each call sends and what is tried again stands in clients/cases.md; objects are those of the API. */
import type * as api from "./types.js";

export * from "./types.js";

export interface Options {
  /** Where the broker is, http://HOST:PORT, https://HOST:PORT or unix:/PATH; default NOTIFYD_URL, else http://127.0.0.1:7300. */
  url?: string;
  /** Shown with each request; default NOTIFYD_TOKEN, else none. */
  token?: string;
  /** Default NOTIFYD_NAMESPACE, else the token's own. */
  namespace?: string;
  /** Of one attempt, to the end of its answer; what a call lets the broker wait is added. Default 30000. */
  timeoutMs?: number;
  /** In all; 1: nothing is tried again. Default 4. */
  attempts?: number;
  /** Before the second attempt; it doubles, and is taken times a random 0.5 to 1. Default 200. */
  initialWaitMs?: number;
  /** What it doubles up to. Default 10000. */
  maxWaitMs?: number;
  /** A Retry-After above it ends the attempts. Default 60000. */
  maxRetryAfterMs?: number;
  /** Whether what has no idempotency key is given one, without which a lost answer is an error. Default true. */
  idempotencyKeys?: boolean;
  /** Of submitStream. Default 1000. */
  linesPerRequest?: number;
  /** Waits between attempts, in place of a timer; for tests. */
  sleep?: (ms: number) => Promise<void>;
}

/** With the version of a notify, for `ifMatch`. */
export type Versioned<T> = T & { etag?: string };
/** Some of many: what an endpoint of many does at most in one call, and whether it only counts. */
export interface MatchingOptions {
  limit?: number;
  dry_run?: boolean;
}
/** The filters of a list; `state` may be left out. */
export type ListFilters = Partial<api.Filter> & { limit?: number; order?: "newest" | "oldest"; namespaces?: "all" };

/** Every call fails with a NotifydError, or a RangeError or TypeError where its arguments cannot be sent. */
export class Client {
  constructor(options?: Options);
  /** Submits a notify; it is on disk once this returns. */
  submit(notify: api.Notify): Promise<api.Accepted>;
  /** Submits one and waits until it is settled, `waitMs` (at most 60000) at most. */
  submitAndWait(notify: api.Notify, waitMs: number): Promise<api.WaitedView | api.Accepted>;
  /** Submits up to 10,000, all or none, in order. */
  submitBatch(notifies: api.Notify[]): Promise<api.Accepted[]>;
  /** Submits any number, each taken or refused by itself, and gives a line for each, in order. Holds one request's worth in memory. */
  submitStream(notifies: Iterable<api.Notify> | AsyncIterable<api.Notify>): AsyncGenerator<api.BulkLine & { index: number }>;
  /** Makes the notify that is held under the fkey due, its data merged with this. */
  trigger(fkey: string, options?: api.Trigger & { remember_ms?: number }): Promise<api.IdAndState | api.Remembered>;
  getFkey(fkey: string): Promise<Versioned<api.NotifyView> | api.RememberedTrigger>;
  cancelFkey(fkey: string): Promise<api.NotifyView | api.Withdrawn>;
  get(id: api.Id): Promise<Versioned<api.NotifyView>>;
  /** Waits until it is settled, `waitMs` (default 60000) at most, and gives what it is then. */
  wait(id: api.Id, waitMs?: number): Promise<Versioned<api.NotifyView>>;
  /** What is kept of the receiver's answer (`keep_response_bytes`). */
  response(id: api.Id): Promise<api.KeptResponse>;
  /** Why it is where it is. */
  explain(id: api.Id): Promise<api.Explained>;
  /** Iterates over all that match, page by page. */
  list(filters?: ListFilters): AsyncGenerator<api.ListedNotify>;
  /** Changes one that is neither settled nor in flight. With `ifMatch` (an etag) only what it was then. */
  change(id: api.Id, patch: api.NotifyPatch, options?: { ifMatch?: string }): Promise<Versioned<api.NotifyView>>;
  /** Cancels one that is not settled; `ifMatch` as of `change`. */
  cancel(id: api.Id, options?: { ifMatch?: string }): Promise<api.NotifyView>;
  /** Sends it again, now; with `paused` also where its lane is paused; `ifMatch` as of `change`. */
  retry(id: api.Id, options?: { paused?: boolean; ifMatch?: string }): Promise<api.IdAndState>;
  /** The same for all that match; the count is of all of them. */
  retryMatching(filter: api.Filter, options?: MatchingOptions): Promise<{ count: number }>;
  cancelMatching(filter: api.Filter, options?: MatchingOptions): Promise<{ count: number }>;
  /** Removes settled ones. */
  purgeMatching(filter: api.Filter, options?: MatchingOptions): Promise<{ count: number }>;
  lanes(options?: { prefix?: string; limit?: number }): AsyncGenerator<api.Lane>;
  lane(mode: api.Mode, name: string): Promise<api.Lane>;
  changeLane(mode: api.Mode, name: string, patch: api.LanePatch): Promise<api.Lane>;
  pauseLane(mode: api.Mode, name: string): Promise<api.Lane>;
  resumeLane(mode: api.Mode, name: string): Promise<api.Lane>;
  publish(topic: string, event: api.NewEvent): Promise<api.PublishedEvent>;
  /** Publishes several, all or none. */
  publishBatch(events: api.NewTopicEvent[]): Promise<api.PublishedEvent[]>;
  makeGroup(group: api.NewGroup, options?: { wait_ms?: number }): Promise<api.Group>;
  group(id: api.Id, options?: { wait_ms?: number }): Promise<Versioned<api.Group>>;
  groups(options?: { limit?: number }): AsyncGenerator<api.GroupRow>;
  cancelGroup(id: api.Id): Promise<api.Group>;
  /** Whatever has no call of its own; the path, percent-encoded, begins with /v1/. Null where the answer has no body. */
  request(method: string, path: string, options?: { query?: Record<string, unknown>; json?: unknown }): Promise<any>;
}

/** A call that failed. */
export class NotifydError extends Error {
  /** The word for what happened, such as "conflict". */
  readonly kind: string;
  /** The HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  readonly problem: api.Problem | null;
  /** What the answer said of when to come back. */
  readonly retryAfterMs: number | undefined;
  /** Of the problem: what the broker says, for people. */
  readonly detail: string | undefined;
  /** Of the problem: the field at fault, a JSON Pointer. */
  readonly field: string | undefined;
  /** Of the problem: the notify in the way. */
  readonly id: string | undefined;
}
/** The answer is no 2xx; each status that programs tell apart has a class of its own. */
export class RefusedError extends NotifydError {}
export class MalformedError extends RefusedError {}
export class UnauthorizedError extends RefusedError {}
export class ForbiddenError extends RefusedError {}
export class NotFoundError extends RefusedError {}
export class ConflictError extends RefusedError {}
export class PreconditionFailedError extends RefusedError {}
export class TooLargeError extends RefusedError {}
export class UnacceptableError extends RefusedError {}
export class TooManyError extends RefusedError {}
export class UnavailableError extends RefusedError {}
export class DiskFullError extends RefusedError {}
/** No connection, or it was lost before the end of the answer. */
export class ConnectionError extends NotifydError {}
export class TimeoutError extends NotifydError {}
/** A 2xx that no broker would answer with. */
export class BadAnswerError extends NotifydError {}

/** Reads JSON; an integer beyond Number.MAX_SAFE_INTEGER becomes a BigInt, as in every answer. */
export function parseJson(text: string): any;
/** Writes JSON; a BigInt as its digits, as in every request. */
export function stringifyJson(value: unknown): string;
