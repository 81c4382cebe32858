// What became of one notify over time: waits and attempts, one below the other. Waits of hours and attempts of milliseconds are both seen: the axis is
// compressed unless somebody wants it true to scale.
import { useState } from "preact/hooks";
import { duration } from "./format";
import { t } from "./text";
import { Badge, Code, Icon, Name, Time } from "./ui";
import { isPending, type Attempt, type Notify } from "./types";

export interface Segment {
  kind: "delay" | "held" | "turn" | "attempt" | "again" | "now" | "gone";
  from: number;
  to: number;
  attempt?: Attempt;
  open?: boolean; // it goes on
}

const ms = (at: string): number => new Date(at).getTime();

/// In order of time, each begins where the one before ends or later.
export function segmentsOf(notify: Notify, now: number): Segment[] {
  const out: Segment[] = [];
  const attempts = [...(notify.attempts ?? [])].sort((a, b) => a.number - b.number);
  let at = ms(notify.created_at);
  const wait = (kind: Segment["kind"], to: number, open = false) => {
    if (to > at || open) out.push({ kind, from: at, to: Math.max(at, to), open });
    at = Math.max(at, to);
  };
  const due = notify.due_at ? ms(notify.due_at) : null;
  const first = attempts[0] ? ms(attempts[0].started_at) : null;
  const before = first ?? (notify.settled_at ? ms(notify.settled_at) : now);
  if (notify.state === "held") wait("held", now, true);
  else if (due !== null && due > at && (first === null || due <= first)) wait(notify.fkey ? "held" : "delay", Math.min(due, before), notify.state === "scheduled");
  for (const attempt of attempts) {
    const began = ms(attempt.started_at);
    wait(out.some((segment) => segment.kind === "attempt") ? "again" : "turn", began);
    out.push({ kind: "attempt", from: began, to: began + attempt.duration_ms, attempt });
    at = Math.max(at, began + attempt.duration_ms);
  }
  if (notify.state === "sending") out.push({ kind: "now", from: at, to: Math.max(at, now), open: true });
  else if (isPending(notify.state) && notify.state !== "held" && notify.state !== "scheduled") wait(attempts.length > 0 ? "again" : "turn", now, true);
  else if (notify.settled_at && (notify.state === "cancelled" || notify.state === "expired")) wait("gone", ms(notify.settled_at));
  return out;
}

/// Where each begins and how wide it is, in parts of 1.
export function places(segments: Segment[], toScale: boolean): { left: number; width: number }[] {
  if (segments.length === 0) return [];
  const weights = segments.map((segment) => (toScale ? segment.to - segment.from : 1 + Math.log1p(segment.to - segment.from)));
  const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  let left = 0;
  return weights.map((weight) => {
    const place = { left, width: weight / whole };
    left += place.width;
    return place;
  });
}

const bad = (attempt: Attempt): boolean => attempt.error !== undefined && attempt.error !== "";

function AttemptDetail({ attempt, shown }: { attempt: Attempt; shown: boolean }) {
  return (
    <div class="attempt-detail">
      {attempt.instance ? (
        <p class="faint">
          {t("attempt_instance")} <Name>{attempt.instance}</Name>
        </p>
      ) : null}
      {attempt.response_body ? (
        <details open={shown}>
          <summary>{t("attempt_answer")}</summary>
          <Code label={t("attempt_answer")}>{attempt.response_body}</Code>
        </details>
      ) : null}
    </div>
  );
}

export function Waterfall({ notify, now }: { notify: Notify; now: number }) {
  const [toScale, setToScale] = useState(false);
  const segments = segmentsOf(notify, now);
  const place = places(segments, toScale);
  const missing = notify.attempts_made - (notify.attempts?.length ?? 0);
  const end = segments.length > 0 ? segments[segments.length - 1]!.to : now;
  return (
    <div class="waterfall">
      <div class="scale">
        <Time at={notify.created_at} ms />
        <button type="button" class="small" aria-pressed={toScale} onClick={() => setToScale(!toScale)}>
          {t("to_scale")}
        </button>
        <span>
          {isPending(notify.state) ? t("now") : <Time at={notify.settled_at} ms />} · {t("in_all", { d: duration(end - ms(notify.created_at)) })}
        </span>
      </div>
      <ol>
        {segments.map((segment, i) => {
          const attempt = segment.attempt;
          const failed = attempt !== undefined && bad(attempt);
          const name = attempt
            ? t("attempt_n", { n: attempt.number })
            : segment.kind === "now"
              ? t("attempt_now", { n: notify.attempts_made + 1 })
              : t(`wait_${segment.kind as "delay" | "held" | "turn" | "again" | "gone"}`);
          const last = attempt !== undefined && !segments.slice(i + 1).some((later) => later.attempt);
          return (
            <li key={`${segment.kind}${segment.from}${attempt?.number ?? ""}`} class={`step k-${segment.kind}${failed ? " bad" : ""}${segment.open ? " open" : ""}`}>
              <div class="step-name">
                {attempt ? <Icon name={failed ? "failed" : "succeeded"} /> : <Icon name={segment.kind === "now" ? "sending" : segment.kind === "again" ? "retrying" : segment.kind === "held" ? "held" : "scheduled"} />}
                <span>{name}</span>
                {attempt && attempt.status > 0 ? <span class="step-what">{attempt.status}</span> : null}
              </div>
              <div class="track">
                <div class="bar" style={{ left: `${place[i]!.left * 100}%`, width: `max(3px, ${place[i]!.width * 100}%)` }} />
              </div>
              <div class="step-took">{segment.open && segment.kind !== "now" ? t("so_far", { d: duration(segment.to - segment.from) }) : duration(segment.to - segment.from)}</div>
              {attempt ? (
                <div class="step-more">
                  <Time at={attempt.started_at} ms /> {failed ? <code class="step-what">{attempt.error}</code> : null} {attempt.detail ? <bdi class="ink">{attempt.detail}</bdi> : null}
                  <AttemptDetail attempt={attempt} shown={last && failed} />
                </div>
              ) : null}
            </li>
          );
        })}
        {isPending(notify.state) && notify.next_attempt_at && ms(notify.next_attempt_at) > now ? (
          <li class="step next">
            <div class="step-name">
              <Icon name="ready" />
              <span>{t("next_attempt")}</span>
            </div>
            <div class="step-took wide">
              <Time at={notify.next_attempt_at} ms />
              {` · ${t("in_time", { d: duration(ms(notify.next_attempt_at) - now) })}`}
            </div>
          </li>
        ) : null}
      </ol>
      {missing > 0 && notify.attempts ? <Badge tone="plain">{t("attempts_missing", { n: missing })}</Badge> : null}
    </div>
  );
}
