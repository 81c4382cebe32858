// Which destination hurts? Hosts by failures now, services and their instances; one host, and what can be done about it.
import { useState } from "preact/hooks";
import { ask, ctl, get, may, spaced, unbound } from "../api";
import { Begins, BeginsNone, prefixQuery, usePrefix } from "../begins";
import { Bulk } from "../bulk";
import { Chart, type Line } from "../chart";
import { positional } from "../commands";
import { compact, count, duration, localTime, parseTime } from "../format";
import type { Filter } from "../filter";
import { List, type Column } from "../list";
import { live } from "../live";
import { usePages } from "../pages";
import { usePoll } from "../poll";
import { href, setQuery, useRoute } from "../route";
import { keep, kept, useStore } from "../store";
import { t, term } from "../text";
import { Act, Ago, Badge, BreakerBadge, Copy, Dialog, Empty, Facts, Fault, Field, Form, Name, Panel, Title, say, useSettings } from "../ui";
import type { Host, HostFigures, Instance, Notify, Service } from "../types";
import { notifyColumns } from "./notifies";
import { useDay } from "./overview";

const ms = (n: number | null | undefined): string => (n === null || n === undefined ? "–" : duration(n));
const failedOf = (host: Host): number => (host.figures?.failed ?? 0) + (host.breaker.state === "closed" ? 0 : 1_000_000) + (host.paused ? 0.5 : 0);

function hostColumns(): Column<Host>[] {
  return [
    { name: t("col_host"), width: "minmax(11rem, 2fr)", main: true, cell: (h) => <a href={href("destination", [h.host])}><Name>{h.host}</Name></a> },
    {
      name: t("col_breaker"),
      width: "10.5rem",
      main: true,
      cell: (h) => (
        <>
          <BreakerBadge state={h.breaker.state} /> {h.paused ? <Badge tone="warn" icon="held">{t("paused")}</Badge> : null}
        </>
      ),
    },
    { name: t("col_since"), width: "8rem", cell: (h) => <Ago at={h.figures?.failing_since ?? h.breaker.open_since} /> },
    { name: t("col_with"), width: "minmax(7rem, 1fr)", cell: (h) => (h.figures?.last_error ? <code>{h.figures.last_error}</code> : <span class="faint">–</span>) },
    { name: t("col_failed"), width: "7rem", right: true, hide: true, cell: (h) => (h.figures?.attempts ? `${count(h.figures.failed ?? 0)} / ${count(h.figures.attempts)}` : "–") },
    { name: t("col_flight"), width: "6.5rem", right: true, hide: true, cell: (h) => (h.effective.concurrency ? `${count(h.in_flight)} / ${count(h.effective.concurrency)}` : count(h.in_flight)) },
    { name: t("col_queued"), width: "5.5rem", right: true, hide: true, cell: (h) => count(h.queued) },
    { name: "p50", width: "5rem", right: true, hide: true, cell: (h) => ms(h.figures?.p50_ms) },
    { name: "p99", width: "5rem", right: true, hide: true, cell: (h) => ms(h.figures?.p99_ms) },
  ];
}

function Services() {
  const pages = usePages<Service>(spaced("/v1/services?limit=100"), (s) => s.name, 3000);
  return (
    <Panel title={t("services_title")} wide>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List
        label={t("services_title")}
        pages={pages}
        keyOf={(s) => s.name}
        to={(s) => href("service", [s.name])}
        empty={<Empty title={t("services_none")} command={`${ctl()} service register stock a --url http://10.0.0.5:8080`} />}
        columns={[
          { name: t("f_service"), width: "minmax(10rem, 2fr)", main: true, cell: (s) => <a href={href("service", [s.name])}><Name>{s.name}</Name></a> },
          {
            name: t("instances"),
            width: "minmax(14rem, 2fr)",
            main: true,
            cell: (s) => (
              <>
                <Badge tone={s.instances.alive > 0 ? "good" : "bad"}>{t("n_alive", { n: s.instances.alive })}</Badge>{" "}
                {s.instances.unreachable > 0 ? <Badge tone="bad">{t("n_unreachable", { n: s.instances.unreachable })}</Badge> : null}{" "}
                {s.instances.draining > 0 ? <Badge tone="warn">{t("n_draining", { n: s.instances.draining })}</Badge> : null}
              </>
            ),
          },
          { name: t("balance"), width: "9rem", cell: (s) => s.balance },
          { name: t("made_by"), width: "9rem", hide: true, cell: (s) => (s.from_file ? t("by_file") : t("by_request")) },
        ]}
      />
    </Panel>
  );
}

export function Destinations() {
  const prefix = usePrefix();
  const pages = usePages<Host>(spaced("/v1/hosts?limit=1000" + prefixQuery(prefix)), (h) => h.host, 2000);
  const rows = [...pages.rows].sort((a, b) => failedOf(b) - failedOf(a) || b.in_flight - a.in_flight || (a.host < b.host ? -1 : 1));
  return (
    <>
      <Title>{t("nav_destinations")}</Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <Panel title={t("hosts_title")}>
        <Begins pages={pages} />
        <List label={t("hosts_title")} rows={rows} pages={pages} keyOf={(h) => h.host} to={(h) => href("destination", [h.host])} columns={hostColumns()} empty={prefix ? <BeginsNone prefix={prefix} /> : <Empty title={t("hosts_none")} command={`${ctl()} submit http://127.0.0.1:9100/orders --data '{"order":1}'`} />} />
      </Panel>
      <Services />
    </>
  );
}

/// What failed there, from when on, is sent again; nothing else.
function Again({ host, since }: { host: string; since: string | null }) {
  const [text, setText] = useState(since ? localTime(since) : "02:00");
  const [filter, setFilter] = useState<Filter | null>(null);
  const [bad, setBad] = useState(false);
  const { query } = useRoute();
  if (query.get("do") !== "again" && !filter) return null;
  const close = () => {
    setFilter(null);
    setQuery({ do: null });
  };
  if (filter) return <Bulk kind="retry" filter={filter} close={close} />;
  return (
    <Dialog title={t("again_title", { host })} close={close}>
      <Form
        label={t("again_count")}
        close={close}
        stays
        send={() => {
          const at = parseTime(text);
          if (at === null) return setBad(true);
          setFilter({ state: ["failed"], host: [host], settled_after: [new Date(at).toISOString()] });
        }}
      >
        <Field label={t("again_since")} hint={t("time_hint")} fault={bad ? t("time_bad") : null}>
          <input autoFocus value={text} aria-invalid={bad} onInput={(event) => setText(event.currentTarget.value)} />
        </Field>
      </Form>
    </Dialog>
  );
}

function Limits({ host, close, done }: { host: Host; close: () => void; done: () => void }) {
  const { concurrency, rate_per_s } = host;
  const { texts, set, save } = useSettings({ concurrency, rate_per_s }, spaced(`/v1/hosts/${encodeURIComponent(host.host)}`));
  const send = async () => {
    const wrong = await save();
    if (!wrong) done();
    return wrong;
  };
  return (
    <Dialog title={t("limits_title", { name: host.host })} close={close}>
      <Form send={send} label={t("save")} close={close}>
        <Field label={t("f_concurrency")} hint={t("limit_hint", { now: host.effective.concurrency ?? t("no_limit") })}>
          <input inputMode="numeric" value={texts.concurrency} onInput={set("concurrency")} />
        </Field>
        <Field label={t("f_rate")} hint={t("limit_hint", { now: host.effective.rate_per_s ?? t("no_limit") })}>
          <input inputMode="decimal" value={texts.rate_per_s} onInput={set("rate_per_s")} />
        </Field>
      </Form>
    </Dialog>
  );
}

function HostHistory({ host }: { host: string }) {
  const { data } = useDay("attempts,attempts_failed", host);
  if (!data) return null;
  const from = new Date(data.from).getTime();
  const of = (name: string) => data.series[name] ?? [];
  const times = of("attempts").map((_, i) => (from + i * data.step_ms) / 1000);
  if (!of("attempts").some((n) => n !== null)) return null;
  const lines: Line[] = [
    { name: t("chart_attempts"), values: of("attempts"), color: "a" },
    { name: t("chart_failed"), values: of("attempts_failed"), color: "bad" },
  ];
  return (
    <Panel title={t("day_title")}>
      <Chart label={t("chart_host_label", { host })} times={times} lines={lines} show={compact} height={140} />
    </Panel>
  );
}

const unseen = (host: string): Host => ({
  host,
  paused: false,
  concurrency: null,
  rate_per_s: null,
  effective: { concurrency: null, rate_per_s: null },
  in_flight: 0,
  waiting_lanes: 0,
  queued: 0,
  sleeping_lanes: false,
  at_cap: false,
  breaker: { state: "closed", open_since: null, next_probe: null },
});

export function Destination() {
  const { args } = useRoute();
  const name = args[0] ?? "";
  const path = spaced(`/v1/hosts/${encodeURIComponent(name)}`);
  const seen = usePoll<Host>(path, (signal) => get(path, signal), 1500);
  const now = useStore(live);
  const failing = now?.failing_hosts?.find((row) => row.host === name);
  const failed = usePages<Notify>(spaced(`/v1/notifies?state=failed,retrying&host=${encodeURIComponent(name)}&limit=20`), (n) => n.id, 3000);
  const [limits, setLimits] = useState(false);
  // One of which nothing is in memory is as one that was never called: it can be paused and bounded all the same.
  const host = seen.data ?? (seen.error?.status === 404 ? unseen(name) : null);
  if (!host) return seen.error ? <><Title><Name>{name}</Name></Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  const figures: HostFigures = host.figures ?? failing?.figures ?? {};
  const since = figures.failing_since ?? host.breaker.open_since;
  const steers = may("operate") && unbound();
  const pause = (paused: boolean) => async () => {
    await ask("PATCH", path, { body: { paused } });
    seen.again();
    return paused ? t("paused_done", { name }) : t("resumed_done", { name });
  };
  const probe = async () => {
    await ask("POST", `${path}/probe`);
    seen.again();
    return t("probe_done", { name });
  };
  return (
    <>
      <Title
        aside={
          steers ? (
            <>
              {host.breaker.state === "open" && !host.paused ? <Act act={probe}>{t("probe")}</Act> : null}
              <button type="button" class="main" onClick={() => setQuery({ do: "again" })}>{t("again_button")}</button>
              {host.paused ? <Act act={pause(false)}>{t("resume")}</Act> : <Act act={pause(true)}>{t("pause")}</Act>}
              <button type="button" onClick={() => setLimits(true)}>{t("limits")}</button>
            </>
          ) : null
        }
      >
        <Name>{host.host}</Name> <Copy text={host.host} /> <BreakerBadge state={host.breaker.state} /> {host.paused ? <Badge tone="warn" icon="held">{t("paused")}</Badge> : null}
      </Title>
      <p class="subtitle" id="told">{told(host, figures)}</p>
      <div class="columns">
        <div>
          <Panel title={t("host_failed_title")} aside={<a href={href("notifies", [], { state: "failed,retrying", host: name })}>{t("newest_all")}</a>}>
            {failed.error ? <Fault problem={failed.error} /> : null}
            <List label={t("host_failed_title")} pages={failed} keyOf={(n) => n.id} to={(n) => href("notify", [n.id])} columns={notifyColumns(true)} empty={<Empty title={t("host_failed_none")} />} />
          </Panel>
          <HostHistory host={name} />
        </div>
        <Panel title={t("facts_title")}>
          <Facts
            rows={[
              [t("col_breaker"), <BreakerBadge state={host.breaker.state} />],
              [t("col_since"), <Ago at={since} />],
              [t("col_with"), figures.last_error ? <code>{figures.last_error}</code> : <span class="faint">{t("none")}</span>],
              [t("f_attempts_minute"), figures.attempts === undefined ? "–" : t("failed_of", { n: count(figures.failed ?? 0), of: count(figures.attempts) })],
              ["p50 / p99", `${ms(figures.p50_ms)} / ${ms(figures.p99_ms)}`],
              [t("f_next_probe"), <Ago at={host.breaker.next_probe} />],
              [t("col_flight"), `${count(host.in_flight)} / ${host.effective.concurrency ?? t("no_limit")}`],
              [t("f_rate"), host.effective.rate_per_s ?? t("no_limit")],
              [t("col_queued"), count(host.queued)],
              [t("f_waiting_lanes"), count(host.waiting_lanes)],
            ]}
          />
        </Panel>
      </div>
      <Again host={name} since={since} />
      {limits ? <Limits host={host} close={() => setLimits(false)} done={seen.again} /> : null}
    </>
  );
}

/// In one sentence: since when it fails, with what, and what becomes of what waits.
function told(host: Host, figures: HostFigures): string {
  const since = figures.failing_since ?? host.breaker.open_since;
  const parts: string[] = [];
  if (since) parts.push(figures.last_error ? t("told_fails_with", { time: localTime(since), error: figures.last_error }) : t("told_fails", { time: localTime(since) }));
  if (host.breaker.state === "open") parts.push(host.breaker.next_probe ? t("told_open", { time: localTime(host.breaker.next_probe).slice(11) }) : t("told_open_soon"));
  if (host.paused) parts.push(t("told_paused"));
  return parts.length > 0 ? parts.join(" ") : t("told_well");
}

/// Where this tab keeps what an instance weighed before it was drained: the broker does not know it any more.
const weightName = (path: string, instance: Instance): string => `notifyd.weight ${path} ${instance.id}`;

/// All of it is put: as it is now, and only if it is so still.
async function weigh(path: string, id: string, weight: number): Promise<void> {
  const at = `${path}/instances/${encodeURIComponent(id)}`;
  const { body, etag } = await ask<Instance>("GET", at);
  await ask("PUT", at, { body: { url: body.url, pools: body.pools, weight }, headers: etag ? { "If-Match": etag } : {} });
}

function TakeCalls({ path, instance, close, done }: { path: string; instance: Instance; close: () => void; done: () => void }) {
  const [weight, setWeight] = useState(kept("sessionStorage", weightName(path, instance)) ?? "1");
  return (
    <Dialog title={t("take_calls_title", { id: instance.id })} close={close}>
      <Form
        label={t("take_calls")}
        close={close}
        send={async () => {
          await weigh(path, instance.id, weight.trim() === "" ? NaN : Number(weight));
          say(t("changed"));
          done();
        }}
      >
        <Field label={t("weight")} hint={t("take_calls_hint")}>
          <input inputMode="numeric" autoFocus value={weight} onInput={(event) => setWeight(event.currentTarget.value)} />
        </Field>
      </Form>
    </Dialog>
  );
}

export function ServicePage() {
  const { args } = useRoute();
  const name = args[0] ?? "";
  const path = spaced(`/v1/services/${encodeURIComponent(name)}`);
  const seen = usePoll<Service>(path, (signal) => get(path, signal), 2000);
  const pages = usePages<Instance>(`${path}/instances?limit=1000`, (i) => i.id, 2000);
  const [takes, setTakes] = useState<string | null>(null);
  if (!seen.data) return seen.error ? <><Title><Name>{name}</Name></Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  const drain = (instance: Instance) => async () => {
    keep("sessionStorage", weightName(path, instance), String(instance.weight));
    await weigh(path, instance.id, 0);
    pages.again();
    return t("changed");
  };
  const chosen = pages.rows.find((row) => row.id === takes);
  return (
    <>
      <Title aside={<a class="button" href={href("notifies", [], { service: name })}>{t("nav_notifies")}</a>}>
        <Name>{seen.data.name}</Name>
      </Title>
      <Panel title={t("instances")}>
        {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
        <List
          label={t("instances")}
          pages={pages}
          keyOf={(i) => i.id}
          empty={<Empty title={t("instances_none")} command={`${ctl()} service register --url http://10.0.0.5:8080 ${positional(name)} a`} />}
          columns={[
            { name: t("col_id"), width: "minmax(6rem, 1fr)", main: true, cell: (i) => <><Name>{i.id}</Name><Copy text={i.id} /></> },
            { name: t("col_state"), width: "9rem", main: true, cell: (i) => <Badge tone={i.state === "alive" ? "good" : i.state === "draining" ? "warn" : "bad"}>{term("instance", i.state)}</Badge> },
            { name: t("f_url"), width: "minmax(10rem, 2fr)", cell: (i) => <Name>{i.url}</Name> },
            { name: t("col_since"), width: "8rem", hide: true, cell: (i) => <Ago at={i.figures?.failing_since ?? i.breaker.open_since} /> },
            { name: t("weight"), width: "4rem", right: true, hide: true, cell: (i) => i.weight },
            { name: t("col_flight"), width: "5rem", right: true, hide: true, cell: (i) => count(i.in_flight) },
            { name: t("actions"), width: "7rem", cell: (i) => (may("register", "operate") && !i.expires_at && !seen.data!.from_file ? i.weight === 0 ? <button type="button" class="small" onClick={() => setTakes(i.id)}>{t("take_calls_how")}</button> : <Act small act={drain(i)}>{t("drain")}</Act> : null) },
          ]}
        />
      </Panel>
      {chosen ? <TakeCalls path={path} instance={chosen} close={() => setTakes(null)} done={pages.again} /> : null}
    </>
  );
}

