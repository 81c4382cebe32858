// Groups: notifies that are accepted, watched and told of together.
import { ask, ctl, get, may, spaced } from "../api";
import { count } from "../format";
import { List } from "../list";
import { usePages } from "../pages";
import { usePoll } from "../poll";
import { href, useRoute } from "../route";
import { t, term } from "../text";
import { Act, Ago, Badge, Copy, Empty, Facts, Fault, Name, Panel, StateBadge, Time, Title } from "../ui";
import { kStates, type State } from "../types";
import { NotifyId } from "./notifies";

interface Group {
  id: string;
  state: "pending" | "settled" | "removed";
  created_at: string;
  settled_at: string | null;
  caller: string;
  labels: Record<string, string> | null;
  on_failure: string;
  sequential: boolean;
  stopped: boolean;
  callback_url: string | null;
  callback_id: string | null;
  count: number;
  counts: Partial<Record<State | "pending", number>>;
  notifies?: { id: string; state: State; reason: string | null; status: number | null; attempts_made: number; settled_at: string | null }[];
}

function Counts({ group }: { group: Group }) {
  return (
    <span class="lane-states">
      {(["pending", ...kStates] as const)
        .filter((state) => (group.counts[state] ?? 0) > 0)
        .map((state) => (
          <span key={state}>
            {count(group.counts[state]!)} {term("state", state)}
          </span>
        ))}
    </span>
  );
}

const GroupState = ({ group }: { group: Group }) => (
  <Badge tone={group.state === "pending" ? "plain" : (group.counts.failed ?? 0) + (group.counts.expired ?? 0) > 0 ? "bad" : "good"} icon={group.state === "pending" ? "half" : undefined}>
    {term("state", group.state)}
  </Badge>
);

export function Groups() {
  const pages = usePages<Group>(spaced("/v1/groups?limit=100"), (g) => g.id, 3000);
  return (
    <>
      <Title>{t("nav_groups")}</Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List
        label={t("nav_groups")}
        pages={pages}
        keyOf={(g) => g.id}
        to={(g) => href("group", [g.id])}
        empty={<Empty title={t("groups_none")} command={`echo '{"notifies":[{"url":"http://127.0.0.1:9100/stock"},{"url":"http://127.0.0.1:9100/mail"}]}' | ${ctl()} group create -f -`} />}
        columns={[
          { name: t("col_state"), width: "8rem", main: true, cell: (g) => <GroupState group={g} /> },
          { name: t("col_id"), width: "12.5rem", main: true, cell: (g) => <span class="id"><a href={href("group", [g.id])}>{g.id}</a><Copy text={g.id} /></span> },
          { name: t("col_members"), width: "minmax(12rem, 2fr)", cell: (g) => <Counts group={g} /> },
          { name: t("col_caller"), width: "minmax(5rem, 1fr)", hide: true, cell: (g) => <Name>{g.caller}</Name> },
          { name: t("f_created"), width: "8rem", right: true, cell: (g) => <Ago at={g.created_at} /> },
        ]}
      />
    </>
  );
}

export function GroupPage() {
  const id = useRoute().args[0] ?? "";
  const path = `/v1/groups/${encodeURIComponent(id)}`;
  const seen = usePoll<Group>(path, (signal) => get(path, signal), 1500);
  const group = seen.data;
  if (!group) return seen.error ? <><Title>{id}</Title><Fault problem={seen.error} again={seen.again} /></> : <p class="faint">{t("loading")}</p>;
  return (
    <>
      <Title
        aside={
          may("operate") && group.state === "pending" ? (
            <Act
              tone="danger"
              act={async () => {
                await ask("DELETE", path);
                seen.again();
                return t("cancelled");
              }}
            >
              {t("group_cancel")}
            </Act>
          ) : null
        }
      >
        <span class="id">{group.id}<Copy text={group.id} /></span> <GroupState group={group} />
      </Title>
      <div class="columns">
        <Panel title={t("group_members")}>
          <List
            label={t("group_members")}
            rows={group.notifies ?? []}
            keyOf={(n) => n.id}
            to={(n) => href("notify", [n.id])}
            columns={[
              { name: t("col_state"), width: "8rem", main: true, cell: (n) => <StateBadge state={n.state} /> },
              { name: t("col_id"), width: "12.5rem", main: true, cell: (n) => <NotifyId id={n.id} /> },
              { name: t("col_status"), width: "5rem", right: true, cell: (n) => n.status ?? "–" },
              { name: t("col_attempts"), width: "5rem", right: true, cell: (n) => n.attempts_made },
              { name: t("col_reason"), width: "minmax(6rem, 1fr)", cell: (n) => (n.reason ? <code>{n.reason}</code> : "") },
            ]}
          />
        </Panel>
        <Panel title={t("facts_title")}>
          <Facts
            rows={[
              [t("col_members"), <Counts group={group} />],
              [t("group_order"), group.sequential ? t("group_sequential") : t("group_together")],
              [t("f_on_failure"), group.on_failure === "cancel_rest" ? t("group_cancel_rest") : t("group_continue")],
              [t("f_caller"), <Name>{group.caller}</Name>],
              [t("f_labels"), group.labels ? <Name>{Object.entries(group.labels).map(([key, value]) => `${key}:${value}`).join(", ")}</Name> : t("none")],
              [t("f_created"), <Time at={group.created_at} full ms />],
              [t("f_settled"), <Time at={group.settled_at} full ms />],
              [t("f_callback"), group.callback_url ? <><Name>{group.callback_url}</Name> {group.callback_id ? <NotifyId id={group.callback_id} /> : null}</> : t("none")],
            ]}
          />
        </Panel>
      </div>
    </>
  );
}
