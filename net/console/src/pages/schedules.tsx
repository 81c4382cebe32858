// Schedules: when they run next, what became of their runs.
import { ask, ctl, getExactly, may, spaced } from "../api";
import { count, duration } from "../format";
import { jsonOf } from "../json";
import { List } from "../list";
import { usePages } from "../pages";
import { usePoll } from "../poll";
import { go, href, useRoute } from "../route";
import { t, term } from "../text";
import { Act, Ago, Badge, Code, Copy, Empty, Facts, Fault, Name, Panel, Time, Title, type Tone } from "../ui";
import { NotifyId } from "./notifies";

interface Run {
  scheduled_at: string;
  outcome: "made" | "by_hand" | "skipped" | "missed";
  at: string;
  notify: string | null;
  event: string | null;
  reason: string | null;
  count: number;
}
interface Schedule {
  name: string;
  created_at: string;
  cron: string | null;
  every_ms: number | null;
  timezone: string;
  start_at: string | null;
  end_at: string | null;
  missed: string;
  overlap: string;
  paused: boolean;
  jitter_ms: number;
  next: string[];
  missed_total: number;
  notify?: Record<string, unknown>;
  publish?: Record<string, unknown>;
  runs?: Run[];
}

const timesOf = (row: Schedule): string => (row.cron !== null ? `${row.cron} (${row.timezone})` : t("every", { d: duration(row.every_ms ?? 0) }));
const targetOf = (row: Schedule): string => String(row.notify?.url ?? (row.publish ? `${t("f_topic")} ${row.publish.topic}` : ""));
const kTones: Record<Run["outcome"], Tone> = { made: "good", by_hand: "good", skipped: "warn", missed: "bad" };

function RunNow({ name, done }: { name: string; done: () => void }) {
  if (!may("operate")) return null;
  return (
    <Act
      small
      act={async () => {
        const { body } = await ask<{ id: string; matched?: number | null }>("POST", spaced(`/v1/schedules/${encodeURIComponent(name)}/run`));
        done();
        go(href("matched" in body ? "event" : "notify", [body.id]));
        return t("run_begun");
      }}
    >
      {t("run_now")}
    </Act>
  );
}

export function Schedules() {
  const pages = usePages<Schedule>(spaced("/v1/schedules?limit=200"), (row) => row.name, 3000);
  return (
    <>
      <Title>{t("nav_schedules")}</Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List
        label={t("nav_schedules")}
        pages={pages}
        keyOf={(row) => row.name}
        to={(row) => href("schedule", [row.name])}
        empty={<Empty title={t("schedules_none")} command={`${ctl()} schedule put nightly --cron '0 3 * * *' --timezone Europe/Berlin --notify '{"url":"http://127.0.0.1:9100/nightly"}'`} />}
        columns={[
          { name: t("name"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => <a href={href("schedule", [row.name])}><Name>{row.name}</Name></a> },
          { name: t("col_state"), width: "8rem", main: true, cell: (row) => (row.paused ? <Badge tone="warn" icon="held">{t("paused")}</Badge> : row.next.length === 0 ? <Badge tone="plain">{t("over")}</Badge> : <Badge tone="good">{t("active")}</Badge>) },
          { name: t("times"), width: "minmax(10rem, 1.5fr)", cell: (row) => <Name>{timesOf(row)}</Name> },
          { name: t("col_call"), width: "minmax(10rem, 2fr)", hide: true, cell: (row) => <Name>{targetOf(row)}</Name> },
          { name: t("next_run"), width: "8rem", right: true, cell: (row) => <Ago at={row.next[0]} /> },
          { name: t("missed"), width: "5rem", right: true, hide: true, cell: (row) => count(row.missed_total) },
          { name: t("actions"), width: "8rem", hide: true, cell: (row) => <RunNow name={row.name} done={pages.again} /> },
        ]}
      />
    </>
  );
}

export function SchedulePage() {
  const name = useRoute().args[0] ?? "";
  const path = spaced(`/v1/schedules/${encodeURIComponent(name)}`);
  const seen = usePoll<Schedule>(path, (signal) => getExactly(path, signal), 2000);
  const row = seen.data;
  if (!row) return seen.error ? <><Title><Name>{name}</Name></Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  const pause = (paused: boolean) => async () => {
    await ask("PATCH", path, { body: { paused } });
    seen.again();
    return paused ? t("paused_done", { name }) : t("resumed_done", { name });
  };
  return (
    <>
      <Title
        aside={
          <>
            <RunNow name={name} done={seen.again} />
            {may("operate") ? row.paused ? <Act tone="main" act={pause(false)}>{t("resume")}</Act> : <Act act={pause(true)}>{t("pause")}</Act> : null}
            <a class="button" href={href("notifies", [], { schedule: name })}>{t("nav_notifies")}</a>
          </>
        }
      >
        <Name>{row.name}</Name> <Copy text={row.name} /> {row.paused ? <Badge tone="warn" icon="held">{t("paused")}</Badge> : null}
      </Title>
      <div class="columns">
        <Panel title={t("runs_title")}>
          <List
            label={t("runs_title")}
            rows={row.runs ?? []}
            keyOf={(run) => run.scheduled_at + run.at}
            to={(run) => (run.notify ? href("notify", [run.notify]) : run.event ? href("event", [run.event]) : href("schedule", [name]))}
            empty={<Empty title={t("runs_none")} />}
            columns={[
              { name: t("times"), width: "11rem", main: true, cell: (run) => <Time at={run.scheduled_at} /> },
              { name: t("outcome"), width: "8rem", main: true, cell: (run) => <Badge tone={kTones[run.outcome]}>{term("run", run.outcome)}{run.count > 1 ? ` × ${count(run.count)}` : ""}</Badge> },
              { name: t("made"), width: "minmax(10rem, 1fr)", cell: (run) => (run.notify ? <NotifyId id={run.notify} /> : run.event ? <a href={href("event", [run.event])}>{run.event}</a> : <code>{run.reason ?? "–"}</code>) },
            ]}
          />
        </Panel>
        <div>
          <Panel title={t("facts_title")}>
            <Facts
              rows={[
                [t("times"), <Name>{timesOf(row)}</Name>],
                [t("next_run"), row.next.length === 0 ? t("none") : <ul>{row.next.map((at) => <li key={at}><Time at={at} full /></li>)}</ul>],
                [t("missed"), `${count(row.missed_total)} · ${row.missed}`],
                [t("overlap"), row.overlap],
                [t("f_made"), <Time at={row.created_at} full />],
              ]}
            />
          </Panel>
          <Panel title={t("template")}>
            <Code label={t("template")}>{jsonOf(Object.fromEntries(Object.entries(row.notify ?? row.publish ?? {}).filter(([, value]) => value !== null)), undefined, 2)}</Code>
          </Panel>
        </div>
      </div>
    </>
  );
}
