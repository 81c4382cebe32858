// The broker's API, and who asks it. The token lies in the tab's session alone and goes along as a header; nothing of it stands in a URL.
import { notifyctl } from "./commands";
import { jsonOf, parseExactly } from "./json";
import { route } from "./route";
import { Store, keep, kept, visible } from "./store";
import type { Whoami } from "./types";

const kTokenName = "notifyd.token";
const root = new URL("../", location.href.split("#")[0]).href;

/// A refusal (RFC 9457), or no answer at all: `status` 0.
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    readonly detail: string,
    readonly field?: string,
    readonly id?: string,
  ) {
    super(detail);
  }
  /// Is the route one that this broker does not have?
  get missing(): boolean {
    return this.status === 404 || this.status === 501;
  }
  /// Does it say no more than that the broker cannot tell now?
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/// Of a path that a browser makes another one of before it asks: a name that is "." or ".." takes the part before it away, however it is encoded.
export const kUnaskable = "unaskable";
export const isUnaskable = (path: string): boolean => /\/(\.|%2e){1,2}(?=[/?#]|$)/i.test(path.replace(/^(?!\/)/, "/"));

export type Session =
  | { state: "unknown"; problem?: Problem } // why nobody said it yet
  | { state: "login"; why: "asked" | "refused" | "expired" | "ended" | "strange" | "unsure"; detail?: string }
  | { state: "open"; who: Whoami };
export const session = new Store<Session>({ state: "unknown" });
/// Since when nothing is answered; null: it answers.
export const downSince = new Store<number | null>(null);

export const token = (): string | null => kept("sessionStorage", kTokenName);

/// The id of the token that is shown: what stands between the first two underscores of its text.
export const tokenId = (): string | null => token()?.split("_")[1] ?? null;

// So long an answer may take, body and all. What only looks is asked again; of what changes something nobody knows then whether it was done.
const kLookMs = 30_000;
const kChangeMs = 120_000;

/// An idempotency key of something that is done once.
export const newKey = (): string => "console-" + Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export interface Answer<T> {
  status: number;
  body: T;
  etag: string | null;
}

/// What was typed for a number and is none is refused by the broker: as null it would be the default.
const numbers = (_key: string, value: unknown): unknown => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);

interface Ask {
  exactly?: boolean;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export function headersOf(more: Record<string, string> = {}): Record<string, string> {
  const shown = token();
  return { Accept: "application/json", ...(shown ? { Authorization: "Bearer " + shown } : {}), ...more };
}

export const urlOf = (path: string): string => root + path.replace(/^\//, "");

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text);
    return new Problem(response.status, body.type ?? "", body.detail ?? body.title ?? "", body.field, body.id);
  } catch {
    return new Problem(response.status, "", text.slice(0, 200) || response.statusText);
  }
}

/// A credential that does not hold any more leads to the login; whatever was on the page is said there.
export function refused(problem: Problem): void {
  if (problem.status !== 401) return;
  const had = session.get().state === "open" || token() !== null;
  keep("sessionStorage", kTokenName, null);
  session.set({ state: "login", why: had ? "expired" : "asked", detail: problem.detail });
}

interface Limit {
  signal: AbortSignal;
  rest: () => void; // the time counts no more
  abort: () => void;
}

/// A signal that ends with `signal`, or after so long.
export function within(ms: number, signal?: AbortSignal): Limit {
  const own = new AbortController();
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    own.abort();
  };
  const timer = setTimeout(end, ms);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  return { signal: own.signal, rest: () => clearTimeout(timer), abort: end };
}

async function answerOf<T>(method: string, path: string, { body, headers = {}, exactly = false }: Ask, signal: AbortSignal): Promise<Answer<T>> {
  const patch = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const response = await fetch(urlOf(path), {
    method,
    signal,
    cache: "no-store",
    credentials: "omit",
    headers: headersOf(body === undefined ? headers : { "Content-Type": patch, ...headers }),
    body: body === undefined ? undefined : jsonOf(body, numbers),
  });
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return { status: response.status, etag: response.headers.get("ETag"), body: (text === "" ? null : exactly ? parseExactly(text) : JSON.parse(text)) as T };
}

export async function ask<T>(method: string, path: string, how: Ask = {}): Promise<Answer<T>> {
  if (isUnaskable(path)) throw new Problem(400, kUnaskable, "");
  const limit = within(method === "GET" ? kLookMs : kChangeMs, how.signal);
  try {
    const answer = await answerOf<T>(method, path, how, limit.signal);
    downSince.set(null);
    return answer;
  } catch (error) {
    if (error instanceof Problem) {
      downSince.set(null);
      refused(error);
      if (error.status === 403) void lookAgain();
      throw error;
    }
    if (how.signal?.aborted) throw error;
    if (downSince.get() === null) downSince.set(Date.now());
    throw new Problem(0, "", "");
  } finally {
    limit.abort();
  }
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await ask<T>("GET", path, { signal })).body;

/// One in which what clients wrote is shown (json.ts).
export const getExactly = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await ask<T>("GET", path, { signal, exactly: true })).body;

/// The namespace that the page is about.
export function space(): string {
  const named = route.get().query.get("ns");
  if (named) return named;
  const now = session.get();
  if (now.state !== "open" || now.who.namespaces === "*" || now.who.namespaces.includes("default")) return "default";
  return now.who.namespaces[0] ?? "default";
}

/// "/v1/notifies" of the page's namespace.
export const spaced = (path: string): string => `/v1/namespaces/${encodeURIComponent(space())}${path.slice("/v1".length)}`;

/// How notifyctl is called for the page's namespace.
export const ctl = (): string => notifyctl(space());

/// May whoever is logged in do what needs one of these scopes?
export function may(...scopes: string[]): boolean {
  const now = session.get();
  return now.state === "open" && scopes.some((scope) => now.who.scopes.includes(scope));
}
/// Is it bound to no lanes and fkeys?
export function unbound(): boolean {
  const now = session.get();
  return now.state === "open" && now.who.lanes.length === 0 && now.who.fkeys.length === 0;
}
/// Is it of all namespaces?
export function ofAll(): boolean {
  const now = session.get();
  return now.state === "open" && now.who.namespaces === "*";
}
export function adminOfAll(): boolean {
  const now = session.get();
  return now.state === "open" && now.who.namespaces === "*" && now.who.scopes.includes("admin");
}

/// Is this one of several brokers, and may whoever is logged in look at all of them?
export function inCluster(): boolean {
  const now = session.get();
  return now.state === "open" && typeof now.who.member === "string" && adminOfAll(); // an older broker does not say it
}

/// Finds out who asks; what the broker says decides between the pages and the login. Where it cannot say it now, it is asked again.
export async function findOut(): Promise<void> {
  try {
    session.set({ state: "open", who: await get<Whoami>("/v1/whoami") });
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return;
    if (error instanceof Problem && error.passing) {
      session.set({ state: "unknown", problem: error.status === 0 ? undefined : error });
      await new Promise((done) => setTimeout(done, 1500));
      return findOut();
    }
    session.set({ state: "login", why: "refused", detail: error instanceof Problem ? error.detail : String(error) });
  }
}

const kWhoMs = 60_000; // so often it is asked again what one may do
const kWhoLeastMs = 10_000; // and no sooner, whatever is refused
let askedWho = 0;

/// What a token may do can be changed while a page is open.
async function lookAgain(): Promise<void> {
  if (session.get().state !== "open" || Date.now() - askedWho < kWhoLeastMs) return;
  askedWho = Date.now();
  const shown = token();
  try {
    const who = await get<Whoami>("/v1/whoami");
    const now = session.get();
    if (now.state === "open" && token() === shown && JSON.stringify(now.who) !== JSON.stringify(who)) session.set({ state: "open", who });
  } catch {
    // Then it stays as it was said; one that does not hold any more leads to the login.
  }
}

export function beginAsking(): void {
  window.setInterval(() => {
    if (visible.get() && Date.now() - askedWho >= kWhoMs) void lookAgain();
  }, 5000);
}

export async function logIn(text: string): Promise<void> {
  const typed = text.trim();
  // What no header can hold is not asked at all; most often it came along with what was pasted, and is not seen.
  const strange = /[^\x21-\x7e]/u.exec(typed)?.[0];
  if (strange !== undefined) {
    const code = "U+" + strange.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    session.set({ state: "login", why: "strange", detail: /\p{L}|\p{N}|\p{P}|\p{S}/u.test(strange) ? `${strange} (${code})` : code });
    return;
  }
  keep("sessionStorage", kTokenName, typed);
  try {
    const { body } = await ask<Whoami>("GET", "/v1/whoami", { headers: { Authorization: "Bearer " + typed } });
    session.set({ state: "open", who: body });
  } catch (error) {
    keep("sessionStorage", kTokenName, null);
    const problem = error as Problem;
    session.set({ state: "login", why: problem.passing ? "unsure" : "refused", detail: problem.status === 0 ? undefined : problem.detail });
    throw error;
  }
}

export function logOut(): void {
  keep("sessionStorage", kTokenName, null);
  session.set({ state: "login", why: "ended" });
}
