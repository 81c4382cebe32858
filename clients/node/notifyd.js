// The client of a notifyd broker: its calls. What each sends and what is tried again stands in clients/cases.md.
import { randomBytes } from "node:crypto";
import * as json from "./json.js";
import { BadAnswerError, ConnectionError, refusal } from "./errors.js";
import { MOST_WAIT_MS, Transport, checkTarget, headerValue, objectOf, problemOf, segment } from "./transport.js";

export * from "./errors.js";
export { parse as parseJson, stringify as stringifyJson } from "./json.js";

const SETTLED = new Set(["succeeded", "failed", "cancelled", "expired"]);
// A request of a stream ends once its body is so long.
const MOST_STREAM_LENGTH = 1 << 20;
const PATCH = "application/merge-patch+json";

const DEFAULTS = {
  timeoutMs: 30000,
  attempts: 4,
  initialWaitMs: 200,
  maxWaitMs: 10000,
  maxRetryAfterMs: 60000,
  idempotencyKeys: true,
  linesPerRequest: 1000,
  // No answer of a broker is so long, as text: what is gets not read to its end.
  mostAnswerLength: 256 << 20,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const OPTIONS = new Set(["url", "token", "namespace", ...Object.keys(DEFAULTS)]);

/** Leaves out what is undefined. */
const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** The headers that make a call of what an etag says alone. */
const conditionOf = (ifMatch) => (ifMatch === undefined ? {} : { "If-Match": headerValue(ifMatch, "ifMatch") });

/** Leaves out what is undefined or null: an option that nobody states. */
const stated = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));

export class Client {
  #transport;
  #options;

  constructor(options = {}) {
    const { NOTIFYD_URL, NOTIFYD_TOKEN, NOTIFYD_NAMESPACE } = process.env;
    const unknown = Object.keys(options).find((name) => !OPTIONS.has(name));
    if (unknown !== undefined) throw new RangeError(`there is no option ${unknown}`);
    const url = NOTIFYD_URL || "http://127.0.0.1:7300";
    const fromEnvironment = { url, token: NOTIFYD_TOKEN || undefined, namespace: NOTIFYD_NAMESPACE || undefined };
    this.#options = { ...DEFAULTS, ...fromEnvironment, ...stated(options) };
    this.#transport = new Transport(this.#options);
  }

  async submit(notify) {
    const body = this.#keyed(notify);
    return this.#taken("/notifies", { body: json.stringify(body), safe: hasKey(body) });
  }

  async submitAndWait(notify, waitMs) {
    return this.#takenAndWaited("/notifies", this.#keyed(notify), waitMs, isOver);
  }

  async submitBatch(notifies) {
    const bodies = notifies.map((notify) => this.#keyed(notify));
    return this.#items("/notifies", bodies);
  }

  async *submitStream(notifies) {
    let first = 0;
    for await (const lines of this.#pieces(notifies)) {
      yield* this.#sendLines(lines, first);
      first += lines.length;
    }
  }

  async trigger(fkey, { data, delay_ms, due_at, remember_ms } = {}) {
    const fields = given({ data, delay_ms, due_at });
    const body = Object.keys(fields).length === 0 ? undefined : json.stringify(fields);
    return this.#json("POST", `/fkeys/${segment(fkey)}/trigger`, { query: { remember_ms }, body, safe: true });
  }

  async getFkey(fkey) {
    return this.#withEtag("GET", `/fkeys/${segment(fkey)}`, { safe: true });
  }

  async cancelFkey(fkey) {
    return this.#json("DELETE", `/fkeys/${segment(fkey)}`);
  }

  async get(id) {
    return this.#withEtag("GET", `/notifies/${segment(id)}`, { safe: true });
  }

  async wait(id, waitMs = MOST_WAIT_MS) {
    return this.#waited(`/notifies/${segment(id)}`, waitMs, (seen) => SETTLED.has(seen.state));
  }

  async response(id) {
    return this.#json("GET", `/notifies/${segment(id)}/response`, { safe: true });
  }

  async explain(id) {
    return this.#json("GET", `/notifies/${segment(id)}/explain`, { safe: true });
  }

  list(filters = {}) {
    const { state } = filters;
    return this.#paged("/notifies", { ...filters, state: Array.isArray(state) ? state.join(",") : state });
  }

  async change(id, patch, { ifMatch } = {}) {
    const call = { body: json.stringify(patch), type: PATCH, headers: conditionOf(ifMatch), safe: ifMatch === undefined };
    return this.#withEtag("PATCH", `/notifies/${segment(id)}`, call);
  }

  async cancel(id, { ifMatch } = {}) {
    return this.#json("DELETE", `/notifies/${segment(id)}`, { headers: conditionOf(ifMatch) });
  }

  async retry(id, { paused, ifMatch } = {}) {
    return this.#json("POST", `/notifies/${segment(id)}/retry`, { query: { paused }, headers: conditionOf(ifMatch) });
  }

  async retryMatching(filter, options = {}) {
    return this.#matching("retry", filter, options);
  }

  async cancelMatching(filter, options = {}) {
    return this.#matching("cancel", filter, options);
  }

  async purgeMatching(filter, options = {}) {
    return this.#matching("purge", filter, options);
  }

  lanes({ prefix, limit } = {}) {
    return this.#paged("/lanes", { prefix, limit });
  }

  async lane(mode, name) {
    return this.#json("GET", `/lanes/${segment(mode)}/${segment(name)}`, { safe: true });
  }

  async changeLane(mode, name, patch) {
    return this.#json("PATCH", `/lanes/${segment(mode)}/${segment(name)}`, { body: json.stringify(patch), type: PATCH, safe: true });
  }

  async pauseLane(mode, name) {
    return this.changeLane(mode, name, { paused: true });
  }

  async resumeLane(mode, name) {
    return this.changeLane(mode, name, { paused: false });
  }

  async publish(topic, event) {
    const body = this.#keyed(event);
    return this.#taken(`/topics/${segment(topic)}/publish`, { body: json.stringify(body), safe: hasKey(body) });
  }

  async publishBatch(events) {
    const bodies = events.map((event) => this.#keyed(event));
    return this.#items("/publish", bodies);
  }

  async makeGroup(group, { wait_ms } = {}) {
    return this.#takenAndWaited("/groups", this.#keyed(group), wait_ms, (seen) => seen.state !== "pending");
  }

  async group(id, { wait_ms } = {}) {
    if (wait_ms === undefined) return this.#json("GET", `/groups/${segment(id)}`, { safe: true });
    return this.#waited(`/groups/${segment(id)}`, wait_ms, (seen) => seen.state !== "pending");
  }

  groups({ limit } = {}) {
    return this.#paged("/groups", { limit });
  }

  async cancelGroup(id) {
    return this.#json("DELETE", `/groups/${segment(id)}`);
  }

  async request(method, path, { query, json: body } = {}) {
    checkTarget(method, path);
    const call = { query, body: body === undefined ? undefined : json.stringify(body), type: method === "PATCH" ? PATCH : undefined, bare: true };
    return this.#json(method, path.slice("/v1".length), { ...call, safe: method === "GET" || method === "HEAD" || method === "PUT" });
  }

  async #json(method, path, call = {}) {
    return (await this.#transport.json({ method, path, ...call })).value;
  }

  async #withEtag(method, path, call) {
    return withEtag(await this.#transport.json({ method, path, ...call }));
  }

  /** As #json, and throws a BadAnswerError where `holds` does not hold of the answer. */
  async #judged(method, path, call, holds) {
    const { value, answer } = await this.#transport.json({ method, path, ...call });
    if (holds(value)) return value;
    throw Object.assign(new BadAnswerError("the answer is not the one of a broker to this"), { status: answer.status });
  }

  /** Of what the broker takes: its answer has an id. Whatever answers without one took nothing. */
  #taken(path, call) {
    return this.#judged("POST", path, call, hasId);
  }

  /**
   * As #taken, once `over` holds of the answer, or `waitMs` have passed. A broker that stops or restarts answers earlier: what has a key is asked
   * again. By then it was taken, which is told whatever comes of that.
   */
  async #takenAndWaited(path, body, waitMs, over) {
    const end = performance.now() + waitMs;
    const call = { body: json.stringify(body), safe: hasKey(body) };
    let taken = await this.#taken(path, { ...call, query: { wait_ms: waitMs }, waitMs });
    for (let early = 1; call.safe && waitMs > 0 && !over(taken); early += 1) {
      const left = end - performance.now();
      if (left > 0) await this.#options.sleep(Math.min(this.#transport.waitAfter(early), left));
      waitMs = Math.floor(end - performance.now());
      if (waitMs < 1) break;
      try {
        taken = await this.#taken(path, { ...call, query: { wait_ms: waitMs }, waitMs });
      } catch {
        break;
      }
    }
    return taken;
  }

  async #items(path, bodies) {
    const call = { body: json.stringify(bodies), safe: bodies.every(hasKey) };
    const ofAll = ({ items }) => Array.isArray(items) && items.length === bodies.length && items.every(hasId);
    return (await this.#judged("POST", path, call, ofAll)).items;
  }

  /** Gives what has no idempotency key one, so that it can be sent again. */
  #keyed(body) {
    if (!this.#options.idempotencyKeys || hasKey(body)) return body;
    return { ...body, idempotency_key: randomBytes(18).toString("base64url") };
  }

  /**
   * Waits in slices until `over` holds of what is there, or `waitMs` have passed. A broker that stops or restarts answers earlier: it is asked again.
   */
  async #waited(path, waitMs, over) {
    const { attempts, sleep } = this.#options;
    const end = performance.now() + waitMs;
    for (let left = waitMs, failed = 0, early = 0; ; left = Math.max(0, Math.floor(end - performance.now()))) {
      const slice = Math.min(left, MOST_WAIT_MS);
      const sliceEnd = performance.now() + slice;
      const { error, ...answer } = await this.#transport.once({ method: "GET", path, query: { wait_ms: slice }, waitMs: slice });
      if (error !== undefined) {
        failed += 1;
        if (failed >= attempts || !this.#transport.again(error, true)) throw error;
        await this.#transport.pause(failed, error);
        continue;
      }
      failed = 0;
      const seen = withEtag(objectOf(answer));
      const now = performance.now();
      if (over(seen) || now >= end) return seen;
      early = now < sliceEnd ? early + 1 : 0;
      if (early > 0) await sleep(Math.min(this.#transport.waitAfter(early), end - now));
    }
  }

  async *#paged(path, query) {
    for (let { cursor } = query; cursor !== null; ) {
      const page = await this.#judged("GET", path, { query: { ...query, cursor }, safe: true }, ({ items }) => Array.isArray(items));
      yield* page.items;
      cursor = page.next ?? null;
    }
  }

  async #matching(what, filter, { limit, dry_run }) {
    let count = 0;
    for (let cursor; cursor !== null; ) {
      const call = { body: json.stringify(given({ filter, limit, dry_run, cursor })) };
      const done = await this.#judged("POST", `/notifies/${what}`, call, (value) => Number.isInteger(value.count));
      count += done.count;
      cursor = done.next ?? null;
    }
    return { count };
  }

  /** Cuts a stream into the lines of one request each. Where the source fails, or gives what cannot be sent, that is thrown behind the lines before it. */
  async *#pieces(notifies) {
    let lines = [];
    let length = 0;
    let failure;
    try {
      for await (const notify of notifies) {
        const body = this.#keyed(notify);
        const line = { text: `${json.stringify(body)}\n`, safe: hasKey(body) };
        lines.push(line);
        length += line.text.length;
        if (lines.length < this.#options.linesPerRequest && length < MOST_STREAM_LENGTH) continue;
        yield lines;
        lines = [];
        length = 0;
      }
    } catch (cause) {
      failure = { cause };
    }
    if (lines.length > 0) yield lines;
    if (failure !== undefined) throw failure.cause;
  }

  /** Sends lines until each has its answer, and gives those; `first` is the index of the first one. */
  async *#sendLines(lines, first) {
    for (let failed = 0, done = 0; done < lines.length; ) {
      const rest = lines.slice(done);
      const call = { method: "POST", path: "/notifies", type: "application/x-ndjson", body: rest.map((line) => line.text).join("") };
      const answer = await this.#transport.once(call);
      const taken = answer.status >= 200 && answer.status < 300;
      const { lines: answered, wrong, ended } = taken ? wholeLines(answer, rest.length) : { lines: [] };
      for (const line of answered) yield { ...line, index: first + done + line.index };
      done += answered.length;
      if (wrong !== undefined) throw wrong;
      if (done === lines.length) return;
      const error = ended ?? answer.error ?? cutShort(answered);
      failed = answered.length > 0 ? 1 : failed + 1;
      const safe = lines.slice(done).every((line) => line.safe);
      if (failed >= this.#options.attempts || !this.#transport.again(error, safe)) throw error;
      await this.#transport.pause(failed, error);
    }
  }
}

/** What an answer holds, with the version of it where it says one. */
function withEtag({ value, answer }) {
  const { etag } = answer.headers;
  return etag === undefined ? value : { ...value, etag };
}

const hasId = (value) => typeof value?.id === "string";

/** Is this the end of what a submit waits for? One that was held before, and kept, may be another one by the next time. */
const isOver = ({ state, kept }) => SETTLED.has(state) || state === "removed" || kept === true;

const hasKey = (body) => body.idempotency_key !== undefined && body.idempotency_key !== null;

/**
 * Reads the lines of an answer that are about a line of the request, up to the last line end; `wrong`: what is with the next one; `ended`: what it
 * says of why it is the last.
 */
function wholeLines(answer, asked) {
  const lines = [];
  const bad = (text, cause) => ({ lines, wrong: Object.assign(new BadAnswerError(text, { cause }), { status: answer.status }) });
  for (const text of answer.text.split("\n").slice(0, -1)) {
    let line;
    try {
      line = json.parse(text);
    } catch (cause) {
      return bad("a line of the answer is not JSON", cause);
    }
    // A problem, the last one of an answer that the broker ended: those behind were not taken, or that is not known.
    if (line?.index === undefined && typeof line?.type === "string") {
      const status = line.status ?? (line.next_index === undefined ? 504 : 503);
      return { lines, ended: refusal(status, problemOf(text), undefined) };
    }
    const told = hasId(line) || typeof line?.error === "object";
    if (!told || line.index !== lines.length || lines.length === asked) return bad("a line of the answer is not the next one");
    lines.push(line);
  }
  return { lines };
}

/** What is wrong with an answer that ended in order before every line had its own. */
function cutShort(answered) {
  return Object.assign(new ConnectionError(`the answer ended after ${answered.length} lines`), { unsent: false });
}
