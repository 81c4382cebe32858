// One request over a kept connection, and again where that is safe. What is tried again stands in clients/cases.md.
import * as http from "node:http";
import * as https from "node:https";
import * as json from "./json.js";
import { BadAnswerError, ConnectionError, TimeoutError, refusal } from "./errors.js";

const AGENT = "notifyd-node/0.1.0";
/** One request of the broker waits no longer than this. */
export const MOST_WAIT_MS = 60000;
/** A timer knows no longer time: it would end at once. */
const MOST_TIMER_MS = 2 ** 31 - 1;
/** What is asked for beyond that counts as that, in every language alike. */
const MOST_RETRY_AFTER_MS = (2 ** 31 - 1) * 1000;
/** A body is sent in pieces of so many bytes. */
const PIECE_BYTES = 1 << 17;
/** For how long a connection is kept: less than the 75 s after which the broker closes it. */
const KEPT_MS = 60000;

/** Reads Retry-After, seconds or a date, in milliseconds, MOST_RETRY_AFTER_MS at most; undefined where it is neither. */
function retryAfterOf(value) {
  if (value === undefined) return undefined;
  const ms = /^[0-9]+$/.test(value) ? Number(value) * 1000 : / GMT$/.test(value) ? Date.parse(value) - Date.now() : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MOST_RETRY_AFTER_MS);
}

export function problemOf(text) {
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
  let text;
  try {
    text = encodeURIComponent(value);
  } catch {
    throw new RangeError(`half of a surrogate pair has no place in a URL: ${JSON.stringify(value)}`);
  }
  return text.replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Throws a RangeError where a request line cannot have them, or where the path would lead elsewhere. */
export function checkTarget(method, path) {
  if (typeof method !== "string" || !/^[A-Za-z]+$/.test(method)) throw new RangeError(`not a method: ${JSON.stringify(method)}`);
  if (/^(CONNECT|TRACE)$/i.test(method)) throw new RangeError("CONNECT makes a tunnel, and TRACE would show the token");
  if (typeof path !== "string" || !/^\/v1\/[\x21-\x7e]*$/.test(path) || /[#\\]/.test(path)) {
    throw new RangeError(`a path begins with /v1/ and is percent-encoded: ${JSON.stringify(path)}`);
  }
  if (/\/(\.|%2e){1,2}(\/|\?|$)/i.test(path)) throw new RangeError(`a path has no dots as a segment: ${JSON.stringify(path)}`);
}

/** Gives back what can be the value of a header; throws a RangeError, which says what it is and does not show it, where it cannot. */
export function headerValue(value, what) {
  if (typeof value === "string" && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) return value;
  throw new RangeError(`${what} holds what a header cannot, as a line end`);
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

/** The path of a Unix socket; undefined of another address. */
const socketOf = (text) => (String(text).startsWith("unix:/") ? String(text).slice("unix:".length) : undefined);

/** The address of a broker. The error does not show a password in what is none. */
function urlOf(text) {
  const address = socketOf(text) === undefined ? String(text) : "http://localhost";
  let url;
  try {
    url = new URL(address);
  } catch {
    // Said below.
  }
  const plain = url !== undefined && `${url.username}${url.password}` === "" && !/[?#]/.test(address);
  if (plain && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new RangeError(`not a URL of a broker: ${String(text).replace(/\/\/.*@/s, "//***@")}; it is http://HOST:PORT, https://HOST:PORT or unix:/PATH`);
}

export class Transport {
  constructor(options) {
    const url = urlOf(options.url);
    const socketPath = socketOf(options.url);
    this.base = socketPath === undefined ? url.origin + url.pathname.replace(/\/+$/, "") : options.url;
    const { request, Agent } = url.protocol === "https:" ? https : http;
    // An agent of its own, and not fetch: for that, and for the agent that all share, a process can name a proxy, which would see the token.
    const agent = new Agent({ keepAlive: true, timeout: KEPT_MS, autoSelectFamily: true });
    // Brackets are for URLs alone.
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const to = socketPath === undefined ? { host, port: url.port } : { socketPath };
    this.begin = (target, more) => request({ agent, ...to, path: url.pathname.replace(/\/+$/, "") + target, ...more });
    this.prefix = options.namespace === undefined ? "/v1" : `/v1/namespaces/${segment(options.namespace)}`;
    this.headers = { "User-Agent": AGENT };
    if (options.token !== undefined) {
      if (/ /.test(options.token)) throw new RangeError("a token has no blanks");
      this.headers.Authorization = `Bearer ${headerValue(options.token, "the token")}`;
    }
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
    return call.bare && answer.text === "" ? { value: null, answer } : objectOf(answer);
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
    return this.options.sleep(Math.min(Math.max(this.waitAfter(failed), error?.retryAfterMs ?? 0), MOST_TIMER_MS));
  }

  /** How long one waits after `failed` attempts. */
  waitAfter(failed) {
    const { initialWaitMs, maxWaitMs } = this.options;
    return Math.min(initialWaitMs * 2 ** (failed - 1), maxWaitMs) * (0.5 + Math.random() / 2);
  }

  /** One attempt: { status, headers, text }, and `error` where it is no complete 2xx; `text` is then what came of one. */
  async once({ method, path, query, body, type, headers, waitMs = 0 }) {
    const content = body === undefined ? undefined : Buffer.from(body);
    const about = content === undefined ? {} : { "Content-Type": type ?? "application/json", "Content-Length": content.length };
    const request = this.begin(this.prefix + path + queryOf(query), { method, headers: { ...this.headers, ...headers, ...about } });
    const state = watched(request);
    const timer = setTimeout(() => {
      state.late = true;
      request.destroy();
    }, Math.min(this.options.timeoutMs + waitMs, MOST_TIMER_MS));
    const answer = { status: undefined, headers: undefined, text: "" };
    try {
      const response = await answerTo(request, content);
      answer.status = response.statusCode;
      answer.headers = response.headers;
      const decoder = new TextDecoder();
      for await (const piece of response) {
        answer.text += decoder.decode(piece, { stream: true });
        // To leave the loop ends the connection.
        if (answer.text.length > this.options.mostAnswerLength) return tooLong(answer);
      }
      answer.text += decoder.decode();
    } catch (cause) {
      return { ...answer, error: this.failure(cause, state) };
    } finally {
      clearTimeout(timer);
      // Who refuses a body for its length may answer before its end.
      if (!request.writableFinished) request.destroy();
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    return { ...answer, error: refusal(answer.status, problemOf(answer.text), retryAfterOf(answer.headers["retry-after"])) };
  }

  /** Makes the error of an attempt without an answer, or with half of one. Arguments were looked at before. */
  failure(cause, { late, connected }) {
    // Of a name with several addresses there are several reasons.
    const why = (cause.message || cause.errors?.map(({ message }) => message).join(", ") || cause.code || "the connection was lost").trim();
    const failed = late
      ? new TimeoutError(`no answer from ${this.base} in ${this.options.timeoutMs} ms`, { cause })
      : new ConnectionError(`no answer from ${this.base}: ${why}`, { cause });
    return Object.assign(failed, { unsent: !connected });
  }
}

/** Sees whether a request has a connection, over which it may have been sent. */
function watched(request) {
  const state = { late: false, connected: false };
  request.once("socket", (socket) => {
    const connected = () => (state.connected = true);
    if (socket.connecting || socket.secureConnecting) socket.once(socket.encrypted ? "secureConnect" : "connect", connected);
    else connected();
  });
  return state;
}

/** Sends a request, and gives the answer once its head is there, perhaps before all of the request is sent. */
function answerTo(request, content) {
  return new Promise((resolve, reject) => {
    let answered = false;
    request.once('response', (response) => {
      // Of lines the first may be answered while the others are still to go: only a refusal ends the sending.
      answered = response.statusCode < 200 || response.statusCode > 299;
      resolve(response);
    });
    // What is said once there is an answer is about the rest of the request.
    request.on("error", reject);
    // Without an error it ends where the answer is one of 101.
    request.once("close", () => reject(new Error("the connection was closed")));
    sendIn(request, content, () => answered || request.destroyed);
  });
}

/**
 * Sends a body in pieces, until `over` holds. Who refuses it for its length may answer before its end, and go; once that is found by writing nothing
 * can be read any more. So there is a turn of the loop, in which what came is read, between two of them.
 */
function sendIn(request, rest, over) {
  if (over()) return;
  if (rest === undefined || rest.length <= PIECE_BYTES) {
    request.end(rest);
    return;
  }
  request.write(rest.subarray(0, PIECE_BYTES), () => setImmediate(sendIn, request, rest.subarray(PIECE_BYTES), over));
}

/** The JSON of an answer, which must be an object, beside it. */
export function objectOf(answer) {
  try {
    const value = json.parse(answer.text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { value, answer };
  } catch {
    // Said below.
  }
  throw Object.assign(new BadAnswerError("the answer is not the JSON of a broker"), { status: answer.status });
}

/** What is made of an answer that is longer than any broker's. */
function tooLong({ status, headers }) {
  const error = status >= 200 && status < 300 ? new BadAnswerError("the answer has no end") : refusal(status, null, undefined);
  return { status, headers, text: "", error: Object.assign(error, { status }) };
}
