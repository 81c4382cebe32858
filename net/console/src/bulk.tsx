// A filter becomes an action: counted first (a dry run), then done with its progress shown, then who did it.
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, ask, session, space, spaced } from "./api";
import { commandOf } from "./commands";
import { bulkFilter, labelOf, type Filter, type FilterName } from "./filter";
import { count, localTime } from "./format";
import { href } from "./route";
import { t, term } from "./text";
import { Code, Dialog, Fault, Name } from "./ui";
import { isPending, type State } from "./types";

export type Kind = "retry" | "cancel" | "purge";

const kCalls = 500; // of a dry run: 5,000,000 notifies are counted, then it says "more than"

/// What came later than the count is not meant: nothing but what was counted is touched.
export function frozen(filter: Filter, now: number): Filter {
  const at = new Date(now).toISOString();
  const settled = (filter.state ?? []).every((state) => !isPending(state as State));
  const name: FilterName = settled ? "settled_before" : "created_before";
  return filter[name] ? filter : { ...filter, [name]: [at] };
}

type Phase = { at: "counting" | "counted" | "doing" | "done" | "stopped"; counted: number; whole: boolean; did: number; problem: Problem | null };

/// The button comes once it is counted, when the dialog has its focus already: then it is what Enter presses. Nothing that destroys is.
const focus = (button: HTMLElement | null): void => button?.focus();

export function Bulk({ kind, filter, close }: { kind: Kind; filter: Filter; close: () => void }) {
  const [fixed] = useState(() => frozen(filter, Date.now()));
  const [phase, setPhase] = useState<Phase>({ at: "counting", counted: 0, whole: false, did: 0, problem: null });
  const stopped = useRef(false);

  const walk = async (dry: boolean, most: number, step: (n: number, total: number) => void): Promise<boolean> => {
    let cursor: string | null = null;
    let total = 0;
    for (let i = 0; i < most; ++i) {
      if (stopped.current) return false;
      const answer: { body: { count: number; next: string | null } } = await ask<{ count: number; next: string | null }>("POST", spaced(`/v1/notifies/${kind}`), { body: { filter: bulkFilter(fixed), ...(dry ? { dry_run: true } : {}), ...(cursor ? { cursor } : {}) } });
      total += answer.body.count;
      step(answer.body.count, total);
      cursor = answer.body.next;
      if (cursor === null) return true;
    }
    return false;
  };

  useEffect(() => {
    stopped.current = false;
    walk(true, kCalls, (_, total) => setPhase((before) => ({ ...before, counted: total })))
      .then((whole) => !stopped.current && setPhase((before) => ({ ...before, at: "counted", whole })))
      .catch((problem) => setPhase((before) => ({ ...before, at: "stopped", problem: problem as Problem })));
    return () => {
      stopped.current = true;
    };
  }, []);

  const run = () => {
    setPhase((before) => ({ ...before, at: "doing" }));
    walk(false, Infinity, (_, total) => setPhase((before) => ({ ...before, did: total })))
      .then((whole) => setPhase((before) => ({ ...before, at: whole ? "done" : "stopped" })))
      .catch((problem) => setPhase((before) => ({ ...before, at: "stopped", problem: problem as Problem })));
  };
  const who = session.get();
  const name = who.state === "open" ? who.who.name : "";
  const n = count(phase.counted);
  return (
    <Dialog title={t(`bulk_${kind}`)} close={close}>
      <ul class="chips" aria-label={t("filters")}>
        {Object.entries(fixed).map(([key, values]) => (
          <li key={key} class="chip">
            <span class="faint">{t(labelOf(key as FilterName))}</span>{" "}
            <Name>{key === "state" ? values.map((state) => term("state", state)).join(", ") : key.endsWith("_after") || key.endsWith("_before") ? localTime(values[0]!) : values.join(", ")}</Name>
          </li>
        ))}
      </ul>
      <div class="bulk" aria-live="polite" data-phase={phase.at}>
        {phase.at === "counting" ? <p>{t("bulk_counting", { n })}</p> : null}
        {phase.at === "counted" ? <p class="big">{phase.counted === 0 ? t("bulk_nothing") : phase.whole ? t("bulk_would", { n }) : t("bulk_would_more", { n })}</p> : null}
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
        {phase.at === "stopped" && !phase.problem ? <p>{t("bulk_stopped", { n: count(phase.did) })}</p> : null}
        {phase.problem ? <Fault problem={phase.problem} /> : null}
      </div>
      <details>
        <summary>{t("as_command")}</summary>
        <Code>{commandOf(kind, fixed, space())}</Code>
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
