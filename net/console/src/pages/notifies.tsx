// Find notifies, newest first; what is found becomes an action.
import { useState } from "preact/hooks";
import { ctl, may, space, spaced, unbound } from "../api";
import { Bulk, type Kind } from "../bulk";
import { commandOf } from "../commands";
import { filterOf, kFilters, kTimes, labelOf, listQuery, type Filter, type FilterName } from "../filter";
import { compact, localTime, parseTime } from "../format";
import { List, type Column } from "../list";
import { live } from "../live";
import { usePages } from "../pages";
import { href, setQuery, useRoute } from "../route";
import { useStore } from "../store";
import { t, term } from "../text";
import { Ago, Copy, Empty, Fault, Icon, Name, StateBadge, Title } from "../ui";
import { isPending, kStates, type Notify, type State } from "../types";

export function NotifyId({ id }: { id: string }) {
  return (
    <span class="id">
      <a href={href("notify", [id])}>{id}</a>
      <Copy text={id} />
    </span>
  );
}

/// `few`: where there is little room.
export const notifyColumns = (few = false): Column<Notify>[] => allColumns().filter((_, i) => !few || [0, 1, 2, 6].includes(i));

const allColumns = (): Column<Notify>[] => [
  { name: t("col_state"), width: "7.5rem", cell: (n) => <StateBadge state={n.state} />, main: true },
  { name: t("col_id"), width: "12.5rem", cell: (n) => <NotifyId id={n.id} />, main: true },
  {
    name: t("col_call"),
    width: "minmax(7rem, 3fr)",
    cell: (n) => (
      <span class="call">
        <span class="method">{n.method}</span> <Name>{n.url}</Name>
      </span>
    ),
  },
  { name: t("col_lane"), width: "minmax(6rem, 1fr)", hide: true, cell: (n) => (n.lane === n.url ? <span class="faint">{t("lane_is_url")}</span> : <Name>{n.lane}</Name>) },
  { name: t("col_caller"), width: "minmax(4rem, 0.6fr)", hide: true, cell: (n) => <Name>{n.caller}</Name> },
  { name: t("col_attempts"), width: "4.5rem", right: true, hide: true, cell: (n) => (n.attempts_made > 0 ? `${n.attempts_made} / ${n.retry.max_attempts ?? "∞"}` : "–") },
  { name: t("col_when"), width: "8rem", right: true, cell: (n) => <Ago at={n.settled_at ?? (n.state === "scheduled" || n.state === "retrying" ? (n.next_attempt_at ?? n.due_at) : n.created_at)} /> },
];

function States({ filter }: { filter: Filter }) {
  const now = useStore(live);
  const chosen = new Set(filter.state ?? []);
  const toggle = (state: State) => {
    const next = new Set(chosen);
    if (!next.delete(state)) next.add(state);
    setQuery({ state: kStates.filter((each) => next.has(each)).join(",") || null });
  };
  const countOf = (state: State): number | null => {
    if (!now) return null;
    return isPending(state) ? now.stats.states[state as keyof typeof now.stats.states] : now.stats.totals[state as "succeeded"];
  };
  return (
    <div class="states" role="group" aria-label={t("filter_state")}>
      {kStates.map((state) => (
        <button type="button" key={state} class={"state-toggle s-" + state} aria-pressed={chosen.has(state)} onClick={() => toggle(state)} title={isPending(state) ? undefined : t("count_ever")}>
          <Icon name={state} />
          <span>{term("state", state)}</span>
          <span class="n">{countOf(state) === null ? "" : compact(countOf(state)!)}</span>
        </button>
      ))}
    </div>
  );
}

function AddFilter({ filter }: { filter: Filter }) {
  const [name, setName] = useState<FilterName>("host");
  const [text, setText] = useState("");
  const [bad, setBad] = useState(false);
  const isTime = kTimes.includes(name);
  const add = () => {
    let value = text.trim();
    if (value === "") return;
    if (isTime) {
      const at = parseTime(value);
      if (at === null) return setBad(true);
      value = new Date(at).toISOString();
    }
    setBad(false);
    setText("");
    setQuery({ [name]: name === "label" ? [...(filter.label ?? []), value] : [value] });
  };
  return (
    <form
      class="add-filter"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <select aria-label={t("filter_which")} value={name} onChange={(event) => setName(event.currentTarget.value as FilterName)}>
        {kFilters
          .filter((each) => each !== "state")
          .map((each) => (
            <option key={each} value={each}>
              {t(labelOf(each))}
            </option>
          ))}
      </select>
      <input aria-label={t("filter_value")} aria-invalid={bad} value={text} placeholder={isTime ? t("time_hint") : ""} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">{t("filter_add")}</button>
      {bad ? <span class="bad-text" role="alert">{t("time_bad")}</span> : null}
    </form>
  );
}

function Chips({ filter }: { filter: Filter }) {
  const entries = Object.entries(filter).filter(([name]) => name !== "state") as [FilterName, string[]][];
  if (entries.length === 0) return null;
  return (
    <ul class="chips" aria-label={t("filters")}>
      {entries.flatMap(([name, values]) =>
        values.map((value) => (
          <li key={name + value} class="chip">
            <span class="faint">{t(labelOf(name))}</span> <Name>{kTimes.includes(name) ? localTime(value) : value}</Name>
            <button type="button" class="plain" aria-label={t("filter_remove", { name: t(labelOf(name)) })} onClick={() => setQuery({ [name]: values.filter((each) => each !== value) })}>
              <Icon name="close" />
            </button>
          </li>
        )),
      )}
    </ul>
  );
}

/// What a filter of these states can become.
export function bulkKinds(filter: Filter): Kind[] {
  const states = (filter.state ?? []) as State[];
  if (states.length === 0 || !may("operate") || !unbound()) return [];
  const kinds: Kind[] = [];
  if (states.every((state) => !isPending(state) || state === "retrying" || state === "scheduled")) kinds.push("retry");
  if (states.every(isPending)) kinds.push("cancel");
  if (states.every((state) => !isPending(state))) kinds.push("purge");
  return kinds;
}

export function Notifies() {
  const { query } = useRoute();
  const filter = filterOf(query);
  const text = listQuery(filter);
  // By due times those that are scheduled are listed alone.
  const scheduled = filter.state?.length === 1 && filter.state[0] === "scheduled";
  const byDue = scheduled && query.get("order") === "due";
  const pages = usePages<Notify>(spaced(`/v1/notifies?limit=100${text ? "&" + text : ""}${byDue ? "&order=due" : ""}`), (n) => n.id, 2000);
  const kind = query.get("do") as Kind | null;
  const kinds = bulkKinds(filter);
  return (
    <>
      <Title
        aside={
          <>
            {kinds.map((each) => (
              <button key={each} type="button" class={each === "retry" ? "main" : ""} onClick={() => setQuery({ do: each })}>
                {t(`bulk_${each}`)}
              </button>
            ))}
            {may("submit") ? (
              <a class="button" href={href("submit")}>
                {t("nav_submit")}
              </a>
            ) : null}
          </>
        }
      >
        {t("nav_notifies")}
      </Title>
      <div class="with-states">
        <States filter={filter} />
        <div class="found">
          <AddFilter filter={filter} />
          <Chips filter={filter} />
          {scheduled ? (
            <label class="order">
              <span class="faint">{t("order")}</span>{" "}
              <select value={byDue ? "due" : "newest"} onChange={(event) => setQuery({ order: event.currentTarget.value === "due" ? "due" : null })}>
                <option value="newest">{t("order_newest")}</option>
                <option value="due">{t("order_due")}</option>
              </select>
            </label>
          ) : null}
          {(filter.state ?? []).length === 0 && may("operate") ? <p class="faint hint">{t("bulk_hint")}</p> : null}
          {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
          <List
            label={t("nav_notifies")}
            pages={pages}
            columns={notifyColumns()}
            keyOf={(n) => n.id}
            to={(n) => href("notify", [n.id])}
            empty={
              <Empty title={text ? t("empty_filter") : t("empty_notifies")} command={text ? commandOf("list", filter, space()) + (byDue ? " --order due" : "") : `${ctl()} submit http://127.0.0.1:9100/orders --data '{"order":1}'`}>
                {text ? t("empty_filter_hint") : null}
              </Empty>
            }
          />
        </div>
      </div>
      {kind && kinds.includes(kind) ? (
        <Bulk
          key={kind + text}
          kind={kind}
          filter={filter}
          close={() => {
            setQuery({ do: null });
            pages.again();
          }}
        />
      ) : null}
    </>
  );
}

