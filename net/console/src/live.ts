// The figures of now. One tab of the browser reads the stream (GET /v1/live, with the token as a header) and tells the others over a BroadcastChannel;
// where the broker has no such stream it asks /v1/stats once a second instead. A hidden tab neither reads nor asks: another one takes over.
import { Problem, downSince, get, headersOf, inCluster, refused, session, space, spaced, token, urlOf } from "./api";
import { usePoll } from "./poll";
import { Store, useStore, visible } from "./store";
import { route } from "./route";
import type { Live, Stats } from "./types";

export const live = new Store<Live | null>(null);
/// Why whoever is logged in gets no figures of this namespace; null: he does, or nobody said yet.
export const liveRefused = new Store<Problem | null>(null);
/// In a cluster whoever serves the page's namespace may not be the one that judges alerts: that one is asked.
const alertsElsewhere = new Store<Live["alerts"]>(null);
export function WatchAlerts(): null {
  const elsewhere = useStore(live)?.alerts === null && inCluster();
  usePoll(
    elsewhere ? "/v1/alerts" : "",
    async (signal) => alertsElsewhere.set(elsewhere ? await get<NonNullable<Live["alerts"]>>("/v1/alerts", signal) : null),
    elsewhere ? 10_000 : 0,
  );
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
const me = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

type Word = { kind: "figures"; from: string; live: Live } | { kind: "bye"; from: string };

let channel: BroadcastChannel | null = null;
let channelName = "";
let abort: AbortController | null = null;
let heardAt = 0;
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
  live.set(next);
  liveRefused.set(null);
  downSince.set(null);
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

async function poll(signal: AbortSignal): Promise<void> {
  reads.polls += 1;
  while (!signal.aborted) {
    try {
      const stats = await get<Stats>(spaced("/v1/stats"), signal);
      const next: Live = { at: Date.now(), stats, rates: rateOf(stats), lag_ms: null, lateness_p99_ms: null, commit_p99_ms: null, failing_hosts: null, alerts: null };
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

/// False: there is no such stream, or no place in it.
async function stream(signal: AbortSignal): Promise<boolean> {
  reads.streams += 1;
  let response: Response;
  try {
    response = await fetch(urlOf(spaced("/v1/live")), { signal, cache: "no-store", credentials: "omit", headers: headersOf({ Accept: "text/event-stream" }) });
  } catch {
    if (!signal.aborted && downSince.get() === null) downSince.set(Date.now());
    return true;
  }
  if (response.status === 401) {
    const body = await response.json().catch(() => ({}));
    refused(new Problem(401, "", body.detail ?? ""));
    return true;
  }
  if (!response.ok || !response.body) {
    response.body?.cancel().catch(() => undefined);
    return false;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) break;
      const { events, rest } = eventsOf(text + value);
      text = rest;
      for (const event of events) {
        const next = JSON.parse(event) as Live;
        take(next);
        tell({ kind: "figures", from: me, live: next });
      }
    }
  } catch {
    // It broke off: read anew.
  }
  return true;
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
    stop();
    return;
  }
  const name = nameOfChannel();
  if (name !== channelName) {
    stop();
    channel?.close();
    lasts.length = 0;
    live.set(null);
    liveRefused.set(null);
    channelName = name;
    channel = "BroadcastChannel" in window ? new BroadcastChannel(name) : null;
    if (channel) channel.onmessage = (event) => hear(event.data as Word);
    heardAt = Date.now() - kSilentMs + 150 + Math.random() * 250;
  }
  if (!abort && Date.now() - heardAt >= kSilentMs) void read();
}

export function begin(): void {
  session.watch(look);
  visible.watch(look);
  route.watch(look);
  window.addEventListener("pagehide", stop);
  window.setInterval(look, 200);
  look();
}
