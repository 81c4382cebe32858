// One notify: what became of it, why it is not sent yet, and what can be done.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { sendingOf } from "../actions";
import { ask, get, may, space, spaced } from "../api";
import { curlOf, submitAgain, type Command } from "../commands";
import { duration } from "../format";
import { jsonOf, parseData, patchOf } from "../json";
import { kDue, nextBehind } from "../order";
import { usePoll } from "../poll";
import { href, useRoute, type Query } from "../route";
import { t, term } from "../text";
import { Act, Code, Copy, Dialog, Facts, Fault, Field, Form, Name, Panel, StateBadge, Time, Title, say, textOf } from "../ui";
import { isPending, type Explained, type Notify, type Page } from "../types";
import { Waterfall } from "../waterfall";
import { NotifyId } from "./notifies";

/// Ids in a text lead to what they name.
export function WithIds({ text }: { text: string }) {
  return <bdi>{text.split(/(n[0-9a-f]{16})/).map((part, i) => (i % 2 === 1 ? <NotifyId key={i} id={part} /> : part))}</bdi>;
}

/// Where to look, or what to do, about a reason.
function Remedy({ code, notify }: { code: string; notify: Notify }) {
  const lane = () => href("lane", [notify.mode, notify.lane]);
  const host = hostOf(notify.url);
  if (code.startsWith("lane_") || code === "rate_limited" || code === "blocked_by_head" || code === "behind") return <a href={lane()}>{t("to_lane")}</a>;
  if ((code.startsWith("host_") || code === "breaker_open") && host) return <a href={href("destination", [host])}>{t("to_host")}</a>;
  if ((code.startsWith("host_") || code === "breaker_open" || code === "no_instance") && notify.service) return <a href={href("service", [notify.service])}>{t("to_service")}</a>;
  if (code.startsWith("caller_")) return <a href={href("callers", [], { caller: notify.caller })}>{t("to_caller")}</a>;
  if (code === "held" && notify.fkey) return <a href={href("fkeys", [], { fkey: notify.fkey })}>{t("to_fkey")}</a>;
  if (code === "subscription_paused" && notify.subscription) return <a href={href("topics", [], { subscription: notify.subscription })}>{t("to_subscription")}</a>;
  return null;
}

export function hostOf(url: string): string | null {
  try {
    const of = new URL(url);
    if (of.protocol !== "http:" && of.protocol !== "https:") return null;
    return `${of.hostname}:${of.port || (of.protocol === "https:" ? "443" : "80")}`;
  } catch {
    return null;
  }
}

function Why({ notify, explained }: { notify: Notify; explained: Explained }) {
  return (
    <Panel id="why" title={notify.state === "sending" ? t("why_now") : t("why_title")}>
      <ol class="reasons">
        {explained.reasons.map((reason) => (
          <li key={reason.code + reason.detail}>
            <strong>{term("why", reason.code)}</strong> <code class="faint">{reason.code}</code>
            <p>
              <WithIds text={reason.detail} /> <Remedy code={reason.code} notify={notify} />
            </p>
          </li>
        ))}
      </ol>
      <p>{explained.expected_at ? <>{t("why_expected")} <Time at={explained.expected_at} ms /></> : <span class="faint">{t("why_depends")}</span>}</p>
    </Panel>
  );
}

function Neighbours({ notify }: { notify: Notify }) {
  const path = spaced(`/v1/notifies?${new URLSearchParams({ lane: notify.lane, mode: notify.mode, state: kDue, limit: "100" })}`);
  const { data } = usePoll<Page<Notify>>(path, (signal) => get(path, signal), 5000);
  if (!data) return null;
  const next = data.next === null ? nextBehind(notify.id, data.items) : undefined;
  return next ? <NotifyId id={next.id} /> : <span class="faint">{next === null ? t("lane_last") : t("lane_unknown")}</span>;
}

/// What says the same in a shell, and what it leaves out.
function Shell({ label, command }: { label: string; command: Command }) {
  return (
    <>
      <h3>{label}</h3>
      {command.text === null ? null : <Code label={label}>{command.text}</Code>}
      {command.notes.map((note) => <p class="faint" key={note}>{t(note)}</p>)}
    </>
  );
}

/// Of the notify as it was when the dialog was opened, and only if it is that still: what somebody else changes meanwhile is not undone.
function Change({ close, done, ...opened }: { notify: Notify; etag: string | null; close: () => void; done: () => void }) {
  const [{ notify, etag }] = useState(opened);
  const [delay, setDelay] = useState("");
  const [priority, setPriority] = useState(notify.priority === null ? "" : String(notify.priority));
  const [attempts, setAttempts] = useState(String(notify.retry.max_attempts ?? ""));
  const [data, setData] = useState(notify.data === undefined || notify.data === null ? "" : jsonOf(notify.data, undefined, 2));
  const save = async () => {
    const body: Record<string, unknown> = {};
    if (delay.trim() !== "") body.delay_ms = Math.round(Number(delay) * 1000);
    // Null is the default.
    const typed = (text: string): number | null => (text.trim() === "" ? null : Number(text));
    if (typed(priority) !== notify.priority) body.priority = typed(priority);
    if (typed(attempts) !== notify.retry.max_attempts) body.retry = { max_attempts: typed(attempts) };
    if (notify.data !== undefined && notify.data !== null) {
      try {
        const change = patchOf(notify.data, data.trim() === "" ? null : parseData(data));
        if (change?.unsayable) return t("change_null", { path: change.unsayable });
        if (change) body.data = change.patch;
      } catch (error) {
        return String(error);
      }
    }
    if (Object.keys(body).length === 0) return t("change_nothing");
    await ask("PATCH", `/v1/notifies/${notify.id}`, { body, headers: etag ? { "If-Match": etag } : {} });
    say(t("changed"));
    done();
  };
  return (
    <Dialog title={t("change_title")} close={close}>
      <Form send={save} label={t("save")} close={close}>
        <Field label={t("change_delay")} hint={t("change_delay_hint")}>
          <input inputMode="decimal" value={delay} onInput={(event) => setDelay(event.currentTarget.value)} />
        </Field>
        {notify.priority !== null ? (
          <Field label={t("f_priority")} hint={t("change_priority_hint")}>
            <input inputMode="numeric" value={priority} onInput={(event) => setPriority(event.currentTarget.value)} />
          </Field>
        ) : null}
        <Field label={t("f_max_attempts")} hint={t("change_default_hint")}>
          <input inputMode="numeric" value={attempts} onInput={(event) => setAttempts(event.currentTarget.value)} />
        </Field>
        {notify.data !== undefined && notify.data !== null ? (
          <Field label={t("f_data")} hint={t("change_data_hint")}>
            <textarea rows={8} spellcheck={false} value={data} onInput={(event) => setData(event.currentTarget.value)} />
          </Field>
        ) : null}
      </Form>
    </Dialog>
  );
}

function Actions({ notify, etag, reasons, again }: { notify: Notify; etag: string | null; reasons: string[]; again: () => void }) {
  const [dialog, setDialog] = useState<"change" | "cancel" | null>(null);
  if (!may("operate")) return null;
  const pending = isPending(notify.state);
  const sending = sendingOf(notify, reasons);
  const path = `/v1/notifies/${notify.id}`;
  const act = async (method: string, target: string, said: string) => {
    await ask(method, target);
    again();
    return said;
  };
  return (
    <>
      {sending.now ? (
        <Act tone="main" act={() => act("POST", `${path}/retry`, t("retried"))}>
          {pending ? t("send_now") : t("send_again")}
        </Act>
      ) : null}
      {sending.thoughPaused ? <Act tone={sending.now ? undefined : "main"} act={() => act("POST", `${path}/retry?paused=true`, t("retried"))}>{t("send_though_paused")}</Act> : null}
      {pending && notify.state !== "sending" ? <button type="button" onClick={() => setDialog("change")}>{t("change")}</button> : null}
      {pending ? <button type="button" class="danger" onClick={() => setDialog("cancel")}>{t("cancel_notify")}</button> : null}
      {dialog === "change" ? <Change notify={notify} etag={etag} close={() => setDialog(null)} done={again} /> : null}
      {dialog === "cancel" ? (
        <Dialog title={t("cancel_title")} close={() => setDialog(null)}>
          <p>{t("cancel_text", { id: notify.id })}</p>
          <footer>
            <button
              type="button"
              class="danger"
              onClick={() => {
                setDialog(null);
                act("DELETE", path, "").then(
                  () => say(t("cancelled")),
                  (error) => say(textOf(error), true),
                );
              }}
            >
              {t("cancel_notify")}
            </button>
            <button type="button" onClick={() => setDialog(null)}>{t("cancel_dialog")}</button>
          </footer>
        </Dialog>
      ) : null}
    </>
  );
}

function link(page: string, text: string, args: string[], query: Query = {}): ComponentChildren {
  return (
    <span class="id">
      <a href={href(page, args, query)}><Name>{text}</Name></a>
      <Copy text={text} />
    </span>
  );
}

function AllFacts({ notify }: { notify: Notify }) {
  const host = hostOf(notify.url);
  const retry = notify.retry.schedule_ms ? notify.retry.schedule_ms.map(duration).join(", ") : `${duration(notify.retry.initial_ms ?? 0)} × ${notify.retry.factor ?? 1}, ≤ ${duration(notify.retry.max_ms)}`;
  const rows: [string, ComponentChildren][] = [
    [t("f_url"), <><span class="method">{notify.method}</span> <Name>{notify.url}</Name><Copy text={notify.url} /></>],
    [t("f_lane"), <>{link("lane", notify.lane, [notify.mode, notify.lane])} <span class="faint">{term("mode", notify.mode)}</span></>],
  ];
  if (kDue.split(",").includes(notify.state)) rows.push([t("f_next_in_lane"), <Neighbours notify={notify} />]);
  if (host) rows.push([t("f_host"), link("destination", host, [host])]);
  if (notify.service) rows.push([t("f_service"), link("service", notify.service, [notify.service])]);
  rows.push([t("f_caller"), notify.caller ? link("notifies", notify.caller, [], { caller: notify.caller }) : <span class="faint">{t("none")}</span>]);
  if (notify.fkey) rows.push([t("f_fkey"), link("fkeys", notify.fkey, [], { fkey: notify.fkey })]);
  if (notify.group_id) rows.push([t("f_group"), link("group", notify.group_id, [notify.group_id])]);
  if (notify.event) rows.push([t("f_event"), link("event", notify.event, [notify.event])]);
  if (notify.subscription) rows.push([t("f_subscription"), link("topics", notify.subscription, [], { subscription: notify.subscription })]);
  if (notify.schedule) rows.push([t("f_schedule"), link("schedule", notify.schedule, [notify.schedule])]);
  if (notify.labels) rows.push([t("f_labels"), <ul class="chips">{Object.entries(notify.labels).map(([key, value]) => <li class="chip" key={key}><a href={href("notifies", [], { label: `${key}:${value}` })}><Name>{`${key}:${value}`}</Name></a></li>)}</ul>]);
  if (notify.idempotency_key) rows.push([t("f_idempotency"), <><Name>{notify.idempotency_key}</Name><Copy text={notify.idempotency_key} /></>]);
  rows.push([t("f_created"), <Time at={notify.created_at} full ms />]);
  if (notify.due_at) rows.push([t("f_due"), <Time at={notify.due_at} full ms />]);
  if (notify.settled_at) rows.push([t("f_settled"), <><Time at={notify.settled_at} full ms />{notify.reason ? <> · <code>{notify.reason}</code> {term("reason", notify.reason) === notify.reason ? "" : term("reason", notify.reason)}</> : null}</>]);
  if (notify.expires_at) rows.push([t("f_expires"), <Time at={notify.expires_at} full ms />]);
  if (notify.priority !== null) rows.push([t("f_priority"), notify.priority]);
  rows.push([t("f_retry"), `${notify.attempts_made} / ${notify.retry.max_attempts ?? "∞"} · ${retry}`]);
  rows.push([t("f_timeout"), duration(notify.timeout_ms)]);
  if (notify.callback_url) rows.push([t("f_callback"), <><Name>{notify.callback_url}</Name><Copy text={notify.callback_url} /></>]);
  return <Facts rows={rows} />;
}

function Sent({ notify }: { notify: Notify }) {
  const headers = Object.entries(notify.headers);
  const text = notify.data !== undefined && notify.data !== null ? jsonOf(notify.data, undefined, 2) : (notify.body ?? notify.body_base64 ?? "");
  return (
    <Panel title={t("sent_title")}>
      {headers.length > 0 ? <Code label={t("f_headers")}>{headers.map(([name, value]) => `${name}: ${value}`).join("\n")}</Code> : null}
      {notify.data === undefined && notify.body === undefined ? <p class="faint">{t("no_bodies")}</p> : text === "" ? <p class="faint">{t("no_body")}</p> : <Code label={t("f_data")}>{text}</Code>}
    </Panel>
  );
}

interface KeptResponse {
  status: number;
  headers: Record<string, string>;
  body?: string;
  body_base64?: string;
  truncated: boolean;
  received_at: string;
}

/// What is kept of the answer that ended it; of another end it is another one.
function Answer({ id, settledAt }: { id: string; settledAt: string }) {
  const path = `/v1/notifies/${id}/response`;
  const { data, error } = usePoll<KeptResponse>(`${path}#${settledAt}`, (signal) => get(path, signal));
  if (error?.status === 404) return null;
  return (
    <Panel title={t("answer_title")} id="answer">
      {error ? <Fault problem={error} /> : null}
      {data ? (
        <>
          <p>
            <code>{data.status}</code> · <Time at={data.received_at} ms /> {data.truncated ? t("answer_truncated") : ""}
          </p>
          <Code label={t("f_headers")}>{Object.entries(data.headers).map(([name, value]) => `${name}: ${value}`).join("\n")}</Code>
          <Code label={t("answer_title")}>{data.body ?? data.body_base64 ?? ""}</Code>
        </>
      ) : null}
    </Panel>
  );
}

export function NotifyPage() {
  const { args } = useRoute();
  const id = args[0] ?? "";
  const path = `/v1/notifies/${encodeURIComponent(id)}`;
  const [pace, setPace] = useState(1000);
  const seen = usePoll(path, (signal) => ask<Notify>("GET", path, { signal, exactly: true }), pace);
  const notify = seen.data?.body ?? null;
  const waits = notify !== null && isPending(notify.state);
  useEffect(() => setPace(notify && !waits ? 5000 : 1000), [notify === null, waits]);
  const why = usePoll<Explained | null>(waits ? `${path}/explain` : "", (signal) => (waits ? get<Explained>(`${path}/explain`, signal) : Promise.resolve(null)), waits ? 1000 : 0);
  if (!notify) return seen.error ? <><Title>{id}</Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  return (
    <>
      <Title aside={<Actions notify={notify} etag={seen.data?.etag ?? null} reasons={(why.data?.reasons ?? []).map((reason) => reason.code)} again={seen.again} />}>
        <span class="id">{notify.id}<Copy text={notify.id} /></span> <StateBadge state={notify.state} />
      </Title>
      <p class="subtitle"><span class="method">{notify.method}</span> <Name>{notify.url}</Name></p>
      {seen.error ? <Fault problem={seen.error} again={seen.again} /> : null}
      <div class="columns">
        <div>
          {waits && why.data ? <Why notify={notify} explained={why.data} /> : null}
          <Panel title={t("waterfall_title")} id="waterfall"><Waterfall notify={notify} now={Date.now()} /></Panel>
          {notify.keep_response_bytes > 0 && notify.settled_at && may("read_bodies", "submit") ? <Answer id={notify.id} settledAt={notify.settled_at} /> : null}
          <Sent notify={notify} />
        </div>
        <div>
          <Panel title={t("facts_title")}><AllFacts notify={notify} /></Panel>
          <Panel title={t("copy_as")}>
            <Shell label="curl" command={curlOf(notify)} />
            <Shell label="notifyctl" command={submitAgain(notify, space(), Date.now())} />
          </Panel>
        </div>
      </div>
    </>
  );
}
