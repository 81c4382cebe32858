// Numbers, times and durations as people say them.
import { language, t } from "./text";

const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

export function localTime(at: string | number, withMs = false): string {
  const d = new Date(at);
  if (isNaN(d.getTime())) return String(at);
  const day = `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  const clock = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}${withMs ? "." + pad(d.getMilliseconds(), 3) : ""}`;
  return `${day} ${clock}`;
}

/// Without the day where that is today.
export function shortTime(at: string | number, withMs = false): string {
  const text = localTime(at, withMs);
  const today = localTime(Date.now()).slice(0, 10);
  return text.startsWith(today) ? text.slice(11) : text.slice(5);
}

export const utcTime = (at: string | number): string => {
  const d = new Date(at);
  return isNaN(d.getTime()) ? String(at) : d.toISOString().replace("T", " ").replace("Z", " UTC");
};

/// "5 ms", "1.2 s", "3 min 4 s", "2 h 5 min", "3 d 4 h".
export function duration(ms: number): string {
  const sign = ms < 0 ? "−" : "";
  const of = Math.abs(ms);
  const part = (n: number | string, unit: "unit_ms" | "unit_s" | "unit_min" | "unit_h" | "unit_d") => `${n} ${t(unit)}`;
  const two = (n: number, a: Parameters<typeof part>[1], rest: number, b: Parameters<typeof part>[1]) =>
    part(n, a) + (rest > 0 ? " " + part(rest, b) : "");
  if (of < 1000) return sign + part(of < 10 && of % 1 !== 0 ? of.toFixed(1) : Math.round(of), "unit_ms");
  if (of < 60_000) return sign + part(of < 10_000 ? String(Math.round(of / 100) / 10) : Math.round(of / 1000), "unit_s");
  const s = Math.round(of / 1000);
  if (s < 3600) return sign + two(Math.floor(s / 60), "unit_min", s % 60, "unit_s");
  const min = Math.round(s / 60);
  if (min < 1440) return sign + two(Math.floor(min / 60), "unit_h", min % 60, "unit_min");
  const h = Math.round(min / 60);
  return sign + two(Math.floor(h / 24), "unit_d", h % 24, "unit_h");
}

export const count = (n: number): string => n.toLocaleString(language.get() === "zh" ? "zh-CN" : "en-US", { maximumFractionDigits: 0 });

/// "12.3 k" beyond 10,000: for tiles.
export function compact(n: number): string {
  const steps: [number, string][] = [[1e9, "G"], [1e6, "M"], [1e4, "k"]];
  for (const [least, unit] of steps) {
    if (Math.abs(n) < least) continue;
    const of = n / (unit === "k" ? 1e3 : least);
    return `${of < 100 ? of.toFixed(1) : Math.round(of)} ${unit}`;
  }
  return count(n);
}

export function rate(perS: number): string {
  const n = perS === 0 ? "0" : perS < 10 ? perS.toFixed(perS < 1 ? 2 : 1) : compact(perS);
  return `${n}${t("per_s")}`;
}

export function bytes(n: number): string {
  let of = n;
  for (const unit of ["B", "KiB", "MiB", "GiB", "TiB"]) {
    if (of < 1024 || unit === "TiB") return `${of < 10 && unit !== "B" ? of.toFixed(1) : Math.round(of)} ${unit}`;
    of /= 1024;
  }
  return String(n);
}

export const percent = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(part > 0 && part / whole < 0.1 ? 1 : 0)} %` : "–");

const kSpan = /^(\d+)\s*(s|min|h|d)$/;
const kClock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const kLastTime = Date.UTC(10_000, 0); // none has a year of five digits

const timeOrNull = (at: number): number | null => (at >= 0 && at < kLastTime ? at : null);

/// When a clock shows that, so many days from today; a day need not have 24 hours.
function atClock([, hours, minutes, seconds = "0"]: RegExpExecArray, now: number, days: number): number | null {
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  const d = new Date(now);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + days, Number(hours), Number(minutes), Number(seconds)).getTime();
}

const spanMs = (span: RegExpExecArray): number => Number(span[1]) * { s: 1e3, min: 6e4, h: 36e5, d: 864e5 }[span[2] as "s"]!;

/// A time to come: the next 08:00, "30 min" from now, "2 h", or a date with its time. Null where it is none, or is over.
export function parseAhead(text: string, now = Date.now()): number | null {
  const span = kSpan.exec(text.trim());
  const clock = kClock.exec(text.trim());
  const today = clock ? atClock(clock, now, 0) : null;
  const at = span ? timeOrNull(now + spanMs(span)) : today !== null && today <= now ? atClock(clock!, now, 1) : (today ?? parseTime(text, now));
  return at !== null && at > now ? at : null;
}

const kDate = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d{2}:\d{2})?$/i;

/// A day with its time: by the clock of the browser, unless it says which one. A day that no calendar has is none.
function dateOf(text: string): number | null {
  const found = kDate.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate() || hour > 23 || minute > 59 || second > 59) return null;
  const ms = Number((found[7] ?? "").padEnd(3, "0").slice(0, 3));
  const zone = found[8];
  if (!zone) return timeOrNull(new Date(year, month - 1, day, hour, minute, second, ms).getTime());
  const ahead = /^z$/i.test(zone) ? 0 : (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)));
  return timeOrNull(Date.UTC(year, month - 1, day, hour, minute, second, ms) - ahead * 60_000);
}

/// What a person types for a time: "02:00", "2026-11-27 02:00", RFC 3339; local; or how long ago: "2 h". Null where it is none of these: a time that was
/// guessed is one that nobody meant. A clock time is the last one that was.
export function parseTime(text: string, now = Date.now()): number | null {
  const trimmed = text.trim();
  const clock = kClock.exec(trimmed);
  if (clock) {
    const today = atClock(clock, now, 0);
    return today !== null && today > now ? atClock(clock, now, -1) : today;
  }
  const ago = kSpan.exec(trimmed);
  if (ago) return timeOrNull(now - spanMs(ago));
  return dateOf(trimmed);
}
