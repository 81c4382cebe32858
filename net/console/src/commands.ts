// What says the same in a shell: a call as curl makes it, a submit or an action as notifyctl makes it. Pure. Whatever somebody gave as a name, a header
// or a body is one word to the shell, and does nothing to the terminal that it is pasted into.
import { kFilters, type Filter } from "./filter";
import { digitsOf, jsonOf, keyOf } from "./json";
import type { Word } from "./text";
import type { Notify } from "./types";

/// A command, or null where there is none that says the same; and what there is to say of it.
export interface Command {
  text: string | null;
  notes: Word[];
}

// All but tab and newline: a terminal takes them for keys that are pressed, and a word of a command cannot hold a NUL. And those that turn around what
// stands beside them: a command would not read as it runs.
const kControl = /([\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]+)/;
const kMostWordBytes = 100_000; // Linux takes 128 KiB; what printf is given is no word of a program's, since the shell does that itself
const kHidden = "***";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const octal = (text: string): string => Array.from(utf8(text), (byte) => "\\" + byte.toString(8).padStart(3, "0")).join("");

export function shellQuoted(text: string): string {
  if (/^[\w./:@%+,-][\w./:@%+=,-]*$/.test(text)) return text;
  const parts = text.split(kControl).map((part, i) => (i % 2 === 1 ? `"$(printf '${octal(part)}')"` : part === "" ? "" : `'${part.replace(/'/g, `'\\''`)}'`));
  return parts.join("") || "''";
}

/// With "=" where the value would be taken for an option itself.
const option = (name: string, value: string): string => `--${name.replace(/_/g, "-")}${value.startsWith("-") ? "=" : " "}${shellQuoted(value)}`;

/// A name that stands by itself; behind others that do not.
export const positional = (name: string): string => (name.startsWith("-") ? "-- " : "") + shellQuoted(name);

export const notifyctl = (space: string): string => (space === "default" ? "notifyctl" : `notifyctl ${option("namespace", space)}`);

/// An action on what a filter matches, or the list of that.
export function commandOf(verb: string, filter: Filter, space: string): string {
  const parts = [notifyctl(space), verb];
  for (const name of kFilters) for (const value of name === "state" && filter.state ? [filter.state.join(",")] : (filter[name] ?? [])) parts.push(option(name, value));
  return parts.join(" ");
}

/// The submit of a notify that has these fields (docs/openapi.yaml, Notify).
export function submitOf({ url, headers, ...fields }: Record<string, unknown>, space: string): string {
  const words = [shellQuoted(String(url))];
  for (const [name, value] of Object.entries((headers as Record<string, string> | undefined) ?? {})) words.push(option("header", `${name}: ${value}`));
  for (const [name, value] of Object.entries(fields)) words.push(option(name, typeof value === "string" && name !== "data" ? value : jsonOf(value)));
  const flags = words.join(" ");
  const submit = `${notifyctl(space)} submit`;
  // As JSON it is of any length, and what no word can hold is escaped.
  if (!flags.includes("\\000") && words.every((word) => utf8(word).length <= kMostWordBytes)) return `${submit} ${flags}`;
  return `printf '%s\\n' ${shellQuoted(jsonOf({ url, headers, ...fields }))} | ${submit} -f -`;
}

const given = (value: unknown): boolean => value !== undefined && value !== null;
/// What is given of it, and is not as it is by default.
function differing(of: object | null | undefined, defaults: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(of ?? {}).filter(([name, value]) => given(value) && JSON.stringify(value) !== JSON.stringify(defaults[name])));
}

const kDefaults = { method: "POST", content_type: "application/json", on_held: "reject", partitions: 16, order_by_missing: "refuse", mode: "concurrent", priority: 4, reply: "expected", keep_response_bytes: 0, connect_timeout_ms: 5000, caller: "unknown" };
const kDefaultRetry = { max_attempts: 10, initial_ms: 1000, factor: 2, max_ms: 3_600_000, jitter: 0.1 };
const kPatterns = ["fatal_on", "later_on", "only_on"] as const;

/// The fields by which it would be submitted again as it was; those left out that are as they are by default.
export function fieldsOf(notify: Notify, now: number): Record<string, unknown> {
  const { url, method, headers, content_type, data, body, body_base64, pool, pool_fallback, instance, fkey, on_held, group, order_by, partitions, order_by_missing, priority, reply, compress, follow_redirects } = notify;
  const { keep_response_bytes, timeout_ms, connect_timeout_ms, idempotency_key, caller, labels, callback_url } = notify;
  const byDefault = url.split(/[?#]/)[0] + (group ? "#" + group : "");
  const ordered = given(order_by); // the lane has the partition behind its name, and is fifo
  const lane = ordered ? notify.lane.replace(/~\d+$/, "") : notify.lane;
  const retry = differing(notify.retry, kDefaultRetry);
  for (const name of kPatterns) if (retry[name]) retry[name] = differing(notify.retry[name], {});
  const expect = differing(notify.expect, {});
  const fields = {
    url,
    headers: Object.keys(headers).length > 0 ? headers : null,
    ...{ method, content_type, data, body, body_base64, pool, pool_fallback, instance, fkey, on_held },
    // What was due at a time that is over is due now, as what says no time.
    ...(notify.delay_ms !== null ? { delay_ms: notify.delay_ms } : { due_at: notify.due_at !== null && Date.parse(notify.due_at) > now ? notify.due_at : null }),
    lane: lane === byDefault ? null : lane,
    ...{ group, order_by, partitions, order_by_missing, mode: ordered ? null : notify.mode, priority, reply },
    expect: JSON.stringify(expect) === '{"status":["2xx"]}' ? null : expect,
    // Of these a namespace may have a default of its own, which nobody knows here: they are always said.
    retry: Object.keys(retry).length > 0 ? retry : { max_attempts: notify.retry.max_attempts },
    ...{ compress, follow_redirects, keep_response_bytes, timeout_ms, connect_timeout_ms },
    ...(notify.ttl_ms !== null ? { ttl_ms: notify.ttl_ms } : { expires_at: notify.expires_at }),
    ...{ idempotency_key, caller, labels, callback_url },
  };
  return differing(fields, kDefaults);
}

/// What is not shown of it to whoever looks.
function hidden(notify: Notify): Word[] {
  const notes: Word[] = [];
  if (Object.values(notify.headers).includes(kHidden) || notify.url.endsWith("/" + kHidden)) notes.push("command_hidden");
  if (notify.data === undefined && notify.body === undefined) notes.push("no_bodies");
  return notes;
}

export function submitAgain(notify: Notify, space: string, now: number): Command {
  const notes = hidden(notify);
  if (notify.event ?? notify.schedule ?? notify.group_id) notes.push("command_alone");
  if (notify.idempotency_key !== null) notes.push("command_once");
  if (notify.ttl_ms === null && notify.expires_at !== null && Date.parse(notify.expires_at) <= now) notes.push("command_over");
  return { text: submitOf(fieldsOf(notify, now), space), notes };
}

const urlEncoded = (text: string): string => encodeURIComponent(text).replace(/[!'()*~]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase()).replace(/%20/g, "+");

/// As PHP's http_build_query makes it, and the broker (broker/payload.cc).
export function formOf(data: unknown): string {
  const fields: string[] = [];
  const write = (value: unknown, name: string | null) => {
    if (value === null) return;
    if (typeof value !== "object") fields.push(`${name}=${urlEncoded(value === true ? "1" : value === false ? "0" : String(value))}`);
    else if (digitsOf(value) !== null) fields.push(`${name}=${urlEncoded(digitsOf(value)!)}`);
    else for (const [key, member] of Object.entries(value)) write(member, name === null ? urlEncoded(keyOf(key)) : `${name}%5B${urlEncoded(keyOf(key))}%5D`);
  };
  write(data, null);
  return fields.join("&");
}

/// What goes over the wire: `body` in base64 where it is no text.
function wireOf(notify: Notify): { url: string; body: string | null; base64: boolean } {
  const { data, content_type } = notify;
  const url = notify.url.split("#")[0]!;
  if (data === undefined || data === null) return { url, body: notify.body ?? notify.body_base64 ?? null, base64: !given(notify.body) && given(notify.body_base64) };
  if (["GET", "HEAD", "DELETE"].includes(notify.method)) {
    const query = formOf(data);
    return { url: query === "" ? url : url + (!url.includes("?") ? "?" : /[?&]$/.test(url) ? "" : "&") + query, body: null, base64: false };
  }
  const form = content_type.split(";")[0]!.trim().toLowerCase() === "application/x-www-form-urlencoded";
  return { url, body: form ? formOf(data) : jsonOf(data), base64: false };
}

function headersOf(notify: Notify, typed: boolean): string[] {
  const has = (wanted: string) => Object.keys(notify.headers).some((name) => name.toLowerCase() === wanted);
  const headers: [string, string | undefined][] = Object.entries(notify.headers);
  if (!has("content-type") && typed) headers.push(["Content-Type", notify.content_type]);
  if (notify.compress && typed) headers.push(["Content-Encoding", "gzip"]);
  headers.push(["Notify-Id", notify.id], ["Notify-Attempt", String(Math.max(1, notify.attempts_made + (notify.state === "sending" ? 1 : 0)))]);
  headers.push(["Notify-Event", notify.event], ["Notify-Topic", notify.topic], ["Notify-Subscription", notify.subscription], ["Notify-Schedule", notify.schedule], ["Notify-Group", notify.group_id]);
  // "Name;" is how curl is told of one that is empty; "Name:" takes one away that it would send.
  const said = headers.filter(([, value]) => value !== undefined).map(([name, value]) => (value!.trim() === "" ? `${name};` : `${name}: ${value}`));
  return !typed && !has("content-type") && ["POST", "PUT", "PATCH"].includes(notify.method) ? [...said, "Content-Type:"] : said;
}

/// The call of one attempt.
export function curlOf(notify: Notify): Command {
  if (notify.url.startsWith("service:")) return { text: null, notes: ["curl_service"] };
  if (!/^https?:/.test(notify.url)) return { text: null, notes: ["curl_command"] };
  const { url, body, base64 } = wireOf(notify);
  const curl = ["curl", ...(notify.method === "HEAD" && body === null ? ["-I"] : ["-i", "-X", notify.method])];
  curl.push("-m", String(notify.timeout_ms / 1000), "--connect-timeout", String(notify.connect_timeout_ms / 1000));
  if (/[[\]{}]/.test(url)) curl.push("-g");
  if (/\/(\.|%2e)/i.test(url)) curl.push("--path-as-is");
  for (const header of headersOf(notify, body !== null)) curl.push("-H", shellQuoted(header));
  let source = "";
  if (body !== null && body !== "" && (base64 || notify.compress || kControl.test(body) || utf8(body).length > kMostWordBytes)) {
    const plain = !base64 && !kControl.test(body);
    source = plain ? `printf %s ${shellQuoted(body)} | ` : `printf %s ${base64 ? body : btoa(Array.from(utf8(body), (byte) => String.fromCharCode(byte)).join(""))} | base64 -d | `;
    if (notify.compress) source += "gzip -c | ";
    curl.push("--data-binary", "@-");
  } else if (body !== null || ["POST", "PUT", "PATCH"].includes(notify.method)) {
    curl.push("--data-raw", shellQuoted(body ?? "")); // not --data-binary: that reads a file where a body begins with "@"
  }
  curl.push(shellQuoted(url));
  return { text: source + curl.join(" "), notes: [...hidden(notify), "curl_without"] };
}
