// One request over fetch, and again where that is safe. What is tried again stands in clients/cases.md.
import * as json from "./json.js";
import { BadAnswerError, ConnectionError, TimeoutError, refusal } from "./errors.js";

const AGENT = "notifyd-node/0.1.0";
/** One request of the broker waits no longer than this. */
export const MOST_WAIT_MS = 60000;
// Causes of a fetch that fails before there is a connection, beside those whose system call says so.
const UNCONNECTED = new Set(["ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/** Whether a request that failed so was never sent. */
function unconnected(cause) {
  if (Array.isArray(cause?.errors) && cause.errors.length > 0) return cause.errors.every(unconnected);
  return cause?.syscall === "connect" || UNCONNECTED.has(cause?.code);
}

/** Reads Retry-After, seconds or a date, in milliseconds; undefined where it is neither. */
function retryAfterOf(value) {
  if (value === null) return undefined;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const at = / GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

function problemOf(text) {
  try {
    const problem = json.parse(text);
    return typeof problem?.type === "string" && typeof problem.detail === "string" ? problem : null;
  } catch {
    return null;
  }
}

/**
 * Writes a segment of a path, or a value of a query: all but A-Z a-z 0-9 - . _ ~ percent-encoded.
 */
export function encoded(value) {
  return encodeURIComponent(value).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** As `encoded`; throws a RangeError where a URL cannot have it as a segment. */
export function segment(value) {
  if (typeof value === "string" && value !== "" && value !== "." && value !== "..") return encoded(value);
  throw new RangeError(`a URL cannot name ${JSON.stringify(value)}`);
}

/** Writes a query; a list says its name several times, null and undefined are left out. */
export function queryOf(values) {
  const parts = [];
  for (const [name, value] of Object.entries(values ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) parts.push(`${encoded(name)}=${encoded(one instanceof Date ? one.toISOString() : String(one))}`);
    }
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

export class Transport {
  constructor(options) {
    const url = new URL(options.url);
    if (url.protocol !== "http:" && url.protocol !== "https:") throw new RangeError(`not a URL of a broker: ${options.url}`);
    this.base = url.origin + url.pathname.replace(/\/+$/, "");
    this.prefix = options.namespace === undefined ? "/v1" : `/v1/namespaces/${segment(options.namespace)}`;
    this.headers = { "User-Agent": AGENT };
    if (options.token !== undefined) this.headers.Authorization = `Bearer ${options.token}`;
    this.options = options;
  }

  /**
   * Makes a call, and gives its answer: { status, headers, text }.
   * A call: { method, path (below /v1), query, body, type, headers, safe (to repeat), waitMs }.
   */
  async answer(call) {
    for (let failed = 1; ; ++failed) {
      const { error, ...answer } = await this.once(call);
      if (error === undefined) return answer;
      if (!this.again(error, call.safe) || failed >= this.options.attempts) throw error;
      await this.pause(failed, error);
    }
  }

  /** Makes a call, and gives the JSON of its answer: an object, or with `bare` also null for an answer without a body. */
  async json(call) {
    const answer = await this.answer(call);
    if (call.bare && answer.text === "") return { value: null, answer };
    try {
      const value = json.parse(answer.text);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return { value, answer };
    } catch {
      // Said below.
    }
    throw Object.assign(new BadAnswerError("the answer is not the JSON of a broker"), { status: answer.status });
  }

  /** Whether a call that failed so is tried again. `unsent`: nothing of it can have been done. */
  again(error, safe) {
    const { maxRetryAfterMs } = this.options;
    if ((error.retryAfterMs ?? 0) > maxRetryAfterMs) return false;
    if (error.status === 429 || error.status === 503 || error.unsent) return true;
    return safe && (error instanceof ConnectionError || error instanceof TimeoutError || error.status === 502 || error.status === 504);
  }

  /** Waits before the next attempt, after `failed` ones. */
  pause(failed, error) {
    const { initialWaitMs, maxWaitMs, sleep } = this.options;
    const wait = Math.min(initialWaitMs * 2 ** (failed - 1), maxWaitMs) * (0.5 + Math.random() / 2);
    return sleep(Math.max(wait, error?.retryAfterMs ?? 0));
  }

  /** One attempt: { status, headers, text }, and `error` where it is no complete 2xx; `text` is then what came of one. */
  async once({ method, path, query, body, type, headers, waitMs = 0 }) {
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), this.options.timeoutMs + waitMs);
    const all = { ...this.headers, ...headers, ...(body === undefined ? {} : { "Content-Type": type ?? "application/json" }) };
    const target = this.base + this.prefix + path + queryOf(query);
    const answer = { status: undefined, headers: undefined, text: "" };
    try {
      const response = await fetch(target, { method, headers: all, body, redirect: "manual", signal: control.signal });
      answer.status = response.status;
      answer.headers = response.headers;
      const decoder = new TextDecoder();
      for await (const piece of response.body ?? []) answer.text += decoder.decode(piece, { stream: true });
      answer.text += decoder.decode();
    } catch (cause) {
      return { ...answer, error: this.failure(cause, control.signal.aborted) };
    } finally {
      clearTimeout(timer);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    return { ...answer, error: refusal(answer.status, problemOf(answer.text), retryAfterOf(answer.headers.get("Retry-After"))) };
  }

  failure(error, late) {
    if (late) return new TimeoutError(`no answer in ${this.options.timeoutMs} ms`, { cause: error });
    // What fetch does not even try, such as a header with a line end: an argument is wrong.
    if (!(error.cause instanceof Error)) throw error;
    const { cause } = error;
    const failed = new ConnectionError(cause.message || cause.code || "the connection was lost", { cause: error });
    return Object.assign(failed, { unsent: unconnected(cause) });
  }
}
