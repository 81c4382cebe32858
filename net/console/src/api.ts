// The broker's API, and who asks it. The token lies in the tab's session alone and goes along as a header; nothing of it stands in a URL.
import { notifyctl } from "./commands";
import { jsonOf, parseExactly } from "./json";
import { route } from "./route";
import { Store, keep, kept } from "./store";
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
}

export type Session =
  | { state: "unknown" }
  | { state: "login"; why: "asked" | "refused" | "expired" | "ended"; detail?: string }
  | { state: "open"; who: Whoami };
export const session = new Store<Session>({ state: "unknown" });
/// Since when nothing is answered; null: it answers.
export const downSince = new Store<number | null>(null);

export const token = (): string | null => kept("sessionStorage", kTokenName);

/// The id of the token that is shown: what stands between the first two underscores of its text.
export const tokenId = (): string | null => token()?.split("_")[1] ?? null;

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

export async function ask<T>(method: string, path: string, { body, signal, headers = {}, exactly = false }: Ask = {}): Promise<Answer<T>> {
  const patch = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  let response: Response;
  try {
    response = await fetch(urlOf(path), {
      method,
      signal,
      cache: "no-store",
      credentials: "omit",
      headers: headersOf(body === undefined ? headers : { "Content-Type": patch, ...headers }),
      body: body === undefined ? undefined : jsonOf(body, numbers),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (downSince.get() === null) downSince.set(Date.now());
    throw new Problem(0, "", "");
  }
  downSince.set(null);
  if (!response.ok) {
    const problem = await problemOf(response);
    refused(problem);
    throw problem;
  }
  const text = await response.text();
  return { status: response.status, etag: response.headers.get("ETag"), body: (text === "" ? null : exactly ? parseExactly(text) : JSON.parse(text)) as T };
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

/// Finds out who asks; what the broker says decides between the pages and the login.
export async function findOut(): Promise<void> {
  try {
    session.set({ state: "open", who: await get<Whoami>("/v1/whoami") });
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return;
    if (error instanceof Problem && error.status === 0) {
      await new Promise((done) => setTimeout(done, 1500));
      return findOut();
    }
    session.set({ state: "login", why: "refused", detail: error instanceof Problem ? error.detail : String(error) });
  }
}

export async function logIn(text: string): Promise<void> {
  keep("sessionStorage", kTokenName, text.trim());
  const shown = { Authorization: "Bearer " + text.trim() };
  try {
    const { body } = await ask<Whoami>("GET", "/v1/whoami", { headers: shown });
    session.set({ state: "open", who: body });
  } catch (error) {
    keep("sessionStorage", kTokenName, null);
    const problem = error as Problem;
    session.set({ state: "login", why: "refused", detail: problem.status === 0 ? undefined : problem.detail });
    throw error;
  }
}

export function logOut(): void {
  keep("sessionStorage", kTokenName, null);
  session.set({ state: "login", why: "ended" });
}

