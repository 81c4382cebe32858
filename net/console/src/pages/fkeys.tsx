// One fkey: what is held under it, or was triggered by it; and all that are held.
import { useState } from "preact/hooks";
import { ask, ctl, may, spaced } from "../api";
import { parseData } from "../json";
import { List } from "../list";
import { usePages } from "../pages";
import { usePoll } from "../poll";
import { href, setQuery, useRoute } from "../route";
import { t } from "../text";
import { Act, Ago, Dialog, Empty, Facts, Fault, Field, Form, Name, Panel, StateBadge, Time, Title, say } from "../ui";
import type { Notify } from "../types";
import { NotifyId } from "./notifies";

interface Remembered {
  remembered: true;
}

function Trigger({ fkey, close, done }: { fkey: string; close: () => void; done: () => void }) {
  const [data, setData] = useState("");
  return (
    <Dialog title={t("trigger_title", { fkey })} close={close}>
      <Form
        label={t("trigger")}
        close={close}
        send={async () => {
          let body: unknown;
          try {
            body = data.trim() === "" ? {} : { data: parseData(data) };
          } catch (error) {
            return String(error);
          }
          const { status } = await ask("POST", spaced(`/v1/fkeys/${encodeURIComponent(fkey)}/trigger`), { body });
          // With 200 somebody else triggered it: of what was typed here nothing is sent.
          if (status === 200) say(t("triggered_before"), true);
          else say(t("triggered"));
          done();
        }}
      >
        <Field label={t("f_data")} hint={t("trigger_hint")}>
          <textarea rows={5} spellcheck={false} value={data} onInput={(event) => setData(event.currentTarget.value)} />
        </Field>
      </Form>
    </Dialog>
  );
}

function One({ fkey }: { fkey: string }) {
  const path = spaced(`/v1/fkeys/${encodeURIComponent(fkey)}`);
  const seen = usePoll(path, (signal) => ask<Notify | Remembered>("GET", path, { signal }), 2000);
  const [asks, setAsks] = useState(false);
  const view = seen.data?.body;
  // What is triggered already, or was never held, is neither triggered nor cancelled by its fkey. Who may not look may trigger all the same.
  const remembered = view !== undefined && "remembered" in view;
  const held = view !== undefined && !("remembered" in view) && view.state === "held";
  const unseen = seen.error !== null && !seen.error.missing;
  return (
    <Panel
      title={<Name>{fkey}</Name>}
      aside={
        <>
          {may("submit") && (held || (unseen && !view)) ? <button type="button" class="main" onClick={() => setAsks(true)}>{t("trigger")}</button> : null}
          {may("operate") && (held || remembered) ? (
            <Act
              tone="danger"
              act={async () => {
                // The one that is shown: under the key another one may be held by now.
                await ask("DELETE", view !== undefined && !("remembered" in view) ? `/v1/notifies/${view.id}` : path);
                seen.again();
                return t("cancelled");
              }}
            >
              {t("cancel_notify")}
            </Act>
          ) : null}
        </>
      }
    >
      {seen.error ? <Fault problem={seen.error} again={seen.again} /> : null}
      {remembered ? <p>{t("fkey_remembered")}</p> : null}
      {view && !("remembered" in view) ? (
        <Facts
          rows={[
            [t("col_state"), <StateBadge state={view.state} />],
            [t("col_id"), <NotifyId id={view.id} />],
            [t("f_url"), <Name>{view.url}</Name>],
            [t("f_created"), <Time at={view.created_at} full ms />],
            [t("f_due"), <Time at={view.due_at} full ms />],
            [t("f_expires"), <Time at={view.expires_at} full ms />],
          ]}
        />
      ) : null}
      {asks ? <Trigger fkey={fkey} close={() => setAsks(false)} done={seen.again} /> : null}
    </Panel>
  );
}

export function Fkeys() {
  const { query } = useRoute();
  const fkey = query.get("fkey") ?? "";
  const prefix = query.get("fkey_prefix") ?? "";
  const [text, setText] = useState(fkey || prefix);
  const looks = may("read");
  const filter = prefix ? `&fkey_prefix=${encodeURIComponent(prefix)}` : "";
  const pages = usePages<Notify>(spaced(`/v1/notifies?state=held&limit=100${filter}`), (n) => n.id, 3000);
  return (
    <>
      <Title>{t("nav_fkeys")}</Title>
      <form
        class="add-filter"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery({ fkey: text.trim() || null, fkey_prefix: null }, false);
        }}
      >
        <input aria-label={t("f_fkey")} placeholder={t("fkey_find")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit">{t("fkey_look")}</button>
        {looks ? (
          <button type="button" onClick={() => setQuery({ fkey: null, fkey_prefix: text.trim() || null }, false)}>
            {t("fkey_begins")}
          </button>
        ) : null}
      </form>
      {fkey ? <One fkey={fkey} key={fkey} /> : null}
      {looks ? (
        <Panel title={t("fkeys_held")}>
          {pages.error ? <Fault problem={pages.error} again={pages.again} /> : null}
          <List
            label={t("fkeys_held")}
            pages={pages}
            keyOf={(n) => n.id}
            to={(n) => (n.fkey ? href("fkeys", [], { fkey: n.fkey }) : href("notify", [n.id]))}
            empty={<Empty title={t("fkeys_none")} command={`${ctl()} submit http://127.0.0.1:9100/ship --fkey order-1 --data '{"order":1}'\n${ctl()} trigger order-1`} />}
            columns={[
              { name: t("f_fkey"), width: "minmax(10rem, 2fr)", main: true, cell: (n) => (n.fkey ? <a href={href("fkeys", [], { fkey: n.fkey })}><Name>{n.fkey}</Name></a> : <span class="faint">{t("held_by_group")}</span>) },
              { name: t("col_id"), width: "12.5rem", main: true, cell: (n) => <NotifyId id={n.id} /> },
              { name: t("f_url"), width: "minmax(10rem, 2fr)", cell: (n) => <Name>{n.url}</Name> },
              { name: t("col_caller"), width: "minmax(5rem, 1fr)", hide: true, cell: (n) => <Name>{n.caller}</Name> },
              { name: t("held_since"), width: "8rem", right: true, cell: (n) => <Ago at={n.created_at} /> },
              { name: t("f_expires"), width: "8rem", right: true, hide: true, cell: (n) => <Ago at={n.expires_at} /> },
            ]}
          />
        </Panel>
      ) : null}
    </>
  );
}
