// Is it well? And if not: what hurts, who floods, what comes.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { adminOfAll, ctl, get, may, space, spaced, unbound, type Problem } from "../api";
import { Chart, Spark, type Line } from "../chart";
import { bytes, compact, count, duration, percent, rate, shortTime } from "../format";
import { alertsUnknown, fresh, live, liveRefused, useAlertCounts } from "../live";
import { List } from "../list";
import { usePoll } from "../poll";
import { href } from "../route";
import { useStore } from "../store";
import { t } from "../text";
import { Ago, Badge, BreakerBadge, Code, Empty, Fault, Icon, Meter, Name, Panel, Title, type Tone } from "../ui";
import { kPending, type Caller, type Due, type FailingHost, type History, type Host, type Lane, type Live, type Namespace, type Notify, type Page } from "../types";
import { notifyColumns } from "./notifies";

const kMinute = 60_000;

/// The last minute of a figure, a point a second.
function useTrail(value: number | null, at: unknown): (number | null)[] {
  const trail = useRef<{ at: unknown; values: (number | null)[] }>({ at: null, values: [] });
  if (trail.current.at !== at) trail.current = { at, values: [...trail.current.values, value].slice(-60) };
  return trail.current.values;
}

function Tile({ name, value, note, tone = "plain", trail, to }: { name: string; value: string; note?: string; tone?: Tone; trail?: (number | null)[]; to?: string }) {
  const inside = (
    <>
      <span class="tile-name">
        {tone === "bad" || tone === "warn" ? <Icon name={tone} /> : null}
        {name}
      </span>
      <span class="tile-value">{value}</span>
      <span class="tile-note">{note ?? ""}</span>
      {trail ? <Spark values={trail} label={t("spark_label", { name })} /> : null}
    </>
  );
  return to ? (
    <a class={"tile t-" + tone} href={to}>
      {inside}
    </a>
  ) : (
    <div class={"tile t-" + tone}>{inside}</div>
  );
}

/// Since when it fails, not only failed of late.
export const failsSince = (host: FailingHost): string | null => host.figures?.failing_since ?? host.open_since;

/// Do accepted and revived make up for what is pending and settled?
export function booksBalance(now: Live): number {
  const of = now.stats.totals;
  return of.accepted + of.revived - now.stats.pending - of.succeeded - of.failed - of.cancelled - of.expired;
}

const kLanePages = 5; // of a thousand lanes

const waitingIn = ({ states }: Pick<Lane, "states">): number => states.ready + states.retrying;

type PausedLanes = { lanes: number; waiting: number } | "loading" | "unknown";

/// Of lanes that are paused while something waits in them: how many, and how much that is. As far as lanes are looked at.
function usePausedLanes(now: Live): PausedLanes {
  const waits = unbound() && waitingIn(now.stats) > 0;
  const asks = useRef(false); // once something waited: where notifies come and go all the time it would be asked anew with each
  asks.current ||= waits;
  const path = spaced("/v1/lanes?limit=1000");
  const look = async (signal: AbortSignal) => {
    const found: Lane[] = [];
    let next: string | null = asks.current ? "" : null;
    for (let i = 0; next !== null && i < kLanePages; ++i) {
      const page: Page<Lane> = await get<Page<Lane>>(path + (next === "" ? "" : `&cursor=${encodeURIComponent(next)}`), signal);
      found.push(...page.items.filter((lane) => lane.paused && waitingIn(lane) > 0));
      next = page.next;
    }
    return found;
  };
  const { data, error } = usePoll<Lane[]>(asks.current ? path : "", look, asks.current ? 15_000 : 0);
  if (!waits) return { lanes: 0, waiting: 0 };
  if (!data) return error ? "unknown" : "loading";
  return { lanes: data.length, waiting: data.reduce((sum, lane) => sum + waitingIn(lane), 0) };
}

/// Does the store's database answer? Of a store on a disk of its own there is nothing to ask.
const isCutOff = (now: Live): boolean => now.stats.store?.database_lost === 1;

/// What is not known counts for nothing: then it is not said that all is well. `failing` null: nobody told it.
function Verdict({ now, failing, books }: { now: Live; failing: number | null; books: number }) {
  const paused = usePausedLanes(now);
  const firing = useAlertCounts(now)?.firing ?? 0;
  const unheard = useStore(alertsUnknown);
  const isNow = useStore(fresh);
  const late = now.lag_ms !== null && now.lag_ms > 60_000;
  const found = typeof paused === "object" ? paused : { lanes: 0, waiting: 0 };
  const unknown = [now.polled && now.lag_ms === null ? t("tile_lag") : "", failing === null ? t("nav_destinations") : "", paused === "unknown" ? t("nav_lanes") : "", unheard ? t("nav_alerts") : ""].filter((name) => name !== "");
  const parts: string[] = [];
  if (isCutOff(now)) parts.push(t("verdict_database"));
  if (failing !== null && failing > 0) parts.push(t(failing === 1 ? "verdict_failing_1" : "verdict_failing", { n: count(failing) }));
  if (late) parts.push(t("verdict_late", { d: duration(now.lag_ms!) }));
  if (books !== 0) parts.push(t("verdict_books", { n: count(Math.abs(books)) }));
  if (found.lanes > 0) parts.push(t(found.lanes === 1 ? "verdict_paused_1" : "verdict_paused", { n: count(found.lanes), waiting: count(found.waiting) }));
  if (firing > 0) parts.push(t(firing === 1 ? "verdict_alerts_1" : "verdict_alerts", { n: count(firing) }));
  const tone: Tone = !isNow || books !== 0 || isCutOff(now) ? "bad" : parts.length > 0 ? "warn" : paused === "loading" || unknown.length > 0 ? "plain" : "good";
  if (unknown.length > 0) parts.push(t("verdict_unknown", { what: unknown.join(", ") }));
  const words = !isNow ? t("verdict_stale", { time: shortTime(now.at) }) : parts.length > 0 ? parts.join(" · ") : t(paused === "loading" ? "loading" : "verdict_good");
  return (
    <p class={"verdict t-" + tone} role="status">
      <Icon name={tone === "good" ? "good" : tone === "plain" ? "half" : "bad"} />
      <span>{words}</span>
    </p>
  );
}

function Restart({ now }: { now: Live }) {
  const flight = now.stats.loaded.in_flight;
  const isNow = useStore(fresh);
  if (!isNow)
    return (
      <Panel title={t("restart_title")} id="restart">
        <p><Badge tone="warn">{t("restart_unknown")}</Badge></p>
      </Panel>
    );
  return (
    <Panel title={t("restart_title")} id="restart">
      <p>
        {isCutOff(now) ? <Badge tone="warn">{t("restart_database")}</Badge> : booksBalance(now) === 0 ? <Badge tone="good">{t("restart_safe")}</Badge> : <Badge tone="warn">{t("restart_look")}</Badge>}
      </p>
      <ul class="plain-list">
        <li>{t("restart_disk", { n: count(now.stats.pending) })}</li>
        <li>{flight === 0 ? t("restart_no_flight") : t("restart_flight", { n: count(flight) })}</li>
        <li>{booksBalance(now) === 0 ? t("restart_books") : t("verdict_books", { n: count(Math.abs(booksBalance(now))) })}</li>
      </ul>
      <details>
        <summary>{t("as_command")}</summary>
        <Code>{`kill -USR1 ${now.stats.pid}`}</Code>
        <p class="faint">{t("restart_in_place")}</p>
      </details>
    </Panel>
  );
}

/// Hosts that fail now, the worst first: from the stream, or where the broker does not tell, from the hosts that are not reached. Null: nobody
/// said it yet.
function useFailing(now: Live | null): FailingHost[] | null {
  const path = spaced("/v1/hosts?limit=1000");
  const wanted = now !== null && now.failing_hosts === null;
  const hosts = usePoll<Page<Host> | null>(wanted ? path : "", (signal) => (wanted ? get<Page<Host>>(path, signal) : Promise.resolve(null)), wanted ? 3000 : 0);
  if (now?.failing_hosts) return now.failing_hosts;
  if (!hosts.data) return null;
  const open = hosts.data.items.filter((host) => host.breaker.state !== "closed");
  return open.map((host) => ({ host: host.host, in_flight: host.in_flight, paused: host.paused, breaker: host.breaker.state, open_since: host.breaker.open_since, figures: host.figures ?? null }));
}

function Failing({ hosts }: { hosts: FailingHost[] | null }) {
  const isNow = useStore(fresh);
  return (
    <Panel title={t("failing_title")} id="failing" wide aside={<a href={href("destinations")}>{t("nav_destinations")}</a>}>
      {hosts === null || (hosts.length === 0 && !isNow) ? (
        <p class="faint">{t("unknown")}</p>
      ) : hosts.length === 0 ? (
        <Empty title={t("failing_none")} />
      ) : (
        <List
          label={t("failing_title")}
          rows={hosts}
          keyOf={(host) => host.host}
          to={(host) => href("destination", [host.host])}
          columns={[
            { name: t("col_host"), width: "minmax(10rem, 2fr)", main: true, cell: (host) => <a href={href("destination", [host.host])}><Name>{host.host}</Name></a> },
            { name: t("col_breaker"), width: "9rem", main: true, cell: (host) => <BreakerBadge state={host.breaker} /> },
            { name: t("col_since"), width: "8rem", cell: (host) => <Ago at={failsSince(host)} /> },
            { name: t("col_with"), width: "minmax(8rem, 1fr)", cell: (host) => <code>{host.figures?.last_error ?? "–"}</code> },
            { name: t("col_failed"), width: "8rem", right: true, cell: (host) => (host.figures?.attempts ? `${count(host.figures.failed ?? 0)} / ${count(host.figures.attempts)}` : "–") },
            { name: t("col_flight"), width: "5rem", right: true, hide: true, cell: (host) => count(host.in_flight) },
          ]}
        />
      )}
    </Panel>
  );
}

function Flooding() {
  const path = spaced("/v1/callers?sort=accepted&since_ms=60000&limit=5");
  const { data, error } = usePoll<Page<Caller>>(path, (signal) => get(path, signal), 3000);
  if (!data) return error ? null : <Panel title={t("flood_title")} id="flood"><p class="faint">{t("loading")}</p></Panel>;
  const rows = data.items.filter((caller) => caller.minute.accepted > 0);
  const most = Math.max(1, ...rows.map((caller) => caller.minute.accepted));
  return (
    <Panel title={t("flood_title")} id="flood" aside={<a href={href("callers")}>{t("nav_callers")}</a>}>
      {rows.length === 0 ? <p class="faint">{t("flood_none")}</p> : null}
      <ul class="bars">
        {rows.map((caller) => (
          <li key={caller.caller || "…"}>
            <a href={href("callers", [], { caller: caller.caller })}>{caller.others ? t("caller_others") : caller.caller === "" ? t("caller_nobody") : <Name>{caller.caller}</Name>}</a>
            <Meter value={caller.minute.accepted} of={most} label={t("flood_label", { n: count(caller.minute.accepted) })} />
            <span class="right">{t("per_min", { n: compact(caller.minute.accepted) })}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Coming() {
  const path = spaced(`/v1/due?step_ms=${5 * kMinute}`);
  const { data, error } = usePoll<Due>(path, (signal) => get(path, signal), 15_000);
  const shown = useMemo(() => {
    if (!data) return null;
    const from = new Date(data.from).getTime();
    const times = data.counts.map((_, i) => (from + i * data.step_ms) / 1000).slice(0, (6 * 3_600_000) / data.step_ms);
    return { times, lines: [{ name: "", values: data.counts.slice(0, times.length), color: "a", bars: true }] as Line[], hour: data.counts.slice(0, 3_600_000 / data.step_ms).reduce((sum, n) => sum + n, 0) };
  }, [data]);
  if (error?.missing) return null;
  return (
    <Panel title={t("due_title")} id="due" aside={<a href={href("notifies", [], { state: "scheduled", order: "due" })}>{t("due_list")}</a>}>
      {shown ? (
        <>
          <p class="big">{t("due_hour", { n: count(shown.hour) })}</p>
          <Chart label={t("due_title")} times={shown.times} lines={shown.lines} show={compact} height={110} />
        </>
      ) : (
        error ? <Fault problem={error} /> : <p class="faint">{t("loading")}</p>
      )}
    </Panel>
  );
}

/// The last 24 hours of these series, a point a minute; another path once a minute is over.
export function dayOf(series: string, host?: string): string {
  const to = Math.floor(Date.now() / kMinute) * kMinute;
  return spaced(`/v1/history?series=${series}&step=${kMinute}&from=${new Date(to - 1440 * kMinute).toISOString()}&to=${new Date(to).toISOString()}${host ? "&host=" + encodeURIComponent(host) : ""}`);
}

/// What was there stays while the next is asked for.
export function useDay(series: string, host?: string): { data: History | null; error: Problem | null } {
  const path = dayOf(series, host);
  const asked = usePoll<History>(path, (signal) => get(path, signal));
  const kept = useRef<History | null>(null);
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((n) => n + 1), 20_000);
    return () => clearInterval(timer);
  }, []);
  if (asked.data) kept.current = asked.data;
  return { data: kept.current, error: asked.error };
}

function Day() {
  const { data, error } = useDay("accepted,succeeded,attempts_failed,lateness_p99_ms");
  const shown = useMemo(() => {
    if (!data) return null;
    const from = new Date(data.from).getTime();
    const of = (name: string) => data.series[name] ?? [];
    const times = of("accepted").map((_, i) => (from + i * data.step_ms) / 1000);
    const lines: Line[] = [
      { name: t("chart_accepted"), values: of("accepted"), color: "a" },
      { name: t("chart_succeeded"), values: of("succeeded"), color: "b" },
    ];
    const failed: Line[] = [{ name: t("chart_failed"), values: of("attempts_failed"), color: "bad" }];
    const late: Line[] = [{ name: t("chart_late"), values: of("lateness_p99_ms"), color: "c" }];
    return { times, lines, failed, late };
  }, [data]);
  if (error?.missing) return null;
  return (
    <Panel title={t("day_title")} id="day" wide>
      {shown && shown.times.length > 0 ? (
        <div class="charts">
          <Chart label={t("chart_flow_label")} times={shown.times} lines={shown.lines} show={compact} height={150} />
          <Chart label={t("chart_failed_label")} times={shown.times} lines={shown.failed} show={compact} height={150} />
          <Chart label={t("chart_late_label")} times={shown.times} lines={shown.late} show={duration} height={150} />
        </div>
      ) : (
        error ? <Fault problem={error} /> : <p class="faint">{data ? t("day_none") : t("loading")}</p>
      )}
    </Panel>
  );
}

/// What comes is seen at once where little does; where much does, each three seconds are enough for anybody's eyes, and for the broker.
function Newest({ now }: { now: Live }) {
  const path = spaced("/v1/notifies?limit=8");
  const came = now.rates.accepted > 1 ? "" : now.stats.totals.accepted;
  const list = usePoll<Page<Notify>>(`${path}#${came}`, (signal) => get(path, signal), 3000);
  const kept = useRef<Notify[] | null>(null);
  if (list.data) kept.current = list.data.items;
  const rows = kept.current;
  return (
    <Panel title={t("newest_title")} id="newest" wide aside={<a href={href("notifies")}>{t("newest_all")}</a>}>
      {rows === null ? (
        list.error ? <Fault problem={list.error} /> : <p class="faint">{t("loading")}</p>
      ) : (
        <List
          label={t("newest_title")}
          rows={rows}
          keyOf={(n) => n.id}
          to={(n) => href("notify", [n.id])}
          columns={notifyColumns()}
          empty={
            <Empty title={t("first_title")} command={`${ctl()} submit http://127.0.0.1:9100/orders --data '{"order":1}'`}>
              {may("submit") ? (
                <>
                  {t("first_text")} <a href={href("submit")}>{t("first_here")}</a>
                </>
              ) : (
                t("first_text")
              )}
            </Empty>
          }
        />
      )}
    </Panel>
  );
}

export function Overview() {
  const now = useStore(live);
  const refusal = useStore(liveRefused);
  const isNow = useStore(fresh);
  const hosts = useFailing(now);
  const spacePath = `/v1/namespaces/${encodeURIComponent(space())}`;
  const own = usePoll<Namespace>(spacePath, (signal) => get(spacePath, signal), 5000);
  const inTrail = useTrail(now?.rates.accepted ?? null, now);
  const outTrail = useTrail(now?.rates.attempts ?? null, now);
  const failTrail = useTrail(now?.rates.failed ?? null, now);
  const lagTrail = useTrail(now?.lag_ms ?? null, now);
  if (!now) return <><Title>{t("nav_overview")}</Title>{refusal ? <Fault problem={refusal} /> : <p class="faint">{t("loading")}</p>}</>;
  const { stats } = now;
  const books = booksBalance(now);
  const cap = own.data?.may_be_in_flight ?? 0;
  const lag = now.lag_ms;
  const all = adminOfAll();
  // A store that lies in a database says nothing of disks.
  const { free_bytes: free, disk_bytes: used } = stats.store ?? {};
  return (
    <>
      <Title aside={<span class="faint">{t("up_for", { version: stats.version, d: duration(stats.uptime_ms) })}{stats.member ? " · " + t("up_at", { member: stats.member }) : ""}</span>}>{t("nav_overview")}</Title>
      <Verdict now={now} failing={now.failing_count ?? hosts?.filter((host) => failsSince(host) !== null).length ?? null} books={books} />
      <div class="tiles">
        <Tile name={t("tile_lag")} value={lag !== null ? duration(lag) : now.polled ? t("unknown") : "–"} note={t("tile_lag_note")} tone={lag !== null && lag > kMinute ? "warn" : "plain"} trail={lagTrail} to={href("notifies", [], { state: "ready" })} />
        <Tile name={t("tile_in")} value={rate(now.rates.accepted)} note={t("tile_in_note")} trail={inTrail} to={href("callers")} />
        <Tile name={t("tile_out")} value={rate(now.rates.attempts)} note={t("tile_out_note")} trail={outTrail} to={href("destinations")} />
        <Tile name={t("tile_failed")} value={rate(now.rates.failed)} note={t("tile_failed_note", { n: compact(stats.totals.failed) })} tone={now.rates.failed > 0 ? "warn" : "plain"} trail={failTrail} to={href("notifies", [], { state: "failed" })} />
        <Tile name={t("tile_pending")} value={compact(stats.pending)} note={t("tile_pending_note", { ready: compact(stats.states.ready), retrying: compact(stats.states.retrying) })} to={href("notifies", [], { state: kPending.join(",") })} />
        <Tile name={t("tile_flight")} value={count(stats.loaded.in_flight)} note={cap > 0 ? t("tile_flight_note", { n: count(cap), share: percent(stats.loaded.in_flight, cap) }) : ""} tone={cap > 0 && stats.loaded.in_flight >= cap ? "warn" : "plain"} to={href("notifies", [], { state: "sending" })} />
        {now.lateness_p99_ms !== null ? <Tile name={t("tile_late")} value={duration(now.lateness_p99_ms)} note={t("tile_late_note")} /> : null}
        {now.commit_p99_ms !== null && now.commit_p99_ms !== undefined && all ? <Tile name={t("tile_commit")} value={duration(now.commit_p99_ms)} note={t("tile_commit_note")} /> : null}
        {free !== undefined && used !== undefined ? <Tile name={t("tile_disk")} value={bytes(free)} note={t("tile_disk_note", { used: bytes(used) })} tone={free / Math.max(1, free + used) < 0.05 ? "bad" : "plain"} /> : null}
        {stats.memory ? <Tile name={t("tile_memory")} value={bytes(stats.memory.rss_bytes)} /> : null}
        <Tile name={t("tile_books")} value={books === 0 && !isNow ? t("unknown") : books === 0 ? t("books_good") : t("books_off", { n: count(Math.abs(books)) })} note={t("tile_books_note")} tone={books === 0 ? "plain" : "bad"} />
      </div>
      <div class="grid">
        <Failing hosts={hosts} />
        <Flooding />
        <Coming />
        <Restart now={now} />
        <Day />
        <Newest now={now} />
      </div>
    </>
  );
}
