// Topics, what was published to them, and who subscribed.
import { useRef, useState } from "preact/hooks";
import { ask, ctl, getExactly, may, newKey, spaced, unbound } from "../api";
import { positional } from "../commands";
import { count, duration, parseTime } from "../format";
import { jsonOf } from "../json";
import { List } from "../list";
import { brokerNow } from "../live";
import { usePages } from "../pages";
import { usePoll } from "../poll";
import { href, setQuery, useRoute } from "../route";
import { t } from "../text";
import { Act, Ago, Badge, Code, Copy, Dialog, Empty, Facts, Fault, Field, Form, Name, Panel, StateBadge, Time, Title, say } from "../ui";
import type { State } from "../types";
import { NotifyId } from "./notifies";

interface Topic {
  name: string;
  retention_ms: number;
}
interface Subscription {
  name: string;
  created_at: string;
  topic: string;
  url: string;
  enabled: boolean;
  paused: boolean;
  paused_by?: "request" | "unreachable" | null;
  pending: number;
  skipped: number;
  catching_up?: boolean;
  filter?: unknown;
  transform?: unknown;
  lane?: string;
  mode?: "fifo" | "concurrent";
  order_by?: string | null;
}
interface Replayed {
  accepted: number | null;
  duplicate?: true;
}
interface Event {
  id: string;
  topic: string;
  published_at: string;
  caller: string;
  key: string | null;
  matched: number | null;
  data?: unknown;
  body?: string | null;
  notifies?: { id: string; subscription: string; state: State }[];
  next?: string | null;
}

function SubscriptionState({ row }: { row: Subscription }) {
  if (!row.enabled) return <Badge tone="plain" icon="cancelled">{t("disabled")}</Badge>;
  if (row.paused) return <Badge tone="warn" icon="held">{row.paused_by === "unreachable" ? t("paused_unreachable") : t("paused")}</Badge>;
  return <Badge tone="good">{row.catching_up ? t("catching_up") : t("active")}</Badge>;
}

export function Topics() {
  const { query } = useRoute();
  const chosen = query.get("subscription");
  const topics = usePages<Topic>(spaced("/v1/topics?limit=200"), (row) => row.name, 5000);
  const subscriptions = usePages<Subscription>(spaced("/v1/subscriptions?limit=200"), (row) => row.name, 3000);
  return (
    <>
      <Title>{t("nav_topics")}</Title>
      <Panel title={t("subscriptions_title")}>
        {subscriptions.error ? <Fault problem={subscriptions.error} again={subscriptions.again} /> : null}
        <List
          label={t("subscriptions_title")}
          pages={subscriptions}
          keyOf={(row) => row.name}
          to={(row) => href("topics", [], { subscription: row.name })}
          empty={<Empty title={t("subscriptions_none")} command={`${ctl()} subscription set mailer --topic 'order.*' --url http://127.0.0.1:9100/mail`} />}
          columns={[
            { name: t("name"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => <a href={href("topics", [], { subscription: row.name })}><Name>{row.name}</Name></a> },
            { name: t("col_state"), width: "11rem", main: true, cell: (row) => <SubscriptionState row={row} /> },
            { name: t("col_pattern"), width: "minmax(7rem, 1fr)", cell: (row) => <Name>{row.topic}</Name> },
            { name: t("f_url"), width: "minmax(10rem, 2fr)", hide: true, cell: (row) => <Name>{row.url}</Name> },
            { name: t("tile_pending"), width: "6rem", right: true, cell: (row) => <a href={href("notifies", [], { subscription: row.name, state: "held,scheduled,ready,sending,retrying" })}>{count(row.pending)}</a> },
            { name: t("failing"), width: "6rem", right: true, hide: true, cell: (row) => <a href={href("notifies", [], { subscription: row.name, state: "failed,retrying" })}>{t("look")}</a> },
            { name: t("skipped"), width: "6rem", right: true, hide: true, cell: (row) => count(row.skipped) },
          ]}
        />
      </Panel>
      {chosen ? <OneSubscription key={chosen} name={chosen} /> : null}
      <Panel title={t("topics_title")}>
        {topics.error ? <Fault problem={topics.error} again={topics.again} /> : null}
        <List
          label={t("topics_title")}
          pages={topics}
          keyOf={(row) => row.name}
          to={(row) => href("topic", [row.name])}
          empty={<Empty title={t("topics_none")} command={`${ctl()} topic set order.paid`} />}
          columns={[
            { name: t("f_topic"), width: "minmax(10rem, 2fr)", main: true, cell: (row) => <a href={href("topic", [row.name])}><Name>{row.name}</Name></a> },
            { name: t("retention"), width: "8rem", main: true, cell: (row) => (row.retention_ms === 0 ? t("as_notifies") : duration(row.retention_ms)) },
            { name: t("nav_notifies"), width: "9rem", right: true, cell: (row) => <a href={href("notifies", [], { topic: row.name })}>{t("look")}</a> },
          ]}
        />
      </Panel>
    </>
  );
}

function Replay({ name, close }: { name: string; close: () => void }) {
  const [from, setFrom] = useState("02:00");
  const [to, setTo] = useState("");
  const [bad, setBad] = useState<"from" | "to" | null>(null);
  // What was typed is one and the same replay as long as the dialog is open: "2 h" is not another time a second later, and one that is sent again, since
  // no answer came, makes nothing new.
  const meant = useRef<{ texts: string; begin: number; end: number; key: string } | null>(null);
  const send = async () => {
    const begin = parseTime(from);
    const end = to.trim() === "" ? await brokerNow() : parseTime(to);
    setBad(begin === null ? "from" : end === null ? "to" : null);
    if (begin === null || end === null) return false; // said at the field
    const texts = JSON.stringify([from, to]);
    if (meant.current?.texts !== texts) meant.current = { texts, begin, end, key: newKey() };
    const times = { from: new Date(meant.current.begin).toISOString(), to: new Date(meant.current.end).toISOString() };
    const { body } = await ask<Replayed>("POST", spaced(`/v1/subscriptions/${encodeURIComponent(name)}/replay`), { body: { ...times, idempotency_key: meant.current.key } });
    say(body.duplicate ? t("replay_was") : body.accepted === null ? t("replay_later") : t("replay_made", { n: count(body.accepted) }));
  };
  return (
    <Dialog title={t("replay_title", { name })} close={close}>
      <Form send={send} label={t("replay_go")} close={close}>
        <Field label={t("replay_from")} hint={t("time_hint")} fault={bad === "from" ? t("time_bad") : null}>
          <input autoFocus aria-invalid={bad === "from"} value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </Field>
        <Field label={t("replay_to")} hint={t("replay_now")} fault={bad === "to" ? t("time_bad") : null}>
          <input aria-invalid={bad === "to"} value={to} onInput={(event) => setTo(event.currentTarget.value)} />
        </Field>
      </Form>
    </Dialog>
  );
}

function OneSubscription({ name }: { name: string }) {
  const path = spaced(`/v1/subscriptions/${encodeURIComponent(name)}`);
  const seen = usePoll<Subscription>(path, (signal) => getExactly(path, signal), 2000);
  const { query } = useRoute();
  const row = seen.data;
  const lane = row?.lane ?? `subscription/${name}`;
  return (
    <Panel
      id="subscription"
      title={<Name>{name}</Name>}
      aside={
        <>
          {may("operate") && unbound() ? <button type="button" onClick={() => setQuery({ do: "replay" })}>{t("replay")}</button> : null}
          <a class="button" href={row?.order_by ? href("lanes", [], { prefix: lane }) : href("lane", [row?.mode ?? "concurrent", lane])}>{t("to_lane")}</a>
          <a class="button" href={href("notifies", [], { subscription: name })}>{t("nav_notifies")}</a>
        </>
      }
    >
      {seen.error ? <Fault problem={seen.error} again={seen.again} /> : null}
      {row ? (
        <>
          <Facts
            rows={[
              [t("col_state"), <SubscriptionState row={row} />],
              [t("col_pattern"), <Name>{row.topic}</Name>],
              [t("f_url"), <Name>{row.url}</Name>],
              [t("tile_pending"), count(row.pending)],
              [t("skipped"), count(row.skipped)],
              [t("f_made"), <Time at={row.created_at} full />],
            ]}
          />
          {row.filter ? <><h3>{t("filters")}</h3><Code label={t("filters")}>{jsonOf(row.filter, undefined, 2)}</Code></> : null}
        </>
      ) : null}
      {query.get("do") === "replay" ? <Replay name={name} close={() => setQuery({ do: null })} /> : null}
    </Panel>
  );
}

export function TopicPage() {
  const name = useRoute().args[0] ?? "";
  const pages = usePages<Event>(spaced(`/v1/topics/${encodeURIComponent(name)}/events?limit=100`), (row) => row.id, 3000);
  return (
    <>
      <Title aside={<a class="button" href={href("notifies", [], { topic: name })}>{t("nav_notifies")}</a>}>
        <Name>{name}</Name> <Copy text={name} />
      </Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List
        label={t("events_title")}
        pages={pages}
        keyOf={(row) => row.id}
        to={(row) => href("event", [row.id])}
        empty={<Empty title={t("events_none")} command={`${ctl()} publish --data '{"order":1}' ${positional(name)}`} />}
        columns={[
          { name: t("f_event"), width: "12.5rem", main: true, cell: (row) => <span class="id"><a href={href("event", [row.id])}>{row.id}</a><Copy text={row.id} /></span> },
          { name: t("matched"), width: "7rem", right: true, main: true, cell: (row) => (row.matched === null ? "…" : count(row.matched)) },
          { name: t("event_key"), width: "minmax(6rem, 1fr)", cell: (row) => (row.key ? <Name>{row.key}</Name> : <span class="faint">–</span>) },
          { name: t("col_caller"), width: "minmax(5rem, 1fr)", hide: true, cell: (row) => <Name>{row.caller}</Name> },
          { name: t("published"), width: "9rem", right: true, cell: (row) => <Ago at={row.published_at} /> },
        ]}
      />
    </>
  );
}

export function EventPage() {
  const id = useRoute().args[0] ?? "";
  const path = `/v1/events/${encodeURIComponent(id)}`;
  const seen = usePoll<Event>(path, (signal) => getExactly(path, signal), 2000);
  const event = seen.data;
  if (!event) return seen.error ? <><Title>{id}</Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  return (
    <>
      <Title
        aside={
          may("operate") && unbound() ? (
            <Act
              act={async () => {
                const { body } = await ask<{ accepted: number | null }>("POST", `${path}/replay`, { body: {} });
                seen.again();
                return body.accepted === null ? t("replay_later") : t("replay_made", { n: count(body.accepted) });
              }}
            >
              {t("replay_event")}
            </Act>
          ) : null
        }
      >
        <span class="id">{event.id}<Copy text={event.id} /></span>
      </Title>
      <div class="columns">
        <Panel title={t("event_made")}>
          <List
            label={t("event_made")}
            rows={event.notifies ?? []}
            keyOf={(n) => n.id}
            to={(n) => href("notify", [n.id])}
            empty={<Empty title={t("event_none")} />}
            columns={[
              { name: t("col_state"), width: "8rem", main: true, cell: (n) => <StateBadge state={n.state} /> },
              { name: t("col_id"), width: "12.5rem", main: true, cell: (n) => <NotifyId id={n.id} /> },
              { name: t("f_subscription"), width: "minmax(8rem, 1fr)", cell: (n) => <Name>{n.subscription}</Name> },
            ]}
          />
        </Panel>
        <Panel title={t("facts_title")}>
          <Facts
            rows={[
              [t("f_topic"), <a href={href("topic", [event.topic])}><Name>{event.topic}</Name></a>],
              [t("published"), <Time at={event.published_at} full ms />],
              [t("event_key"), event.key ? <Name>{event.key}</Name> : t("none")],
              [t("f_caller"), <Name>{event.caller}</Name>],
              [t("matched"), event.matched === null ? "…" : count(event.matched)],
            ]}
          />
          {event.data === undefined && event.body === undefined ? <p class="faint">{t("no_bodies")}</p> : <Code label={t("f_data")}>{event.data !== undefined && event.data !== null ? jsonOf(event.data, undefined, 2) : (event.body ?? "")}</Code>}
        </Panel>
      </div>
    </>
  );
}
