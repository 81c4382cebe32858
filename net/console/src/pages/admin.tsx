// Namespaces, tokens, and the audit: who may what, and who did.
import { useState } from "preact/hooks";
import { ask, inCluster, may, tokenId } from "../api";
import { bytes, count, percent } from "../format";
import { List } from "../list";
import { usePages } from "../pages";
import { href } from "../route";
import { t } from "../text";
import { Act, Ago, Badge, Code, Copy, Dialog, Empty, Fault, Field, Form, Name, Time, Title, say, textOf } from "../ui";
import type { Namespace } from "../types";
import { Missing } from "./cluster";
import { WithIds } from "./notify";

/// What whoever serves a namespace did not say is not known.
const known = (n: number | null, show: (n: number) => string = count): string => (n === null ? "–" : show(n));

function Sleep({ row }: { row: Namespace }) {
  if (row.state === "deleting") return <Badge tone="warn">{t("being_removed")}</Badge>;
  if (row.awake === null) return <Badge tone="warn">{t("unknown")}</Badge>;
  return row.awake ? <Badge tone="good">{t("awake")}</Badge> : <Badge tone="plain" icon="moon">{t("asleep")}</Badge>;
}

/// How far the move to another cell of the store is; null: there is none.
function Moving({ row }: { row: Namespace }) {
  if (!row.moving) return null;
  const { to, state, copied_keys, waits_for } = row.moving;
  const how = state === null ? "" : t(`cell_${state}`, { n: count(copied_keys ?? 0) });
  return (
    <>
      <Name>{to}</Name> {how ? <Badge tone="plain">{how}</Badge> : null}
      {waits_for ? <Badge tone="warn">{t("cell_waits", { why: waits_for })}</Badge> : null}
    </>
  );
}

export function Namespaces() {
  const pages = usePages<Namespace>("/v1/namespaces?limit=200", (row) => row.name, 3000);
  return (
    <>
      <Title>{t("nav_namespaces")}</Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <Missing names={pages.missing} />
      <List
        label={t("nav_namespaces")}
        pages={pages}
        keyOf={(row) => row.name}
        to={(row) => href("overview", [], { ns: row.name })}
        empty={<Empty title={t("none")} command="notifyctl namespace create billing" />}
        columns={[
          { name: t("name"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => <a href={href("overview", [], { ns: row.name })}><Name>{row.name}</Name></a> },
          { name: t("col_state"), width: "9rem", main: true, cell: (row) => <Sleep row={row} /> },
          ...(inCluster() ? [{ name: t("served_by"), width: "minmax(7rem, 0.6fr)", hide: true, cell: (row: Namespace) => (row.member ? <Name>{row.member}</Name> : t("served_by_nobody")) }] : []),
          ...(pages.rows.some((row) => row.settings.cell || row.moving) ? [{ name: t("served_cell"), width: "minmax(6rem, 0.5fr)", hide: true, cell: (row: Namespace) => <Name>{String(row.settings.cell ?? t("cell_home"))}</Name> }] : []),
          ...(pages.rows.some((row) => row.moving) ? [{ name: t("cell_moves"), width: "minmax(9rem, 1fr)", hide: true, cell: (row: Namespace) => <Moving row={row} /> }] : []),
          { name: t("tile_pending"), width: "7rem", right: true, cell: (row) => known(row.pending) },
          { name: t("col_flight"), width: "9rem", right: true, hide: true, cell: (row) => (row.in_flight === null || row.may_be_in_flight === null ? "–" : `${count(row.in_flight)} / ${count(row.may_be_in_flight)} (${percent(row.in_flight, row.may_be_in_flight)})`) },
          { name: t("stored"), width: "7rem", right: true, hide: true, cell: (row) => known(row.stored_bytes, bytes) },
          { name: t("submits_minute"), width: "8rem", right: true, hide: true, cell: (row) => known(row.submits_last_minute) },
          { name: t("attempts_minute"), width: "8rem", right: true, hide: true, cell: (row) => known(row.attempts_last_minute) },
        ]}
      />
    </>
  );
}

interface Token {
  id: string;
  name: string;
  namespaces: "*" | string[];
  scopes: string[];
  caller: string | null;
  expires_at: string | null;
  disabled: boolean;
  created_by: string;
  created_at: string;
  last_used_at: string | null;
  token?: string;
}
const kScopes = ["submit", "read", "read_bodies", "register", "operate", "admin", "metrics"];

/// NaN: it is no number of days.
const daysOf = (text: string): number => (/^\d{1,6}(\.\d+)?$/.test(text.trim()) && Number(text) > 0 && Number(text) <= 100_000 ? Number(text) : NaN);

function NewToken({ close, done }: { close: () => void; done: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["read"]);
  const [namespaces, setNamespaces] = useState("");
  const [days, setDays] = useState("90");
  const [bad, setBad] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  if (made)
    return (
      <Dialog title={t("token_made")} close={close}>
        <p>{t("token_once")}</p>
        <Code label={t("login_token")}>{made.token ?? ""}</Code>
        <footer>
          <button type="button" class="main" onClick={close}>{t("close")}</button>
        </footer>
      </Dialog>
    );
  return (
    <Dialog title={t("token_new")} close={close}>
      <Form
        label={t("token_make")}
        close={close}
        stays
        disabled={scopes.length === 0}
        send={async () => {
          const body: Record<string, unknown> = { scopes };
          if (name.trim()) body.name = name.trim();
          if (namespaces.trim()) body.namespaces = namespaces.trim() === "*" ? "*" : namespaces.trim().split(/[\s,]+/);
          const lasts = days.trim() === "" ? null : daysOf(days);
          setBad(lasts !== null && isNaN(lasts));
          if (lasts !== null && isNaN(lasts)) return;
          if (lasts !== null) body.expires_at = new Date(Date.now() + lasts * 86_400_000).toISOString();
          setMade((await ask<Token>("POST", "/v1/tokens", { body })).body);
          done();
        }}
      >
        <Field label={t("name")}>
          <input autoFocus value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </Field>
        <fieldset>
          <legend>{t("scopes")}</legend>
          {kScopes.map((scope) => (
            <label key={scope} class="check">
              <input type="checkbox" checked={scopes.includes(scope)} onChange={() => setScopes(scopes.includes(scope) ? scopes.filter((each) => each !== scope) : [...scopes, scope])} /> <code>{scope}</code>
            </label>
          ))}
        </fieldset>
        <Field label={t("nav_namespaces")} hint={t("token_namespaces_hint")}>
          <input value={namespaces} onInput={(event) => setNamespaces(event.currentTarget.value)} />
        </Field>
        <Field label={t("token_days")} hint={t("token_days_hint")} fault={bad ? t("token_days_bad") : null}>
          <input inputMode="numeric" aria-invalid={bad} value={days} onInput={(event) => setDays(event.currentTarget.value)} />
        </Field>
      </Form>
    </Dialog>
  );
}

export function Tokens() {
  const pages = usePages<Token>("/v1/tokens?limit=200", (row) => row.id, 5000);
  const [makes, setMakes] = useState(false);
  const [ends, setEnds] = useState<Token | null>(null);
  const turn = (row: Token) => async () => {
    await ask("PATCH", `/v1/tokens/${encodeURIComponent(row.id)}`, { body: { disabled: !row.disabled } });
    pages.again();
    return t("changed");
  };
  return (
    <>
      <Title aside={<button type="button" class="main" onClick={() => setMakes(true)}>{t("token_new")}</button>}>{t("nav_tokens")}</Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List
        label={t("nav_tokens")}
        pages={pages}
        keyOf={(row) => row.id}
        empty={<Empty title={t("tokens_none")} command="notifyctl token create --namespaces billing --scopes submit" />}
        columns={[
          { name: t("name"), width: "minmax(8rem, 1fr)", main: true, cell: (row) => <Name>{row.name}</Name> },
          { name: t("col_state"), width: "8rem", main: true, cell: (row) => (row.disabled ? <Badge tone="warn" icon="cancelled">{t("disabled")}</Badge> : row.expires_at && new Date(row.expires_at).getTime() < Date.now() ? <Badge tone="warn" icon="expired">{t("expired")}</Badge> : <Badge tone="good">{t("active")}</Badge>) },
          { name: t("col_id"), width: "10rem", hide: true, cell: (row) => <span class="id">{row.id}<Copy text={row.id} /></span> },
          { name: t("scopes"), width: "minmax(9rem, 1.5fr)", cell: (row) => row.scopes.join(", ") },
          { name: t("nav_namespaces"), width: "minmax(6rem, 1fr)", hide: true, cell: (row) => (row.namespaces === "*" ? t("all") : row.namespaces.join(", ")) },
          { name: t("last_used"), width: "8rem", right: true, hide: true, cell: (row) => <Ago at={row.last_used_at} /> },
          { name: t("f_expires"), width: "8rem", right: true, hide: true, cell: (row) => (row.expires_at ? <Ago at={row.expires_at} /> : t("never")) },
          { name: t("actions"), width: "7rem", cell: (row) => (row.disabled ? <Act small act={turn(row)}>{t("enable")}</Act> : <button type="button" class="small" onClick={() => setEnds(row)}>{t("disable_how")}</button>) },
        ]}
      />
      {ends ? (
        <Dialog title={t("disable_title", { name: ends.name })} close={() => setEnds(null)}>
          <p>{t("disable_text")}</p>
          {ends.id === tokenId() ? <p class="bad-text">{t("disable_own")}</p> : null}
          <footer>
            <button
              type="button"
              class="danger"
              onClick={() => {
                setEnds(null);
                turn(ends)().then(say, (error) => say(textOf(error), true));
              }}
            >
              {t("disable")}
            </button>
            <button type="button" onClick={() => setEnds(null)}>{t("cancel_dialog")}</button>
          </footer>
        </Dialog>
      ) : null}
      {makes ? <NewToken close={() => setMakes(false)} done={pages.again} /> : null}
    </>
  );
}

interface Entry {
  at: string;
  who: string | null;
  from: string | null;
  what: string | null;
  namespace: string | null;
  object: string | null;
  count: number;
  said: string | null;
}

export function Audit() {
  const pages = usePages<Entry>("/v1/audit?limit=100", (row) => JSON.stringify(row), 3000);
  return (
    <>
      <Title>{t("nav_audit")}</Title>
      {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
      <List
        label={t("nav_audit")}
        pages={pages}
        keyOf={(row) => JSON.stringify(row)}
        empty={<Empty title={t("audit_none")}>{may("admin") ? t("audit_hint") : null}</Empty>}
        columns={[
          { name: t("col_when"), width: "10rem", main: true, cell: (row) => <Time at={row.at} /> },
          { name: t("audit_what"), width: "11rem", main: true, cell: (row) => <code>{row.what}</code> },
          { name: t("audit_who"), width: "minmax(7rem, 1fr)", cell: (row) => <Name>{row.who ?? "–"}</Name> },
          { name: t("audit_object"), width: "minmax(9rem, 1.5fr)", cell: (row) => (row.object ? <WithIds text={row.object} /> : "–") },
          { name: t("namespace"), width: "7rem", hide: true, cell: (row) => row.namespace ?? "–" },
          { name: t("audit_count"), width: "5rem", right: true, hide: true, cell: (row) => count(row.count) },
          { name: t("audit_said"), width: "minmax(8rem, 1.5fr)", hide: true, cell: (row) => (row.said ? <Name>{row.said}</Name> : "") },
          { name: t("audit_from"), width: "8rem", hide: true, cell: (row) => row.from ?? "–" },
        ]}
      />
    </>
  );
}
