// The figures of now. One tab of the browser reads the stream (GET /v1/live, with the token as a header) and tells the others over a BroadcastChannel;
// where the broker has no such stream it asks /v1/stats once a second instead. A hidden tab neither reads nor asks: another one takes over.
import { useEffect } from "preact/hooks";
import { Problem, ask, downSince, get, headersOf, inCluster, isUnaskable, refused, session, space, spaced, token, urlOf, within } from "./api";
import { usePoll } from "./poll";
import { Store, useStore, visible } from "./store";
import { route } from "./route";
import type { Live, Stats } from "./types";

export const live = new Store<Live | null>(null);
/// Why whoever is logged in gets no figures of this namespace; null: he does, or nobody said yet.
export const liveRefused = new Store<Problem | null>(null);
/// Are the figures those of now? Where they are not, nothing is judged by them.
export const fresh = new Store(false);
/// Since when there are no new ones, though they are looked for; null: there are. To be said aloud.
export const staleSince = new Store<number | null>(null);
/// In a cluster whoever serves the page's namespace may not be the one that judges alerts: that one is asked.
const alertsElsewhere = new Store<Live["alerts"]>(null);
/// Are there alerts that nobody told of, to whom they are told otherwise?
export const alertsUnknown = new Store(false);
export function WatchAlerts(): null {
  const elsewhere = useStore(live)?.alerts === null && inCluster();
  const { error } = usePoll(
    elsewhere ? "/v1/alerts" : "",
    async (signal) => alertsElsewhere.set(elsewhere ? await get<NonNullable<Live["alerts"]>>("/v1/alerts", signal) : null),
    elsewhere ? 10_000 : 0,
  );
  const unknown = elsewhere && error !== null;
  useEffect(() => alertsUnknown.set(unknown), [unknown]);
  return null;
}
/// How many alerts fire, and how many of their messages are undelivered; null: it is not known, or not for whoever is logged in.
export function useAlertCounts(now: Live | null): Live["alerts"] {
  const asked = useStore(alertsElsewhere);
  return now?.alerts ?? asked;
}
/// How many streams and polls this tab has begun: for tests.
export const reads = { streams: 0, polls: 0 };

const kRefusedMs = 10_000; // so long nothing is asked again of who was refused
const kSilentMs = 3000; // so long nobody told anything: somebody has to read
const kFreshMs = 5000; // so old figures, which come once a second, are not those of now any more
const kStreamSilentMs = 20_000; // a stream on which nothing comes for so long is dead: something comes each 15 s at least
const kStreamBeginMs = 10_000; // so long a stream may take to begin
const kStreamAgainMs = 60_000; // so long is asked without one before it is tried again
const me = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

type Word = { kind: "figures"; from: string; live: Live } | { kind: "bye"; from: string };

let channel: BroadcastChannel | null = null;
let channelName = "";
let abort: AbortController | null = null;
let heardAt = 0;
let tookAt = 0; // when the last figures came
let shownAt = Date.now(); // since when somebody looks
let aheadMs: number | null = null; // of this clock: by how much the broker's is
const lasts: { at: number; stats: Stats }[] = [];

/// Tabs of different tokens or namespaces tell each other nothing. Not the token: a name of it.
function nameOfChannel(): string {
  let hash = 5381;
  for (const c of token() ?? "") hash = ((hash * 33) ^ c.charCodeAt(0)) >>> 0;
  return `notifyd ${urlOf("")} ${space()} ${hash.toString(36)}`;
}

function tell(word: Word): void {
  channel?.postMessage(word);
}

function take(next: Live): void {
  tookAt = Date.now();
  aheadMs = new Date(next.at).getTime() - tookAt;
  live.set(next);
  liveRefused.set(null);
  downSince.set(null);
  judge();
}

function judge(): void {
  const now = Date.now();
  fresh.set(live.get() !== null && liveRefused.get() === null && downSince.get() === null && now - tookAt <= kFreshMs);
  const looks = session.get().state === "open" && visible.get() && live.get() !== null;
  staleSince.set(looks && (liveRefused.get() !== null || now - Math.max(tookAt, shownAt) > kFreshMs) ? tookAt : null);
}

/// What time it is at a broker that says this.
const timeOf = (stats: Stats): number => new Date(stats.started_at).getTime() + stats.uptime_ms;

/// What time it is for the broker, by the figures of now. Never later than it is there: what it says has been on its way.
export async function brokerNow(): Promise<number> {
  if (fresh.get() && aheadMs !== null) return Date.now() + aheadMs;
  return timeOf((await ask<Stats>("GET", spaced("/v1/stats"))).body);
}

function stop(): void {
  if (!abort) return;
  abort.abort();
  abort = null;
  tell({ kind: "bye", from: me });
}

function hear(word: Word): void {
  if (word.from === me) return;
  if (word.kind === "bye") {
    heardAt = Date.now() - kSilentMs + 100 + Math.random() * 400;
    return;
  }
  heardAt = Date.now();
  take(word.live);
  // Two read: the one with the greater name goes on.
  if (abort && word.from > me) {
    abort.abort();
    abort = null;
  }
}

/// What the totals grew by in the last seconds.
function rateOf(stats: Stats): Live["rates"] {
  const now = Date.now();
  if (lasts.length > 0 && lasts[0]!.stats.pid !== stats.pid) lasts.length = 0;
  lasts.push({ at: now, stats });
  while (lasts.length > 6) lasts.shift();
  const first = lasts[0]!;
  const seconds = (now - first.at) / 1000;
  const of = (name: "accepted" | "attempts" | "succeeded" | "failed") =>
    seconds > 0 ? Math.max(0, (stats.totals[name] - first.stats.totals[name]) / seconds) : 0;
  return { accepted: of("accepted"), attempts: of("attempts"), succeeded: of("succeeded"), failed: of("failed") };
}

/// Ends where it is refused, or the stream is to be tried again.
async function poll(signal: AbortSignal): Promise<void> {
  reads.polls += 1;
  const end = Date.now() + kStreamAgainMs;
  while (!signal.aborted && Date.now() < end) {
    try {
      const stats = await get<Stats>(spaced("/v1/stats"), signal);
      const next: Live = { at: timeOf(stats), polled: true, stats, rates: rateOf(stats), lag_ms: null, lateness_p99_ms: null, commit_p99_ms: null, failing_hosts: null, alerts: null };
      if (signal.aborted) return;
      take(next);
      tell({ kind: "figures", from: me, live: next });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status > 0) return liveRefused.set(error);
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
}

/// Takes the events off the stream's text; what is left is the beginning of the next one.
export function eventsOf(text: string): { events: string[]; rest: string } {
  const parts = text.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? "";
  const events: string[] = [];
  for (const part of parts) {
    const data = part
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).replace(/^ /, ""));
    if (data.length > 0) events.push(data.join("\n"));
  }
  return { events, rest };
}

/// Nothing came, or nothing more.
function silence(signal: AbortSignal): void {
  if (!signal.aborted && downSince.get() === null) downSince.set(Date.now());
}

/// False: there is no such stream, or no place in it.
async function stream(signal: AbortSignal): Promise<boolean> {
  reads.streams += 1;
  const path = spaced("/v1/live");
  if (isUnaskable(path)) return false;
  const begin = within(kStreamBeginMs, signal);
  let response: Response;
  try {
    response = await fetch(urlOf(path), { signal: begin.signal, cache: "no-store", credentials: "omit", headers: headersOf({ Accept: "text/event-stream" }) });
    if (response.status === 401) {
      const body = await response.json().catch(() => ({}));
      refused(new Problem(401, "", body.detail ?? ""));
      return true;
    }
    if (!response.ok || !response.body) {
      response.body?.cancel().catch(() => undefined);
      return false;
    }
  } catch {
    silence(signal);
    return true;
  } finally {
    begin.rest();
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    while (!signal.aborted) {
      const piece = await inTime(reader.read());
      if (piece === null) {
        silence(signal);
        break;
      }
      if (piece.done) break;
      const { events, rest } = eventsOf(text + piece.value);
      text = rest;
      for (const event of events) {
        const next = JSON.parse(event) as Live;
        take(next);
        tell({ kind: "figures", from: me, live: next });
      }
    }
  } catch {
    // It broke off: read anew.
  } finally {
    begin.abort();
  }
  return true;
}

/// Null: nothing came for too long.
async function inTime<T>(piece: Promise<T>): Promise<T | null> {
  let timer = 0;
  const silent = new Promise<null>((done) => (timer = window.setTimeout(() => done(null), kStreamSilentMs)));
  try {
    return await Promise.race([piece, silent]);
  } finally {
    clearTimeout(timer);
  }
}

async function read(): Promise<void> {
  const mine = new AbortController();
  abort = mine;
  try {
    if (!(await stream(mine.signal)) && !mine.signal.aborted) await poll(mine.signal);
  } finally {
    if (abort === mine) {
      abort = null;
      heardAt = Date.now() - kSilentMs + (liveRefused.get() === null ? 1000 : kRefusedMs);
    }
  }
}

function look(): void {
  const open = session.get().state === "open";
  if (!open || !visible.get()) {
    shownAt = Date.now();
    stop();
    judge();
    return;
  }
  const name = nameOfChannel();
  if (name !== channelName) {
    stop();
    channel?.close();
    lasts.length = 0;
    live.set(null);
    liveRefused.set(null);
    aheadMs = null;
    channelName = name;
    channel = "BroadcastChannel" in window ? new BroadcastChannel(name) : null;
    if (channel) channel.onmessage = (event) => hear(event.data as Word);
    heardAt = Date.now() - kSilentMs + 150 + Math.random() * 250;
  }
  if (!abort && Date.now() - heardAt >= kSilentMs) void read();
  judge();
}

export function begin(): void {
  session.watch(look);
  visible.watch(look);
  route.watch(look);
  downSince.watch(judge); // nothing is said to be live beside the word that nobody answers
  window.addEventListener("pagehide", stop);
  window.setInterval(look, 200);
  look();
}
