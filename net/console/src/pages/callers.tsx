// Who submits how much; and held back by hand.
import { useState } from "preact/hooks";
import { ask, ctl, get, may, spaced, unbound } from "../api";
import { bytes, compact, count, percent } from "../format";
import { List } from "../list";
import { usePoll } from "../poll";
import { href, setQuery, useRoute } from "../route";
import { t } from "../text";
import { Act, Badge, Dialog, Empty, Fault, Field, Form, Meter, Name, Panel, Title, useSettings } from "../ui";
import type { Caller, Page } from "../types";

const kSpans = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
type Span = keyof typeof kSpans;
const kSpanNames = Object.keys(kSpans) as Span[];
const kSorts = ["accepted", "failed", "late", "bytes"] as const;

function Limit({ caller, close, done }: { caller: Caller; close: () => void; done: () => void }) {
  const { submits_per_s } = caller;
  const { texts, set, save } = useSettings({ submits_per_s }, spaced(`/v1/callers/${encodeURIComponent(caller.caller)}`));
  const send = async () => {
    const wrong = await save();
    if (!wrong) done();
    return wrong;
  };
  return (
    <Dialog title={t("limits_title", { name: caller.caller })} close={close}>
      <Form send={send} label={t("save")} close={close}>
        <Field label={t("f_submits")} hint={t("limit_none_hint")}>
          <input inputMode="decimal" autoFocus value={texts.submits_per_s} onInput={set("submits_per_s")} />
        </Field>
      </Form>
    </Dialog>
  );
}

/// The last day against the one before, as far as that was counted: of a broker that began yesterday it is a part of one.
function againstYesterday({ day, day_before }: Caller, countedForMs: number): string {
  const kDayMs = 86_400_000;
  const known = Math.min(kDayMs, countedForMs - kDayMs);
  return day_before.accepted > 0 && known >= kDayMs / 24 ? percent((day.accepted * known) / kDayMs, day_before.accepted) : "–";
}

export function Callers() {
  const { query } = useRoute();
  const span: Span = kSpanNames.find((name) => name === query.get("span")) ?? "hour";
  const sort = kSorts.find((name) => name === query.get("sort")) ?? "accepted";
  const path = spaced(`/v1/callers?sort=${encodeURIComponent(sort)}&since_ms=${kSpans[span]}&limit=200`);
  const seen = usePoll<Page<Caller> & { counted_for_ms: number }>(path, (signal) => get(path, signal), 2000);
  const [limits, setLimits] = useState<Caller | null>(null);
  const chosen = query.get("caller");
  const rows = seen.data?.items ?? [];
  const limited = rows.find((row) => !row.others && row.caller === limits?.caller) ?? limits; // as it is now, or as it was last
  const most = Math.max(1, ...rows.map((row) => row[sort]));
  const steers = may("operate") && unbound();
  const pause = (row: Caller) => async () => {
    await ask("PATCH", spaced(`/v1/callers/${encodeURIComponent(row.caller)}`), { body: { paused: !row.paused } });
    seen.again();
    return row.paused ? t("resumed_done", { name: row.caller }) : t("paused_done", { name: row.caller });
  };
  return (
    <>
      <Title
        aside={
          <>
            <label>
              {t("callers_span")}{" "}
              <select value={span} onChange={(event) => setQuery({ span: event.currentTarget.value })}>
                <option value="minute">{t("span_minute")}</option>
                <option value="hour">{t("span_hour")}</option>
                <option value="day">{t("span_day")}</option>
              </select>
            </label>
            <label>
              {t("callers_sort")}{" "}
              <select value={sort} onChange={(event) => setQuery({ sort: event.currentTarget.value })}>
                <option value="accepted">{t("chart_accepted")}</option>
                <option value="failed">{t("col_failed")}</option>
                <option value="late">{t("late")}</option>
                <option value="bytes">{t("col_bytes")}</option>
              </select>
            </label>
          </>
        }
      >
        {t("nav_callers")}
      </Title>
      {seen.error ? <Fault problem={seen.error} again={seen.again} /> : null}
      {seen.data === null && !seen.error ? <p class="faint">{t("loading")}</p> : null}
      {seen.data ? (
        <Panel>
          <List
            label={t("nav_callers")}
            rows={rows}
            keyOf={(row) => (row.others ? "\u0000" : row.caller)}
            to={(row) => href("notifies", [], { caller: row.caller })}
            empty={<Empty title={t("flood_none")} command={`${ctl()} submit http://127.0.0.1:9100/orders --caller shop --data '{"order":1}'`} />}
            columns={[
              { name: t("f_caller"), width: "minmax(8rem, 1.5fr)", main: true, cell: (row) => (row.others ? <span class="faint">{t("caller_others")}</span> : <><Name>{row.caller}</Name> {row.caller === chosen ? <Badge tone="plain">{t("chosen")}</Badge> : null}</>) },
              { name: t("col_state"), width: "7rem", main: true, cell: (row) => (row.paused ? <Badge tone="warn" icon="held">{t("paused")}</Badge> : row.submits_per_s !== null ? <Badge tone="plain">{`${row.submits_per_s}${t("per_s")}`}</Badge> : null) },
              { name: t("callers_share"), width: "minmax(5rem, 1fr)", hide: true, cell: (row) => <Meter value={row[sort]} of={most} label={count(row[sort])} /> },
              { name: t("col_accepted"), width: "6rem", right: true, cell: (row) => compact(row.accepted) },
              { name: t("against_yesterday"), width: "8rem", right: true, hide: true, cell: (row) => againstYesterday(row, seen.data?.counted_for_ms ?? 0) },
              { name: t("col_failed"), width: "6rem", right: true, cell: (row) => compact(row.failed) },
              { name: t("late"), width: "5rem", right: true, hide: true, cell: (row) => compact(row.late) },
              { name: t("col_bytes"), width: "6rem", right: true, hide: true, cell: (row) => bytes(row.bytes) },
              { name: t("col_flight"), width: "5rem", right: true, hide: true, cell: (row) => count(row.in_flight) },
              {
                name: t("actions"),
                width: "11rem",
                cell: (row) =>
                  steers && !row.others && row.caller !== "" ? (
                    <span class="row-actions">
                      <Act small act={pause(row)}>{row.paused ? t("resume") : t("pause")}</Act>
                      <button type="button" class="small" onClick={() => setLimits(row)}>{t("limits")}</button>
                    </span>
                  ) : null,
              },
            ]}
          />
        </Panel>
      ) : null}
      {limits && limited ? <Limit key={limited.caller} caller={limited} close={() => setLimits(null)} done={seen.again} /> : null}
    </>
  );
}
