/** For programs that a notifyd calls: is the call signed by the broker (Standard Webhooks), and was its work done already? */
import type { IncomingMessage, ServerResponse } from "node:http";

type Headers_ = Headers | Record<string, string | string[] | undefined>;
type Awaitable<T> = T | Promise<T>;

/**
 * Checks a call by its headers and its raw body. Keys: whsec_... or whpk_..., one of which must have signed it. Throws VerifyError, or RangeError
 * for a key that is none. Tolerance: how far its timestamp may be from now, both ways; default 300 s.
 */
export function verify(
  headers: Headers_,
  body: string | Uint8Array,
  keys: string[],
  options?: { toleranceS?: number; now?: () => number },
): { id: string; timestampS: number };

export class VerifyError extends Error {
  readonly reason: "missing_header" | "bad_timestamp" | "too_old" | "too_new" | "no_match";
}

/** Where receivers remember what they have done. A store of one's own may stand in for Dedup. */
export interface DedupStore {
  /** Takes a call on: "new" where its work is to be done, "busy" where somebody is at it, "done" where it was done. */
  claim(id: string): Awaitable<"new" | "busy" | "done">;
  /** Its work is done, and was answered so: some 4 KiB at most, which only whoever gave them reads. */
  finish(id: string, answer: Buffer): Awaitable<void>;
  /** It is not done; the next attempt does the work. */
  release(id: string): Awaitable<void>;
  /** The answer that came with finish; nothing, or an empty one, where it is not kept. */
  answer(id: string): Awaitable<Uint8Array | string | null | undefined>;
}

/** In memory: at most `capacity` ids (100000), each for `ttlMs` (a day); of their answers `answerBytes` in all (16 MiB), the latest ones. */
export class Dedup implements DedupStore {
  constructor(options?: { capacity?: number; ttlMs?: number; now?: () => number; answerBytes?: number });
  claim(id: string): "new" | "busy" | "done";
  finish(id: string, answer?: Buffer): void;
  release(id: string): void;
  answer(id: string): Buffer;
}

/** What counts as done, unless a receiver is told otherwise: 2xx, but for 202, with which a receiver says that it is not ready (retry.later_on). */
export function isDone(status: number, body?: Buffer): boolean;

export interface ReceiverOptions {
  /** At least one. */
  keys: string[];
  /** Default: a Dedup of its own. */
  dedup?: DedupStore;
  toleranceS?: number;
  /** A longer body is answered with 413. Default 4 MiB. */
  maxBytes?: number;
  /** Whether a route that answered so has done the work; `body`: its first 4,096 bytes. Default: isDone. */
  done?: (status: number, body: Buffer) => Awaitable<boolean>;
  /** Stands before each id in `dedup`, which receivers of several brokers share. Default: nothing. */
  scope?: string;
}

/** A call that verifies and is new. `id` is its Notify-Id, `attempt` the number of this attempt. */
export interface ReceivedNotify {
  id: string;
  attempt: number;
  timestampS: number;
}

/** What a route finds in its request: the body is parsed where it is JSON, else a Buffer. */
export type ReceivedRequest = IncomingMessage & { body?: unknown; rawBody?: Buffer; notify?: ReceivedNotify };

/**
 * A middleware of Express, and of node:http. It reads the raw body, so it stands before express.json(). What does not verify gets 401, a repeat of
 * what was done what that was answered (its status and the first 4,096 bytes), one of what is under way 503.
 */
export function expressReceiver(
  options: ReceiverOptions,
): (req: ReceivedRequest, res: ServerResponse, next: (error?: unknown) => void) => void;

/** The same for handlers of the Fetch API. */
export function fetchReceiver(
  handler: (request: Request, notify: ReceivedNotify) => Awaitable<Response>,
  options: ReceiverOptions,
): (request: Request) => Promise<Response>;
