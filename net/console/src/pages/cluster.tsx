// The brokers that share the store: who is alive, who serves what, what was moved; and emptying one before it is stopped.
import { useState } from "preact/hooks";
import { adminOfAll, ask, get } from "../api";
import { count, duration } from "../format";
import { List } from "../list";
import { usePoll } from "../poll";
import { href } from "../route";
import { t } from "../text";
import { Act, Badge, Dialog, Empty, Fault, Icon, Name, Panel, Time, Title, say, textOf } from "../ui";
import type { Cluster as ClusterReport, Member } from "../types";

/// Members that did not answer: what is theirs is not on the page.
export function Missing({ names }: { names: string[] | undefined }) {
  if (!names || names.length === 0) return null;
  return (
    <div class="banner warn" role="alert">
      <Icon name="warn" />
      {t("members_missing", { names: names.join(", ") })}
    </div>
  );
}

function StateOf({ member }: { member: Member }) {
  return (
    <>
      {!member.alive ? (
        <Badge tone="bad">{t("member_gone")}</Badge>
      ) : member.draining ? (
        <Badge tone="warn" icon="half">{t(member.namespaces === 0 ? "member_drained" : "member_draining")}</Badge>
      ) : member.cut_off ? (
        <Badge tone="bad">{t("member_cut_off")}</Badge>
      ) : (
        <Badge tone="good">{t("member_alive")}</Badge>
      )}
      {member.leading ? <Badge tone="plain">{t("member_leads")}</Badge> : null}
    </>
  );
}

function Drain({ member, others, close, done }: { member: Member; others: number; close: () => void; done: () => void }) {
  return (
    <Dialog title={t("drain_title", { name: member.name })} close={close}>
      <p>{t("drain_text", { n: count(member.namespaces) })}</p>
      {member.leading ? <p>{t("drain_leader")}</p> : null}
      {others === 0 ? <p>{t("drain_alone")}</p> : null}
      <footer>
        <button
          type="button"
          class="danger"
          onClick={() => {
            close();
            ask("POST", `/v1/cluster/members/${encodeURIComponent(member.name)}/drain`).then(
              () => {
                say(t("drain_begun", { name: member.name }));
                done();
              },
              (error) => say(textOf(error), true),
            );
          }}
        >
          {t("drain")}
        </button>
        <button type="button" onClick={close}>{t("cancel_dialog")}</button>
      </footer>
    </Dialog>
  );
}

function Members({ report, again }: { report: ClusterReport; again: () => void }) {
  const [drains, setDrains] = useState<string | null>(null);
  const takes = report.members.filter((member) => member.alive && !member.draining);
  const end = (member: Member) => async () => {
    await ask("DELETE", `/v1/cluster/members/${encodeURIComponent(member.name)}/drain`);
    again();
    return t("drain_ended", { name: member.name });
  };
  const chosen = report.members.find((member) => member.name === drains);
  const versions = [...new Set(report.members.filter((member) => member.alive).map((member) => member.version ?? "–"))];
  return (
    <Panel title={t("members_title")} id="members" wide>
      {versions.length > 1 ? <p class="faint">{t("members_mixed", { versions: versions.join(", ") })}</p> : null}
      <List
        label={t("members_title")}
        rows={report.members}
        keyOf={(row) => row.name}
        empty={<Empty title={t("members_none")} />}
        columns={[
          { name: t("name"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => <><Name>{row.name}</Name>{row.self ? <span class="faint"> · {t("member_asked")}</span> : null}</> },
          { name: t("col_state"), width: "12rem", main: true, cell: (row) => <StateOf member={row} /> },
          { name: t("nav_namespaces"), width: "8rem", right: true, cell: (row) => count(row.namespaces) },
          { name: t("member_seen"), width: "7rem", right: true, hide: true, cell: (row) => duration(row.heartbeat_age_ms) },
          { name: t("member_address"), width: "minmax(9rem, 1fr)", hide: true, cell: (row) => <code>{row.address}</code> },
          { name: t("member_version"), width: "6rem", hide: true, cell: (row) => row.version ?? "–" },
          ...(report.members.some((row) => (row.unreached_by ?? []).length > 0) ? [{ name: t("member_unreached"), width: "minmax(8rem, 1fr)", hide: true, cell: (row: Member) => (row.unreached_by ?? []).map((name) => <Name key={name}>{name}</Name>) }] : []),
          ...(adminOfAll() ? [{ name: t("actions"), width: "9rem", cell: (row: Member) => (!row.alive ? null : row.draining ? <Act small act={end(row)}>{t("drain_end")}</Act> : <button type="button" class="small" onClick={() => setDrains(row.name)}>{t("drain_how")}</button>) }] : []),
        ]}
      />
      {chosen ? <Drain member={chosen} others={takes.filter((member) => member.name !== chosen.name).length} close={() => setDrains(null)} done={again} /> : null}
    </Panel>
  );
}

function Served({ report }: { report: ClusterReport }) {
  return (
    <Panel title={t("served_title")} id="served" wide>
      <List
        label={t("served_title")}
        rows={report.namespaces}
        keyOf={(row) => row.name}
        to={(row) => href("overview", [], { ns: row.name })}
        empty={<Empty title={t("served_none")} />}
        columns={[
          { name: t("namespace"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => <a href={href("overview", [], { ns: row.name })}><Name>{row.name}</Name></a> },
          { name: t("served_by"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => (row.owner === null ? <Badge tone="warn">{t("served_by_nobody")}</Badge> : <Name>{row.owner}</Name>) },
          { name: t("served_goes"), width: "minmax(7rem, 1fr)", hide: true, cell: (row) => (row.placed !== null && row.placed !== row.owner ? <Name>{row.placed}</Name> : "") },
          ...(report.namespaces.some((row) => row.cell !== undefined) ? [{ name: t("served_cell"), width: "minmax(6rem, 1fr)", hide: true, cell: (row: ClusterReport["namespaces"][number]) => (row.cell ? <Name>{row.cell}</Name> : "–") }] : []),
          { name: t("served_epoch"), width: "6rem", right: true, hide: true, cell: (row) => count(row.epoch) },
          { name: t("served_load"), width: "8rem", right: true, cell: (row) => count(row.load) },
        ]}
      />
    </Panel>
  );
}

function Moves({ report }: { report: ClusterReport }) {
  return (
    <Panel title={t("moves_title")} id="moves" wide>
      {report.moves === null ? (
        <p class="faint">{t("moves_unknown")}</p>
      ) : (
        <List
          label={t("moves_title")}
          rows={report.moves}
          keyOf={(row) => `${row.at} ${row.namespace} ${row.to}`}
          empty={<Empty title={t("moves_none")} />}
          columns={[
            { name: t("col_when"), width: "10rem", main: true, cell: (row) => <Time at={row.at} /> },
            { name: t("namespace"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => (row.namespace === null ? <span class="faint">{t("move_removed")}</span> : <Name>{row.namespace}</Name>) },
            { name: t("move_from"), width: "minmax(7rem, 1fr)", cell: (row) => (row.from === null ? <span class="faint">{t("move_from_nobody")}</span> : <Name>{row.from}</Name>) },
            { name: t("move_to"), width: "minmax(7rem, 1fr)", cell: (row) => <Name>{row.to}</Name> },
          ]}
        />
      )}
    </Panel>
  );
}

export function Cluster() {
  const asked = usePoll<ClusterReport>("/v1/cluster", (signal) => get("/v1/cluster", signal), 2000);
  const report = asked.data;
  const alone = asked.error?.status === 501;
  return (
    <>
      <Title>{t("nav_cluster")}</Title>
      {alone ? <Empty title={t("cluster_alone")}>{t("cluster_alone_text")}</Empty> : asked.error ? <Fault problem={asked.error} again={asked.again} /> : null}
      {report ? (
        <>
          <Missing names={report.missing} />
          <div class="grid">
            <Members report={report} again={asked.again} />
            <Served report={report} />
            <Moves report={report} />
          </div>
        </>
      ) : asked.error ? null : (
        <p class="faint">{t("loading")}</p>
      )}
    </>
  );
}
