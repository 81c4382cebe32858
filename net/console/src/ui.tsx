// Small pieces that all pages are made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Problem, ask, kUnaskable } from "./api";
import { textsOf, touched, type Texts } from "./changes";
import { count, duration, localTime, shortTime, utcTime } from "./format";
import { Store, useStore } from "./store";
import { isolated, t, term, type Word } from "./text";
import type { Breaker, State } from "./types";

/// Said to whoever does not see it, and shown for a moment.
export const said = new Store<{ text: string; bad?: boolean; n: number } | null>(null);
let saidCount = 0;
export const say = (text: string, bad = false): void => said.set({ text, bad, n: ++saidCount });

export function Toast() {
  const now = useStore(said);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!now) return;
    setShown(true);
    const timer = setTimeout(() => setShown(false), now.bad ? 12_000 : 4000);
    return () => clearTimeout(timer);
  }, [now]);
  return (
    <div class={"toast" + (shown && now ? " on" : "") + (now?.bad ? " bad" : "")} role="status" aria-live="polite">
      {now?.text ?? ""}
    </div>
  );
}

export function Time({ at, ms = false, full = false }: { at: string | number | null | undefined; ms?: boolean; full?: boolean }) {
  if (at === null || at === undefined) return <span class="faint">–</span>;
  const iso = typeof at === "number" ? new Date(at).toISOString() : at;
  return (
    <time dateTime={iso} title={t("local_time_and_utc", { local: localTime(at, true), utc: utcTime(at) })}>
      {full ? localTime(at, ms) : shortTime(at, ms)}
    </time>
  );
}

/// "3 min ago", "in 5 s"; as of the last drawing.
export function Ago({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="faint">–</span>;
  const since = Date.now() - new Date(at).getTime();
  return (
    <time dateTime={at} title={t("local_time_and_utc", { local: localTime(at, true), utc: utcTime(at) })}>
      {since >= 0 ? t("ago", { d: duration(since) }) : t("in_time", { d: duration(-since) })}
    </time>
  );
}

async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not over plain HTTP from elsewhere: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(t("copied"));
}

export function Copy({ text, label }: { text: string; label?: string }) {
  return (
    <button
      type="button"
      class="copy"
      aria-label={label ?? t("copy_id", { id: text.length > 60 ? text.slice(0, 60) + "…" : text })}
      title={t("copy")}
      onClick={(event) => {
        event.stopPropagation();
        event.preventDefault();
        void copyText(text);
      }}
    >
      <Icon name="copy" />
    </button>
  );
}

/// A name that somebody else gave: shown as it is, apart from the text around it, whatever directions or markup it has.
export function Name({ children, title }: { children: string; title?: string }) {
  return (
    <bdi class="name" title={title ?? children}>
      {children}
    </bdi>
  );
}

const kShown = 32_768; // of a text; to lay out a megabyte takes a browser seconds

export function Code({ children, label }: { children: string; label?: string }) {
  const whole = children.length <= kShown;
  const end = /[\ud800-\udbff]/.test(children.charAt(kShown - 1)) ? kShown - 1 : kShown; // no half of a character
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}>{whole ? children : children.slice(0, end)}</pre>
      {whole ? null : <p class="faint">{t("code_more", { n: count(children.length - end) })}</p>}
      <Copy text={children} label={t("copy")} />
    </div>
  );
}

const kIcons = {
  copy: "M5 3h7v9M3 5h7v9H3z",
  held: "M5 3v10M11 3v10",
  scheduled: "M8 2a6 6 0 1 0 .01 0M8 5v3.5l2.5 1.5",
  ready: "M4 3l9 5-9 5z",
  sending: "M2 8h10M9 4l4 4-4 4",
  retrying: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  succeeded: "M3 8.5l3.5 3.5L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2a6 6 0 1 0 .01 0M4 12l8-8",
  expired: "M4 2h8L8 8l4 6H4l4-6z",
  good: "M3 8.5l3.5 3.5L13 4.5",
  bad: "M8 2l6.5 12h-13zM8 6.5v3.5M8 11.8v.6",
  warn: "M8 2a6 6 0 1 0 .01 0M8 5v4M8 10.8v.6",
  menu: "M2 4h12M2 8h12M2 12h12",
  sun: "M8 5a3 3 0 1 0 .01 0M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0M10.5 10.5L14 14",
  close: "M4 4l8 8M12 4l-8 8",
  half: "M8 2a6 6 0 1 0 .01 0M8 2v12",
} as const;
export type IconName = keyof typeof kIcons;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={kIcons[name]} />
    </svg>
  );
}

export function StateBadge({ state }: { state: State }) {
  return (
    <span class={"badge s-" + state}>
      <Icon name={state} />
      {term("state", state)}
    </span>
  );
}

export type Tone = "good" | "warn" | "bad" | "plain";
export function Badge({ tone, icon, children }: { tone: Tone; icon?: IconName; children: ComponentChildren }) {
  const shown = icon ?? (tone === "plain" ? undefined : tone);
  return (
    <span class={"badge t-" + tone}>
      {shown ? <Icon name={shown} /> : null}
      {children}
    </span>
  );
}

const kBreakerTones: Record<Breaker["state"], [Tone, IconName]> = { closed: ["good", "good"], open: ["bad", "bad"], probing: ["warn", "half"], ramp: ["warn", "retrying"] };
export function BreakerBadge({ state }: { state: Breaker["state"] }) {
  const [tone, icon] = kBreakerTones[state] ?? ["plain", "half"];
  return (
    <Badge tone={tone} icon={icon}>
      {term("breaker", state)}
    </Badge>
  );
}

const kAdvice = ["error_0", "error_401", "error_403", "error_404", "error_409", "error_412", "error_422", "error_429", "error_501", "error_503", "error_507"];

/// `done`: it is of something that was to be done, which nobody asks for again.
function adviceOf(problem: Problem, done: boolean): string {
  if (problem.type === kUnaskable) return t("error_unaskable");
  if (done && problem.status === 0) return t("error_done_0");
  if (done && problem.status === 503) return t("error_done_503");
  const key = `error_${problem.status}`;
  return kAdvice.includes(key) ? t(key as Word, { field: problem.field ? ` (${problem.field})` : "" }) : t("error_other", { status: problem.status });
}

/// What went wrong, and what to do about it.
export function Fault({ problem, again, done = false }: { problem: Problem; again?: () => void; done?: boolean }) {
  return (
    <div class="fault" role="alert">
      <Icon name="bad" />
      <div>
        <strong>{adviceOf(problem, done)}</strong>
        {problem.detail ? (
          <p>
            <bdi>{problem.detail}</bdi>
          </p>
        ) : null}
        {again ? (
          <button type="button" onClick={again}>
            {t("try_again")}
          </button>
        ) : null}
      </div>
    </div>
  );
}

/// Nothing there: says what would be, and the command that would fill it.
export function Empty({ title, children, command }: { title: string; children?: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children ? <p>{children}</p> : null}
      {command ? (
        <>
          <p class="faint">{t("empty_run")}</p>
          <Code>{command}</Code>
        </>
      ) : null}
    </div>
  );
}

export function Panel({ title, children, aside, id, wide = false }: { title?: ComponentChildren; children: ComponentChildren; aside?: ComponentChildren; id?: string; wide?: boolean }) {
  return (
    <section class={"panel" + (wide ? " wide" : "")} id={id}>
      {title || aside ? (
        <header>
          <h2>{title}</h2>
          <div class="aside">{aside}</div>
        </header>
      ) : null}
      {children}
    </section>
  );
}

export function Title({ children, aside }: { children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <div class="title">
      <h1>{children}</h1>
      <div class="aside">{aside}</div>
    </div>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

let open = 0;
export const dialogOpen = (): boolean => open > 0;

/// Escape and a click beside it close it; what had the focus gets it back. Where `close` keeps it, it stays.
export function Dialog({ title, children, close }: { title: string; children: ComponentChildren; close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const gone = useRef(false);
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const dialog = box.current;
    open += 1;
    gone.current = false;
    dialog?.showModal();
    return () => {
      open -= 1;
      gone.current = true;
      dialog?.close(); // what is only taken away leaves the page inert for a while: the next key would be lost
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={box}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClose={() => {
        // A browser closes at the second Escape, whatever is said of the first.
        setTimeout(() => {
          if (!gone.current && box.current && !box.current.open) box.current.showModal();
        });
      }}
      onClick={(event) => {
        if (event.target === box.current) close();
      }}
    >
      <div class="dialog">
        <header>
          <h2>{title}</h2>
          <button type="button" class="plain" aria-label={t("close")} onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/// Does one thing at a time: what comes while it is under way is not done, be it before anything is drawn anew.
function useOnce(): [boolean, (act: () => Promise<void>) => Promise<void>] {
  const [busy, setBusy] = useState(false);
  const runs = useRef(false);
  const once = async (act: () => Promise<void>) => {
    if (runs.current) return;
    runs.current = true;
    setBusy(true);
    try {
      await act();
    } finally {
      runs.current = false;
      setBusy(false);
    }
  };
  return [busy, once];
}

interface Sent {
  children: ComponentChildren;
  label: string;
  send: () => Promise<string | false | void> | string | false | void; // false, or what is wrong: nothing was sent
  close?: () => void;
  stays?: boolean;
  disabled?: boolean;
  classes?: string;
}

/// A form that is sent once at a time, and says what was refused. `close`: the way out of a dialog, which is closed by it once it was done, too, unless
/// it `stays`.
export function Form({ children, label, send, close, stays = false, disabled = false, classes }: Sent) {
  const [busy, once] = useOnce();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [bad, setBad] = useState("");
  const here = useRef(true);
  useEffect(() => () => void (here.current = false), []);
  return (
    <form
      class={classes}
      aria-busy={busy}
      onSubmit={(event) => {
        event.preventDefault();
        if (disabled) return;
        void once(async () => {
          setProblem(null);
          setBad("");
          try {
            const wrong = await send();
            if (wrong) setBad(wrong);
            else if (wrong !== false && close && !stays && here.current) close();
          } catch (error) {
            const fault = error instanceof Problem ? error : new Problem(-1, "", String(error));
            // Who has left it is told all the same what became of it.
            if (here.current) setProblem(fault);
            else say(textOf(fault), true);
          }
        });
      }}
    >
      {children}
      {bad ? <p class="bad-text" role="alert">{bad}</p> : null}
      {problem ? <Fault problem={problem} done /> : null}
      {close ? (
        <footer>
          <button type="submit" class="main" disabled={disabled || busy}>{label}</button>
          <button type="button" onClick={close}>{t("cancel_dialog")}</button>
        </footer>
      ) : (
        <button type="submit" class="main" disabled={disabled || busy}>{label}</button>
      )}
    </form>
  );
}

/// Settings in a dialog, as they were when it was opened. `now`: as they are. What was touched is sent, and nothing else.
export function useSettings(now: Record<string, string | number | null | undefined>, path: string): { texts: Texts; set: (name: string) => (event: { currentTarget: { value: string } }) => void; save: () => Promise<string | void> } {
  const [opened] = useState(() => textsOf(now));
  const [texts, setTexts] = useState(opened);
  const save = async () => {
    const { body, meanwhile } = touched(opened, texts, textsOf(now));
    if (Object.keys(body).length === 0) return t("change_nothing");
    if (meanwhile) return t("error_412");
    await ask("PATCH", path, { body });
    say(t("changed"));
  };
  return { texts, set: (name) => (event) => setTexts({ ...texts, [name]: event.currentTarget.value }), save };
}

/// A button that works once at a time, and says how it went.
export function Act({ children, act, tone, small = false, disabled = false }: { children: ComponentChildren; act: () => Promise<void | string>; tone?: "main" | "danger"; small?: boolean; disabled?: boolean }) {
  const [busy, once] = useOnce();
  return (
    <button
      type="button"
      class={[tone ?? "", small ? "small" : ""].join(" ").trim()}
      disabled={busy || disabled}
      aria-busy={busy}
      onClick={(event) => {
        event.stopPropagation();
        void once(async () => {
          try {
            const text = await act();
            if (typeof text === "string") say(text);
          } catch (error) {
            say(textOf(error), true);
          }
        });
      }}
    >
      {children}
    </button>
  );
}

/// Of what was to be done.
export function textOf(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  return `${t("error_title")}: ${error.status === 0 || !error.detail ? adviceOf(error, true) : isolated(error.detail)}`;
}

/// `fault`: what is wrong with what was typed.
export function Field({ label, children, hint, fault }: { label: string; children: JSX.Element; hint?: string; fault?: string | null }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint ? <small>{hint}</small> : null}
      {fault ? <small class="bad-text" role="alert">{fault}</small> : null}
    </label>
  );
}

/// Parts of a whole, widths in their proportion; named by its title.
export function Meter({ value, of, label }: { value: number; of: number; label: string }) {
  const share = of > 0 ? Math.min(1, value / of) : 0;
  return <meter class={share > 0.9 ? "full" : ""} min={0} max={1} value={share} aria-label={label} title={label} />;
}
