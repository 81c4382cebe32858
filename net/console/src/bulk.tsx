// A filter becomes an action: counted first (a dry run), then done with its progress shown, then who did it.
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, ask, session, space, spaced } from "./api";
import { commandOf } from "./commands";
import { bulkFilter, labelOf, type Filter, type FilterName } from "./filter";
import { count, localTime } from "./format";
import { frozen, grows } from "./frozen";
import { brokerNow } from "./live";
import { href } from "./route";
import { t, term } from "./text";
import { Code, Dialog, Fault, Name, say } from "./ui";

export type Kind = "retry" | "cancel" | "purge";

const kCalls = 500; // of a dry run: 5,000,000 notifies are counted, then it says "more than"

type Phase = { at: "counting" | "counted" | "doing" | "done" | "stopped"; counted: number; whole: boolean; did: number; problem: Problem | null };

/// The button comes once it is counted, when the dialog has its focus already: then it is what Enter presses. Nothing that destroys is.
const focus = (button: HTMLElement | null): void => button?.focus();

/// Counts, and then does, what parts of a filter match. `step` is told how many it were so far; false: it was stopped, or `most` calls were not enough.
async function walk(kind: Kind, parts: Filter[], dry: boolean, most: number, stopped: () => boolean, step: (total: number) => void): Promise<boolean> {
  let total = 0;
  let calls = 0;
  for (const part of parts) {
    let cursor: string | null = null;
    do {
      if (stopped() || calls++ >= most) return false;
      const body = { filter: bulkFilter(part), ...(dry ? { dry_run: true } : {}), ...(cursor ? { cursor } : {}) };
      const answer: { body: { count: number; next: string | null } } = await ask<{ count: number; next: string | null }>("POST", spaced(`/v1/notifies/${kind}`), { body });
      total += answer.body.count;
      step(total);
      cursor = answer.body.next;
    } while (cursor !== null);
  }
  return true;
}

function Chips({ part }: { part: Filter }) {
  return (
    <ul class="chips" aria-label={t("filters")}>
      {Object.entries(part).map(([key, values]) => (
        <li key={key} class="chip">
          <span class="faint">{t(labelOf(key as FilterName))}</span>{" "}
          <Name>{key === "state" ? values.map((state) => term("state", state)).join(", ") : key.endsWith("_after") || key.endsWith("_before") ? localTime(values[0]!) : values.join(", ")}</Name>
        </li>
      ))}
    </ul>
  );
}

export function Bulk({ kind, filter, close }: { kind: Kind; filter: Filter; close: () => void }) {
  const [parts, setParts] = useState<Filter[]>([]);
  const [phase, setPhase] = useState<Phase>({ at: "counting", counted: 0, whole: false, did: 0, problem: null });
  const [held, setHeld] = useState(false); // somebody wanted to close it while it does something
  const stopped = useRef(false);
  const gone = useRef(false);
  const did = useRef<number | null>(null); // while it is done
  const began = useRef(false);

  const fail = (problem: unknown) => {
    did.current = null;
    if (!gone.current) setPhase((before) => ({ ...before, at: "stopped", problem: problem instanceof Problem ? problem : new Problem(-1, "", String(problem)) }));
  };
  useEffect(() => {
    stopped.current = gone.current = false;
    const begin = async () => {
      const fixed = frozen(filter, await brokerNow());
      if (stopped.current) return;
      setParts(fixed);
      const whole = await walk(kind, fixed, true, kCalls, () => stopped.current, (counted) => setPhase((before) => ({ ...before, counted })));
      if (!stopped.current) setPhase((before) => ({ ...before, at: "counted", whole }));
    };
    begin().catch(fail);
    return () => {
      stopped.current = gone.current = true;
      // Whoever goes elsewhere meanwhile is told how far it came.
      if (did.current !== null) say(t("bulk_stopped", { n: count(did.current) }), true);
    };
  }, []);

  const run = () => {
    if (began.current) return;
    began.current = true;
    did.current = 0;
    setPhase((before) => ({ ...before, at: "doing" }));
    walk(kind, parts, false, Infinity, () => stopped.current, (total) => {
      if (did.current !== null) did.current = total;
      setPhase((before) => ({ ...before, did: total }));
    })
      .then((whole) => {
        did.current = null;
        setPhase((before) => ({ ...before, at: whole ? "done" : "stopped" }));
      })
      .catch(fail);
  };
  // It is not left unseen while it does something: what is beside "Stop here" asks for that.
  const leave = () => {
    if (phase.at === "doing") setHeld(true);
    else close();
  };
  const who = session.get();
  const name = who.state === "open" ? who.who.name : "";
  const n = count(phase.counted);
  const ran = phase.at !== "counting" && phase.at !== "counted" && began.current;
  return (
    <Dialog title={t(`bulk_${kind}`)} close={leave}>
      {parts.map((part, i) => <Chips key={i} part={part} />)}
      <div class="bulk" aria-live="polite" data-phase={phase.at}>
        {phase.at === "counting" ? <p>{t("bulk_counting", { n })}</p> : null}
        {phase.at === "counted" ? <p class="big">{phase.counted === 0 ? t("bulk_nothing") : phase.whole ? t("bulk_would", { n }) : t("bulk_would_more", { n })}</p> : null}
        {phase.at === "counted" && phase.counted > 0 ? <p>{t(grows(parts) ? "bulk_and_more" : "bulk_nothing_else")}</p> : null}
        {phase.at === "doing" || phase.at === "done" ? (
          <>
            <progress max={Math.max(1, phase.counted)} value={phase.did} aria-label={t(`bulk_${kind}`)} />
            <p class="big">{t("bulk_did", { n: count(phase.did), of: n })}</p>
          </>
        ) : null}
        {phase.at === "done" ? (
          <p>
            {t("by_you", { name })} · <a href={href("audit")}>{t("nav_audit")}</a>
          </p>
        ) : null}
        {held && phase.at === "doing" ? <p class="bad-text" role="alert">{t("bulk_runs")}</p> : null}
        {phase.at === "stopped" && ran ? <p class="big">{t("bulk_stopped", { n: count(phase.did) })}</p> : null}
        {phase.problem ? <Fault problem={phase.problem} done={ran} /> : null}
        {phase.problem && ran ? <p>{t("bulk_last")}</p> : null}
      </div>
      <details>
        <summary>{t("as_command")}</summary>
        <Code>{parts.map((part) => commandOf(kind, part, space())).join("\n")}</Code>
      </details>
      <footer>
        {phase.at === "counted" && phase.counted > 0 ? (
          <button type="button" class={kind === "retry" ? "main" : "danger"} ref={kind === "retry" ? focus : undefined} onClick={run}>
            {t(`bulk_${kind}_go`, { n })}
          </button>
        ) : null}
        {phase.at === "doing" ? (
          <button type="button" onClick={() => (stopped.current = true)}>
            {t("bulk_stop")}
          </button>
        ) : (
          <button type="button" onClick={close}>
            {phase.at === "done" || phase.at === "stopped" ? t("close") : t("cancel_dialog")}
          </button>
        )}
      </footer>
    </Dialog>
  );
}
