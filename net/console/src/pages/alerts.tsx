// Alerts: which fire, since when and why; and whether their messages arrive.
import { ask, get, may } from "../api";
import { bytes, count, duration, rate } from "../format";
import { usePoll } from "../poll";
import { href } from "../route";
import { t, term } from "../text";
import { Act, Ago, Badge, Empty, Facts, Fault, Icon, Name, Panel, Time, Title, type Tone } from "../ui";
import { Missing } from "./cluster";
import { NotifyId } from "./notifies";

interface Cause {
  namespace?: string;
  lane?: string;
  host?: string;
  caller?: string;
  name?: string;
  member?: string; // of a cluster: whose process it is about
  since: string;
  value: number;
  detail?: string;
}
interface Alert {
  name: string;
  when: string;
  threshold: number | null;
  unit: "ms" | "percent" | "bytes" | "per_s" | "ratio" | "count" | null;
  fires: "above" | "from" | "below";
  for_ms: number;
  repeat_ms: number;
  to: string[];
  state: "ok" | "pending" | "firing";
  firing_since: string | null;
  causes_count: number;
  causes: Cause[];
  last_message: string | null;
  last_message_at: string | null;
  undelivered: number;
}
interface Alerts {
  items: Alert[];
  firing: number;
  undelivered: number;
  missing?: string[]; // members of a cluster whose figures are not known
}

const kTones: Record<Alert["state"], Tone> = { ok: "good", pending: "warn", firing: "bad" };
const kSample = `[[alert]]
name = "failing"
when = "failing"
for_ms = 60000
to = ["webhook:http://127.0.0.1:9100/alerts"]`;

const kSigns: Record<Alert["fires"], string> = { above: ">", from: "≥", below: "<" };

/// A figure in the alert's unit.
function figure(unit: Alert["unit"], n: number): string {
  switch (unit) {
    case "ms":
      return duration(n);
    case "bytes":
      return bytes(n);
    case "percent":
      return `${Math.round(n * 10) / 10} %`;
    case "per_s":
      return rate(n);
    case "ratio":
      return `× ${Math.round(n * 10) / 10}`;
    case "count":
      return count(n);
    default:
      return "";
  }
}

function CauseLine({ cause, unit }: { cause: Cause; unit: Alert["unit"] }) {
  const query = cause.namespace ? { ns: cause.namespace } : {};
  return (
    <li>
      {cause.host ? <a href={href("destination", [cause.host], query)}><Name>{cause.host}</Name></a> : null} {cause.lane ? <Name>{cause.lane}</Name> : null}{" "}
      {cause.caller ? <a href={href("callers", [], { ...query, caller: cause.caller })}><Name>{cause.caller}</Name></a> : null} {cause.name ? <Name>{cause.name}</Name> : null} {cause.member ? <Name>{cause.member}</Name> : null} {cause.namespace ? <span class="faint">{cause.namespace}</span> : null} · <Ago at={cause.since} />
      {unit ? <> · {figure(unit, cause.value)}</> : null}
      {cause.detail ? <> · <bdi>{cause.detail}</bdi></> : null}
    </li>
  );
}

export function Alerts() {
  const seen = usePoll<Alerts>("/v1/alerts", (signal) => get("/v1/alerts", signal), 2000);
  const data = seen.data;
  if (!data && seen.error?.missing) return <><Title>{t("nav_alerts")}</Title><Empty title={t("alerts_missing")} /></>;
  return (
    <>
      <Title aside={data ? <span>{t("alerts_firing", { n: count(data.firing) })}</span> : null}>{t("nav_alerts")}</Title>
      {seen.error ? <Fault problem={seen.error} again={seen.again} /> : null}
      {data && data.undelivered > 0 ? (
        <div class="banner warn" role="alert">
          <Icon name="warn" />
          {t("alerts_undelivered", { n: count(data.undelivered) })}
        </div>
      ) : null}
      <Missing names={data?.missing} />
      {data && data.items.length === 0 ? <Empty title={t("alerts_none")} command={kSample} /> : null}
      {(data?.items ?? []).map((alert) => (
        <Panel
          key={alert.name}
          title={<><Name>{alert.name}</Name> <Badge tone={kTones[alert.state]}>{term("alert", alert.state)}</Badge></>}
          aside={
            may("operate") ? (
              <Act
                small
                act={async () => {
                  await ask("POST", `/v1/alerts/${encodeURIComponent(alert.name)}/test`);
                  return t("alert_tested");
                }}
              >
                {t("alert_test")}
              </Act>
            ) : null
          }
        >
          <Facts
            rows={[
              [t("alert_when"), <><code>{alert.when}</code>{alert.threshold === null ? "" : ` ${kSigns[alert.fires]} ${figure(alert.unit, alert.threshold)}`} · {t("alert_for", { d: duration(alert.for_ms) })}</>],
              [t("alert_since"), <Ago at={alert.firing_since} />],
              [t("alert_to"), <Name>{alert.to.join(", ")}</Name>],
              [t("alert_message"), alert.last_message_at ? <><Time at={alert.last_message_at} /> {alert.last_message && /^n[0-9a-f]{16}$/.test(alert.last_message) ? <NotifyId id={alert.last_message} /> : alert.last_message}</> : t("none")],
              [t("alert_undelivered"), count(alert.undelivered)],
            ]}
          />
          {alert.causes_count > 0 ? (
            <>
              <h3>{t(alert.causes_count === 1 ? "alert_causes_1" : "alert_causes", { n: count(alert.causes_count) })}</h3>
              <ul class="plain-list">
                {alert.causes.map((cause, i) => (
                  <CauseLine key={i} cause={cause} unit={alert.unit} />
                ))}
              </ul>
            </>
          ) : null}
        </Panel>
      ))}
    </>
  );
}
