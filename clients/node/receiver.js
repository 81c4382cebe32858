// For programs that a notifyd calls: is the call signed by the broker (Standard Webhooks), and was its work done already?
import { createHmac, createPublicKey, timingSafeEqual, verify as verifySignature } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { parse } from "./json.js";

const ABANDONED_MS = 600000;
/** What is kept of the body of an answer, for repeats. */
const MOST_KEPT_BYTES = 4096;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A call does not verify; `reason` is one of missing_header, bad_timestamp, too_old, too_new, no_match. */
export class VerifyError extends Error {
  constructor(reason) {
    super(`the call does not verify: ${reason}`);
    this.name = "VerifyError";
    this.reason = reason;
  }
}

function bytesOfBase64(text) {
  return BASE64.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
}

/** Reads the text of a key, whsec_... or whpk_...; gives what judges one signature. Throws a RangeError where it is neither. */
function judgeOf(key) {
  const [, kind, text] = /^(whsec|whpk)_(.*)$/s.exec(key) ?? [];
  const bytes = bytesOfBase64(text ?? "");
  if (kind === "whsec" && bytes.length > 0) {
    return (content) => {
      const wanted = Buffer.from(`v1,${createHmac("sha256", bytes).update(content).digest("base64")}`);
      return (signature) => signature.length === wanted.length && timingSafeEqual(signature, wanted);
    };
  }
  if (kind === "whpk" && bytes.length === 32) {
    const publicKey = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") } });
    return (content) => (signature) => {
      const [, encoded] = /^v1a,(.+)$/.exec(signature.toString("latin1")) ?? [];
      const given = bytesOfBase64(encoded ?? "");
      return given.length === 64 && verifySignature(null, content, publicKey, given);
    };
  }
  throw new RangeError("a key is whsec_ or whpk_ and Base64");
}

function judgesOf(keys) {
  if (!Array.isArray(keys) || keys.length === 0) throw new RangeError("there is no key to verify with");
  return keys.map(judgeOf);
}

/** The value of a header, whatever its case, of a Headers or an object; "" where there is none or more than one. */
function headerOf(headers, name) {
  if (typeof headers.get === "function") return headers.get(name) ?? "";
  const values = Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? value : []));
  return values.length === 1 ? String(values[0]) : "";
}

function verified(headers, body, judges, { toleranceS = 300, now = Date.now } = {}) {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headerOf(headers, name));
  if (id === "" || timestamp === "" || signatures === "") throw new VerifyError("missing_header");
  if (!/^[0-9]{1,15}$/.test(timestamp)) throw new VerifyError("bad_timestamp");
  const timestampS = Number(timestamp);
  const age = Math.floor(now() / 1000) - timestampS;
  if (age > toleranceS) throw new VerifyError("too_old");
  if (age < -toleranceS) throw new VerifyError("too_new");
  // What is signed is id.time.body: with a dot in the id it could be read in two ways. Notifyd's have none.
  if (id.includes(".")) throw new VerifyError("no_match");
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), typeof body === "string" ? Buffer.from(body) : body]);
  const matching = judges.map((judge) => judge(content));
  const given = signatures.split(" ").map((signature) => Buffer.from(signature));
  if (!given.some((signature) => matching.some((matches) => matches(signature)))) throw new VerifyError("no_match");
  return { id, timestampS };
}

export function verify(headers, body, keys, options) {
  return verified(headers, body, judgesOf(keys), options);
}

/** Remembers which calls were done, in memory. What has these three methods, async ones too, may stand in its place. */
export class Dedup {
  #known = new Map();
  // As text of latin1: a small Buffer is a piece of a larger one, which it would keep.
  #answers = new Map();
  #room;

  constructor({ capacity = 100000, ttlMs = 86400000, now = Date.now, answerBytes = 16 << 20 } = {}) {
    Object.assign(this, { capacity, ttlMs, now });
    this.#room = answerBytes;
  }

  claim(id) {
    const known = this.#known.get(id);
    if (known !== undefined && this.now() < known.until) return known.done ? "done" : "busy";
    this.#remember(id, false);
    return "new";
  }

  finish(id, answer = Buffer.alloc(0)) {
    this.#remember(id, true);
    if (answer.length > 0) this.#answers.set(id, answer.toString("latin1"));
    this.#room -= answer.length;
    // An id stays where its answer goes: that work is done twice would be worse than that its repeat is answered otherwise.
    while (this.#room < 0) this.#forgetAnswer(this.#answers.keys().next().value);
  }

  release(id) {
    // Where its time was over another one may have done it meanwhile.
    if (this.#known.get(id)?.done === false) this.#forget(id);
  }

  answer(id) {
    return Buffer.from(this.#answers.get(id) ?? "", "latin1");
  }

  /** Entries stand in the order in which they were remembered: the oldest is the first. */
  #remember(id, done) {
    this.#forget(id);
    this.#known.set(id, { done, until: this.now() + this.ttlMs });
    if (this.#known.size > this.capacity) this.#forget(this.#known.keys().next().value);
  }

  #forget(id) {
    this.#known.delete(id);
    this.#forgetAnswer(id);
  }

  #forgetAnswer(id) {
    this.#room += this.#answers.get(id)?.length ?? 0;
    this.#answers.delete(id);
  }
}

/** What counts as done, unless a receiver is told otherwise: 2xx, but for 202, with which a receiver says that it is not ready (retry.later_on). */
export const isDone = (status) => status >= 200 && status < 300 && status !== 202;

/** The answer that a route gives: its status, and the beginning of its body. */
class Given {
  #pieces = [];
  #room = MOST_KEPT_BYTES;

  add(piece, encoding) {
    if (this.full || piece === undefined || piece === null || typeof piece === "function") return;
    const bytes = typeof piece === "string" ? Buffer.from(piece, typeof encoding === "string" ? encoding : "utf8") : piece;
    // A copy: whoever gave the piece may write on into it.
    const kept = Buffer.from(bytes.subarray(0, this.#room));
    this.#pieces.push(kept);
    this.#room -= kept.length;
  }

  get full() {
    return this.#room === 0;
  }

  get body() {
    return Buffer.concat(this.#pieces);
  }
}

/** What a repeat of what was done is answered with: as the first one was, 200 where that is not kept. */
function repeated(answer) {
  const kept = Buffer.from(answer ?? "");
  const body = kept.subarray(4);
  return { status: kept.length === 0 ? 200 : Number(kept.toString("latin1", 0, 3)), text: body.length === 0 ? undefined : body };
}

/** What both middlewares do with a call: judges it, and says whether its work is to be done. { status, headers, text } is an answer, { notify } the
 * call. */
class Gate {
  constructor({ keys, dedup = new Dedup(), toleranceS = 300, maxBytes = 4 << 20, now = Date.now, done = isDone, scope = "" } = {}) {
    Object.assign(this, { judges: judgesOf(keys), dedup, maxBytes, done, scope, options: { toleranceS, now } });
  }

  async judge(headers, body) {
    let id, timestampS;
    try {
      ({ id, timestampS } = verified(headers, body, this.judges, this.options));
    } catch (error) {
      if (error instanceof VerifyError) return { status: 401, text: `notifyd: ${error.message}\n` };
      throw error;
    }
    // The signed id, not Notify-Id beside it, which is not covered by the signature.
    const claimed = await this.dedup.claim(this.scope + id);
    if (claimed === "done") return repeated(await this.dedup.answer(this.scope + id));
    if (claimed === "busy") return { status: 503, headers: { "Retry-After": "1" } };
    return { notify: { id, timestampS, attempt: Number(headerOf(headers, "notify-attempt")) || 1 } };
  }

  /** A status of 0: the route has not answered. */
  async ended(id, status, body) {
    let done = false;
    try {
      done = status !== 0 && (await this.done(status, body));
    } finally {
      const key = this.scope + id;
      await (done ? this.dedup.finish(key, Buffer.concat([Buffer.from(`${status}\n`), body])) : this.dedup.release(key));
    }
  }
}

const isJson = (type) => /^application\/([^;]*\+)?json\s*(;|$)/i.test(type ?? "");

/** The text of a body, which the broker may have compressed; the signature is over the compressed one. Throws where it is longer. */
function textOf(body, encoding, maxBytes) {
  return (encoding === "gzip" ? gunzipSync(body, { maxOutputLength: maxBytes }) : body).toString();
}

/** Reads the body of a request of node:http; null where it is longer, and the connection is left as it is for the answer. */
function bytesOfRequest(request, maxBytes) {
  return new Promise((resolve, reject) => {
    const pieces = [];
    let length = 0;
    request.on("data", (piece) => {
      length += piece.length;
      if (length <= maxBytes) pieces.push(piece);
      else resolve(request.pause() && null);
    });
    request.on("end", () => resolve(Buffer.concat(pieces, length)));
    request.on("close", () => reject(new Error("the caller went away in the middle of its request")));
    request.on("error", reject);
  });
}

/** Reads the body of a Request of fetch; null where it is longer. */
async function bytesOf(stream, maxBytes) {
  const pieces = [];
  let length = 0;
  for await (const piece of stream) {
    length += piece.length;
    if (length > maxBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

/** Reads the beginning of a body of fetch. */
async function readInto(given, stream) {
  const reader = stream.getReader();
  while (!given.full) {
    const { done, value } = await reader.read();
    if (done) return;
    given.add(value);
  }
  // Of a clone: this ends only once the other one is read, by whoever sends it.
  reader.cancel().catch(() => {});
}

/**
 * Says once with which status and body a route ends its answer, also where nobody waits for it any more: its work is done all the same, and until
 * then a repeat finds it under way. 0: the caller went away, and the route has not ended in ABANDONED_MS; perhaps it never will.
 */
function watch(response, ended) {
  const { write, end } = response;
  const given = new Given();
  let abandoned, over = false;
  const tell = (status) => {
    clearTimeout(abandoned);
    if (!over) ended(status, given.body);
    over = true;
  };
  response.write = function (...piece) {
    given.add(...piece);
    return write.apply(this, piece);
  };
  response.end = function (...piece) {
    if (!over) given.add(...piece);
    // First: what the caller reads then is true already.
    tell(response.statusCode);
    return end.apply(this, piece);
  };
  response.once("close", () => {
    if (!over) abandoned = setTimeout(tell, ABANDONED_MS, 0).unref();
  });
}

/** What fails behind an answer has nobody left to tell it to but the process. */
function warn(error) {
  process.emitWarning(error instanceof Error ? error : String(error));
}

export function expressReceiver(options) {
  const gate = new Gate(options);
  async function take(request, response, next) {
    const body = Buffer.isBuffer(request.body) ? request.body : await bytesOfRequest(request, gate.maxBytes);
    if (body === null) return response.writeHead(413, { Connection: "close" }).end();
    const { status, headers, text, notify } = await gate.judge(request.headers, body);
    if (notify === undefined) return response.writeHead(status, headers).end(text);
    watch(response, (status, given) => gate.ended(notify.id, status, given).catch(warn));
    Object.assign(request, { notify, rawBody: body, body });
    try {
      const { "content-type": type, "content-encoding": encoding } = request.headers;
      if (body.length > 0 && isJson(type)) request.body = parse(textOf(body, encoding, gate.maxBytes));
    } catch {
      return response.writeHead(400).end();
    }
    return next();
  }
  return (request, response, next) => {
    if (request.readableEnded && !Buffer.isBuffer(request.body)) {
      next(new Error("expressReceiver needs the body as it came: put it before express.json(), or express.raw() before it"));
      return;
    }
    take(request, response, next).catch(next);
  };
}

export function fetchReceiver(handler, options) {
  const gate = new Gate(options);
  return async (request) => {
    const body = await bytesOf(request.body ?? [], gate.maxBytes);
    if (body === null) return new Response(null, { status: 413 });
    const { status, headers, text, notify } = await gate.judge(request.headers, body);
    if (notify === undefined) return new Response(text ?? null, { status, headers });
    let answered = 0;
    const given = new Given();
    try {
      const { method, headers: sent, signal } = request;
      const again = new Request(request.url, { method, headers: sent, signal, body: body.length > 0 ? body : undefined });
      const response = await handler(again, notify);
      if (response.body !== null) await readInto(given, response.clone().body);
      answered = response.status;
      return response;
    } finally {
      await gate.ended(notify.id, answered, given.body);
    }
  };
}
