// What waits where: lanes, and one lane with its head.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask, ctl, get, may, spaced, unbound } from "../api";
import { Begins, BeginsNone, prefixQuery, usePrefix } from "../begins";
import { count, duration, localTime, parseAhead } from "../format";
import { List, type Column } from "../list";
import { headOf, kDue } from "../order";
import { usePages } from "../pages";
import { usePoll } from "../poll";
import { href, useRoute } from "../route";
import { t, term } from "../text";
import { Act, Ago, Badge, Copy, Dialog, Empty, Facts, Fault, Field, Form, Icon, Name, Panel, Title, say, useSettings } from "../ui";
import { kPending, type Lane, type Notify, type Page } from "../types";
import { NotifyId, notifyColumns } from "./notifies";

const pathOf = (mode: string, name: string): string => spaced(`/v1/lanes/${mode}/${encodeURIComponent(name)}`);

export function Paused({ lane, few = false }: { lane: Lane; few?: boolean }) {
  if (!lane.paused) return null;
  return (
    <Badge tone="warn" icon="held">
      {few ? null : `${t("paused")} · `}
      <bdi title={lane.own.paused_reason}>{pausedBy(lane)}</bdi>
    </Badge>
  );
}

/// By whom, and why where they said so.
function pausedBy({ own }: Lane): string {
  if (!own.paused) return t("paused_by_rule");
  if (own.paused_by === "failure") return t("paused_by_failure");
  const by = own.paused_who ? t("paused_by_who", { who: own.paused_who }) : t("paused_by_request");
  return own.paused_reason ? `${by}: ${own.paused_reason}` : by;
}

/// What there is to say of a pause, for the lane's own page.
function pauseFacts({ own }: Lane): [string, ComponentChildren][] {
  const rows: [string, ComponentChildren][] = [];
  if (own.paused_since) rows.push([t("paused_since"), <><Ago at={own.paused_since} /><span class="faint"> · {localTime(own.paused_since)}</span></>]);
  if (own.paused_until) rows.push([t("paused_until"), <><Ago at={own.paused_until} /><span class="faint"> · {localTime(own.paused_until)}</span></>]);
  if (own.paused_reason) rows.push([t("paused_reason"), <bdi>{own.paused_reason}</bdi>]);
  if (own.paused_notify) rows.push([t("paused_notify"), <NotifyId id={own.paused_notify} />]);
  return rows;
}

/// What waits for nothing but its turn, or for a receiver.
const backlogOf = (lane: Lane): number => lane.states.ready + lane.states.retrying + lane.states.sending;
const waitingIn = (lane: Lane): number => kPending.reduce((sum, state) => sum + lane.states[state as "held"], 0);

function StatesOf({ lane }: { lane: Lane }) {
  return (
    <span class="lane-states">
      {kPending
        .filter((state) => lane.states[state as "held"] > 0)
        .map((state) => (
          <a key={state} href={href("notifies", [], { lane: lane.name, mode: lane.mode, state })} title={term("state", state)}>
            <Icon name={state} />
            {count(lane.states[state as "held"])}
            <span class="sr">{term("state", state)}</span>
          </a>
        ))}
    </span>
  );
}

const columns = (): Column<Lane>[] => [
  { name: t("col_lane"), width: "minmax(12rem, 3fr)", main: true, cell: (l) => <a href={href("lane", [l.mode, l.name])}><Name>{l.name}</Name></a> },
  { name: t("f_mode"), width: "7rem", main: true, cell: (l) => <Badge tone="plain">{l.mode}</Badge> },
  { name: t("col_waits"), width: "minmax(10rem, 2fr)", cell: (l) => <StatesOf lane={l} /> },
  { name: t("col_head_age"), width: "7rem", right: true, cell: (l) => (l.head_age_ms === null ? <span class="faint">–</span> : duration(l.head_age_ms)) },
  { name: t("col_flight"), width: "6rem", right: true, hide: true, cell: (l) => `${count(l.in_flight)} / ${count(l.settings?.concurrency ?? 0)}` },
  { name: t("f_rate"), width: "6rem", right: true, hide: true, cell: (l) => l.settings?.rate_per_s ?? "–" },
  { name: t("paused"), width: "minmax(13rem, 1.2fr)", cell: (l) => <Paused lane={l} few /> },
];

export function Lanes() {
  const prefix = usePrefix();
  const pages = usePages<Lane>(spaced("/v1/lanes?limit=1000" + prefixQuery(prefix)), (l) => `${l.mode}/${l.name}`, 2000);
  const rows = [...pages.rows].sort((a, b) => backlogOf(b) - backlogOf(a) || (b.head_age_ms ?? -1) - (a.head_age_ms ?? -1) || waitingIn(b) - waitingIn(a) || (a.name < b.name ? -1 : 1));
  return (
    <>
      <Title>{t("nav_lanes")}</Title>
      <Begins pages={pages} />
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List label={t("nav_lanes")} rows={rows} pages={pages} keyOf={(l) => `${l.mode}/${l.name}`} to={(l) => href("lane", [l.mode, l.name])} columns={columns()} empty={prefix ? <BeginsNone prefix={prefix} /> : <Empty title={t("lanes_none")} command={`${ctl()} submit http://127.0.0.1:9100/later --delay-ms 600000`} />} />
    </>
  );
}

function Settings({ lane, close, done }: { lane: Lane; close: () => void; done: () => void }) {
  const fifo = lane.mode === "fifo";
  const { rate_per_s, burst, concurrency, on_retry, on_failure } = lane.own;
  const { texts, set, save } = useSettings({ rate_per_s, burst, ...(fifo ? { on_retry, on_failure } : { concurrency }) }, pathOf(lane.mode, lane.name));
  const send = async () => {
    const wrong = await save();
    if (!wrong) done();
    return wrong;
  };
  return (
    <Dialog title={t("limits_title", { name: lane.name })} close={close}>
      <Form send={send} label={t("save")} close={close}>
        {fifo ? null : (
          <Field label={t("f_concurrency")} hint={t("limit_hint", { now: lane.settings?.concurrency ?? t("unknown") })}>
            <input inputMode="numeric" value={texts.concurrency} onInput={set("concurrency")} />
          </Field>
        )}
        <Field label={t("f_rate")} hint={t("limit_hint", { now: lane.settings?.rate_per_s ?? t("no_limit") })}>
          <input inputMode="decimal" value={texts.rate_per_s} onInput={set("rate_per_s")} />
        </Field>
        <Field label={t("f_burst")} hint={t("limit_hint", { now: lane.settings?.burst ?? t("none") })}>
          <input inputMode="numeric" value={texts.burst} onInput={set("burst")} />
        </Field>
        {fifo ? (
          <>
            <Field label={t("f_on_retry")} hint={t("limit_hint", { now: lane.settings?.on_retry ?? t("none") })}>
              <select value={texts.on_retry} onChange={set("on_retry")}>
                <option value="">{t("as_the_rule")}</option>
                <option value="block">{t("on_retry_block")}</option>
                <option value="skip">{t("on_retry_skip")}</option>
              </select>
            </Field>
            <Field label={t("f_on_failure")} hint={t("limit_hint", { now: lane.settings?.on_failure ?? t("none") })}>
              <select value={texts.on_failure} onChange={set("on_failure")}>
                <option value="">{t("as_the_rule")}</option>
                <option value="continue">{t("on_failure_continue")}</option>
                <option value="pause">{t("on_failure_pause")}</option>
              </select>
            </Field>
          </>
        ) : null}
      </Form>
    </Dialog>
  );
}

/// Why, for whoever looks at it later; nothing need be said.
function Pause({ lane, close, done }: { lane: Lane; close: () => void; done: () => void }) {
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const at = until.trim() === "" ? null : parseAhead(until);
  const bad = until.trim() !== "" && at === null;
  return (
    <Dialog title={t("pause_title", { name: lane.name })} close={close}>
      <Form
        label={t("pause")}
        close={close}
        disabled={bad}
        send={async () => {
          const body: Record<string, unknown> = { paused: true };
          if (reason.trim()) body.reason = reason.trim();
          if (at !== null) body.paused_until = new Date(at).toISOString();
          await ask("PATCH", pathOf(lane.mode, lane.name), { body });
          say(t("paused_done", { name: lane.name }));
          done();
        }}
      >
        <Field label={t("paused_reason")} hint={t("pause_reason_hint")}>
          <input autoFocus maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </Field>
        <Field label={t("paused_until")} hint={t("pause_until_hint")} fault={bad ? t("pause_until_bad") : null}>
          <input value={until} aria-invalid={bad} onInput={(event) => setUntil(event.currentTarget.value)} />
        </Field>
      </Form>
    </Dialog>
  );
}

/// Where a page holds all of which it may be one; those were created by the time at which it was due.
function Head({ lane }: { lane: Lane }) {
  const query = new URLSearchParams({ lane: lane.name, mode: lane.mode, state: kDue, limit: "100" });
  if (lane.oldest_due_at) query.set("created_before", new Date(new Date(lane.oldest_due_at).getTime() + 1).toISOString());
  const path = spaced(`/v1/notifies?${query}`);
  const { data } = usePoll<Page<Notify>>(path, (signal) => get(path, signal), 3000);
  const head = data?.next === null ? headOf(lane, data.items) : undefined;
  return head ? <NotifyId id={head.id} /> : <span class="faint">–</span>;
}

const unseen = (mode: Lane["mode"], name: string): Lane => ({
  name,
  mode,
  paused: false,
  states: { held: 0, scheduled: 0, ready: 0, sending: 0, retrying: 0 },
  in_flight: 0,
  oldest_due_at: null,
  head_age_ms: null,
  settings: null,
  own: {},
});

export function LanePage() {
  const { args } = useRoute();
  const [mode = "", name = ""] = args;
  const path = pathOf(mode, name);
  const seen = usePoll<Lane>(path, (signal) => get(path, signal), 1500);
  const waiting = usePages<Notify>(spaced(`/v1/notifies?${new URLSearchParams({ lane: name, mode, state: kPending.join(","), limit: "100" })}`), (n) => n.id, 2000);
  const [settings, setSettings] = useState(false);
  const [pausing, setPausing] = useState(false);
  // One in which nothing waits and that has no settings is not there: it can be paused all the same, before something comes.
  const lane = seen.data ?? (seen.error?.status === 404 && (mode === "fifo" || mode === "concurrent") ? unseen(mode, name) : null);
  if (!lane) return seen.error ? <><Title><Name>{name}</Name></Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  const resume = async () => {
    await ask("PATCH", path, { body: { paused: false } });
    seen.again();
    return t("resumed_done", { name });
  };
  return (
    <>
      <Title
        aside={
          may("operate") && unbound() ? (
            <>
              {lane.paused ? <Act tone="main" act={resume}>{t("resume")}</Act> : <button type="button" onClick={() => setPausing(true)}>{t("pause_how")}</button>}
              <button type="button" onClick={() => setSettings(true)}>{t("limits")}</button>
            </>
          ) : null
        }
      >
        <Name>{lane.name}</Name> <Copy text={lane.name} /> <Badge tone="plain">{lane.mode}</Badge> <Paused lane={lane} />
      </Title>
      <div class="columns">
        <Panel title={t("lane_waiting")} aside={<a href={href("notifies", [], { lane: name, mode })}>{t("newest_all")}</a>}>
          {waiting.error ? <Fault problem={waiting.error} /> : null}
          <List label={t("lane_waiting")} pages={waiting} keyOf={(n) => n.id} to={(n) => href("notify", [n.id])} columns={notifyColumns(true)} empty={<Empty title={t("lane_empty")} />} />
        </Panel>
        <Panel title={t("facts_title")}>
          <Facts
            rows={[
              [t("f_head"), <Head lane={lane} />],
              [t("col_head_age"), lane.head_age_ms === null ? <span class="faint">–</span> : <>{duration(lane.head_age_ms)}{lane.oldest_due_at ? <span class="faint"> · {localTime(lane.oldest_due_at)}</span> : null}</>],
              [t("col_waits"), <StatesOf lane={lane} />],
              [t("col_flight"), lane.settings ? `${count(lane.in_flight)} / ${count(lane.settings.concurrency)}` : count(lane.in_flight)],
              [t("f_rate"), lane.settings?.rate_per_s ?? t("no_limit")],
              [t("f_burst"), lane.settings?.burst ?? "–"],
              ...(lane.mode === "fifo" ? ([[t("f_on_retry"), lane.settings?.on_retry === "skip" ? t("on_retry_skip") : t("on_retry_block")], [t("f_on_failure"), lane.settings?.on_failure === "pause" ? t("on_failure_pause") : t("on_failure_continue")]] as [string, string][]) : []),
              [t("paused"), lane.paused ? <Paused lane={lane} /> : t("no")],
              ...pauseFacts(lane),
            ]}
          />
        </Panel>
      </div>
      {pausing ? <Pause lane={lane} close={() => setPausing(false)} done={seen.again} /> : null}
      {settings ? <Settings lane={lane} close={() => setSettings(false)} done={seen.again} /> : null}
    </>
  );
}
